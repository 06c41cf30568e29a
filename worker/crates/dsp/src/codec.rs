//! What every audio codec can do, and the one table of those we have.

use std::fmt;

use crate::{g711, g722, opus};

/// Longest packet any codec may carry: RFC 6716 allows 120 ms, and we hold phones to the same.
/// Units: milliseconds.
pub const PACKET_MS_MAX: u32 = 120;

/// Largest encoded frame of 20 ms that any encoder here writes.
/// Units: bytes.
pub const PAYLOAD_BYTES_MAX: usize = 1_275;

/// An audio codec: names, rates, and how to make its two machines.
pub trait Codec: Sync {
    /// Its name, as in SDP but lower case, and as on the channel to the server.
    fn name(&self) -> &'static str;
    /// RTP clock. Units: Hz. G.722's is 8,000 although it samples at 16,000 (RFC 3551 4.5.2).
    fn clock_rate(&self) -> u32;
    /// Rate of the samples that go in and come out. Units: Hz.
    fn sample_rate(&self) -> u32;
    /// Channels announced in SDP. We send and hear mono whatever this says.
    fn channels(&self) -> u8;
    /// Whether a packet may carry a poorer copy of the one before it.
    fn has_fec(&self) -> bool;
    /// How much sound a packet holds.
    /// Units: RTP clock. None: not a packet of this codec.
    fn duration(&self, payload: &[u8]) -> Option<u32>;
    /// Whether a packet only says "silence from here" (discontinuous transmission).
    fn is_silence(&self, payload: &[u8]) -> bool;
    /// The payload of one byte that tells a decoder, which has just had `last`, that silence begins.
    /// None: this codec has no such thing, its silence must be sent like sound.
    fn silence_after(&self, last: &[u8]) -> Option<u8>;
    /// Makes an encoder.
    /// Errors: the codec's library refused, which means out of memory or a bug.
    fn encoder(&self, settings: &EncoderSettings) -> Result<Box<dyn Encoder>, CodecError>;
    /// Makes a decoder.
    /// Errors: as for [`Codec::encoder`].
    fn decoder(&self) -> Result<Box<dyn Decoder>, CodecError>;
}

/// Turns samples into payloads.
pub trait Encoder: Send {
    /// Encodes one frame of 20 ms into `payload`.
    /// Shape: `samples` is 20 ms at the codec's sample rate; `payload` holds [`PAYLOAD_BYTES_MAX`].
    /// Errors: wrong shape, or the library refused.
    fn encode(&mut self, samples: &[f32], payload: &mut [u8]) -> Result<Encoded, CodecError>;
    /// Forgets what was encoded, for use by another listener. The first frame after it depends as
    /// little as the codec can on what the far decoder heard before.
    fn reset(&mut self);
}

/// Turns payloads into samples.
pub trait Decoder: Send {
    /// Decodes one packet and answers how many samples it wrote.
    /// Shape: `samples` holds [`PACKET_MS_MAX`] at the codec's sample rate.
    /// Errors: not a packet of this codec; nothing was written.
    fn decode(&mut self, payload: &[u8], samples: &mut [f32]) -> Result<usize, CodecError>;
    /// Fills `samples` with what the lost packet may have sounded like.
    fn conceal(&mut self, samples: &mut [f32]);
    /// Fills `samples` with the end of the lost packet before `next`, from the copy that `next`
    /// carries, or conceals where it carries none.
    fn recover(&mut self, next: &[u8], samples: &mut [f32]);
    /// Forgets what was decoded.
    fn reset(&mut self);
}

/// One encoded frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Bytes written.
    pub bytes: usize,
    /// The frame need not be sent: the far decoder fills the gap with silence by itself.
    pub is_silence: bool,
}

/// How to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncoderSettings {
    /// CPU spent for quality, 0 to 10. Codecs without such a choice ignore it, and what follows.
    pub complexity: u8,
    /// Units: bits per second.
    pub bitrate_bps: u32,
    /// Whether the encoder may judge by itself what is silence. It takes a steady tone for silence
    /// too, so whoever knows better leaves this off.
    pub dtx: bool,
    /// Share of packets that the network is thought to lose; above 0 each packet carries a poorer
    /// copy of the one before. Units: percent.
    pub expected_loss_percent: u8,
}

impl Default for EncoderSettings {
    /// Speech for a conference: 32 kb/s, complexity 5 (130 µs a frame where 10 takes 170), silence
    /// sent, copies against a tenth of the packets lost.
    fn default() -> Self {
        Self {
            complexity: 5,
            bitrate_bps: 32_000,
            dtx: false,
            expected_loss_percent: 10,
        }
    }
}

/// Every codec there is, best sound first. To add one: its file, its name here and its row below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CodecId {
    /// RFC 6716.
    Opus,
    /// RFC 3551 4.5.2.
    G722,
    /// RFC 3551 4.5.14, mu-law.
    Pcmu,
    /// RFC 3551 4.5.14, A-law.
    Pcma,
}

static CODECS: [(CodecId, &dyn Codec); 4] = [
    (CodecId::Opus, &opus::Opus),
    (CodecId::G722, &g722::G722),
    (CodecId::Pcmu, &g711::Pcmu),
    (CodecId::Pcma, &g711::Pcma),
];

impl CodecId {
    /// Finds a codec by its name on the channel to the server.
    pub fn named(name: &str) -> Option<Self> {
        codecs().find(|id| id.codec().name() == name)
    }

    /// The codec itself.
    pub fn codec(self) -> &'static dyn Codec {
        CODECS[self as usize].1
    }
}

/// Every codec, best sound first.
pub fn codecs() -> impl Iterator<Item = CodecId> {
    CODECS.iter().map(|(id, _)| *id)
}

/// Why a codec refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// The payload is not of this codec, is damaged, or holds more than [`PACKET_MS_MAX`].
    BadPayload,
    /// A buffer has the wrong length; a bug of the caller.
    BadShape {
        /// What was given.
        samples: usize,
    },
    /// The codec's library refused.
    Library(String),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPayload => f.write_str("the payload is not of this codec"),
            Self::BadShape { samples } => write!(f, "a buffer of {samples} does not fit"),
            Self::Library(text) => write!(f, "the codec's library refused: {text}"),
        }
    }
}

impl std::error::Error for CodecError {}
