//! What far ends publish: a voice with a tone of its own, a camera with numbered frames.

use parley_dsp::codec::PAYLOAD_BYTES_MAX;
use parley_dsp::level::minus_dbov;
use parley_dsp::tone::Tone;
use parley_dsp::{CodecError, CodecId, Encoder, EncoderSettings, MIX_FRAME, MIX_RATE};
use parley_rtp::header::AudioLevel;
use parley_rtp::time::Micros;

/// A microphone before which somebody whistles one note.
pub struct Voice {
    tone: Tone,
    encoder: Box<dyn Encoder>,
    next: Micros,
    timestamp: u32,
    /// Whether it sounds; a silent one sends nothing.
    pub sounds: bool,
}

/// A frame of sound.
pub struct VoiceFrame {
    /// RTP timestamp.
    pub timestamp: u32,
    /// Loudness.
    pub level: AudioLevel,
    /// Opus.
    pub payload: Vec<u8>,
}

const VOICE_US: u64 = 20_000;

impl Voice {
    /// A note of `hz`.
    /// Errors: the codec's library refused.
    pub fn new(now: Micros, hz: f64) -> Result<Self, CodecError> {
        Ok(Self {
            tone: Tone::new(hz, 0.25, MIX_RATE),
            encoder: CodecId::Opus.codec().encoder(&EncoderSettings::default())?,
            next: now,
            timestamp: hz as u32 * 1_000_003,
            sounds: true,
        })
    }

    /// When the next frame is due.
    pub fn deadline(&self) -> Micros {
        self.next
    }

    /// The frame that is due, if one is and it sounds.
    /// Errors: the codec's library refused.
    pub fn advance(&mut self, now: Micros) -> Result<Option<VoiceFrame>, CodecError> {
        if now < self.next {
            return Ok(None);
        }
        self.next = Micros(self.next.0 + VOICE_US);
        self.timestamp = self.timestamp.wrapping_add(MIX_FRAME as u32);
        if !self.sounds {
            return Ok(None);
        }
        let mut samples = [0.0; MIX_FRAME];
        self.tone.fill(&mut samples);
        let mut payload = vec![0; PAYLOAD_BYTES_MAX];
        let encoded = self.encoder.encode(&samples, &mut payload)?;
        payload.truncate(encoded.bytes);
        let level = AudioLevel {
            is_voice: true,
            attenuation_db: minus_dbov(&samples),
        };
        Ok(Some(VoiceFrame {
            timestamp: self.timestamp,
            level,
            payload,
        }))
    }
}

/// A camera whose frames carry their number; VP8 on the outside (RFC 7741), nothing within.
pub struct Camera {
    /// The layer's name; none without simulcast.
    pub rid: Option<&'static str>,
    /// Its SSRC.
    pub ssrc: u32,
    size: (u16, u16),
    packets_per_frame: usize,
    next: Micros,
    timestamp: u32,
    frame: u32,
    is_key_wanted: bool,
    last_key: Option<Micros>,
    /// Whether it films; not before there is somewhere to send it, like a browser's encoder.
    pub films: bool,
}

/// A packet of a frame.
pub struct CameraPacket {
    /// RTP timestamp.
    pub timestamp: u32,
    /// Last of its frame.
    pub marker: bool,
    /// VP8.
    pub payload: Vec<u8>,
}

const CAMERA_US: u64 = 33_333;
const CAMERA_TICKS: u32 = 3_000;
/// Chromium's encoder ignores requests that come sooner after a key frame.
const KEY_QUIET_US: u64 = 300_000;
/// Payload bytes of a full packet.
const CAMERA_PAYLOAD_BYTES: usize = 1_000;
/// Bytes of the VP8 payload descriptor below.
const DESCRIPTOR_BYTES: usize = 5;

impl Camera {
    /// A camera of this picture size, whose frames take so many packets (a key frame thrice).
    pub fn new(
        now: Micros,
        ssrc: u32,
        rid: Option<&'static str>,
        size: (u16, u16),
        packets_per_frame: usize,
    ) -> Self {
        Self {
            rid,
            ssrc,
            size,
            packets_per_frame,
            next: now,
            timestamp: ssrc.wrapping_mul(2_654_435_761),
            frame: 0,
            is_key_wanted: true,
            last_key: None,
            films: false,
        }
    }

    /// Asks for a key frame.
    pub fn want_key_frame(&mut self) {
        self.is_key_wanted = true;
    }

    /// When the next frame is due.
    pub fn deadline(&self) -> Micros {
        self.next
    }

    /// The packets of the frame that is due; none where none is.
    pub fn advance(&mut self, now: Micros) -> Vec<CameraPacket> {
        if now < self.next {
            return Vec::new();
        }
        self.next = Micros(self.next.0 + CAMERA_US);
        self.timestamp = self.timestamp.wrapping_add(CAMERA_TICKS);
        if !self.films {
            return Vec::new();
        }
        let is_quiet = self
            .last_key
            .is_some_and(|last| now.micros_since(last) < KEY_QUIET_US);
        if is_quiet {
            self.is_key_wanted = false;
        }
        let is_key = std::mem::take(&mut self.is_key_wanted);
        if is_key {
            self.last_key = Some(now);
        }
        self.frame += 1;
        let count = if is_key {
            self.packets_per_frame * 3
        } else {
            self.packets_per_frame
        };
        (0..count)
            .map(|part| CameraPacket {
                timestamp: self.timestamp,
                marker: part + 1 == count,
                payload: self.payload(part, is_key),
            })
            .collect()
    }

    fn payload(&self, part: usize, is_key: bool) -> Vec<u8> {
        let mut payload = vec![0; CAMERA_PAYLOAD_BYTES];
        let picture = (self.frame as u16 & 0x7fff).to_be_bytes();
        let start = if part == 0 { 0x10 } else { 0 };
        // Extended; picture id of 15 bits and TL0PICIDX present.
        payload[..DESCRIPTOR_BYTES].copy_from_slice(&[
            0x80 | start,
            0xc0,
            0x80 | picture[0],
            picture[1],
            self.frame as u8,
        ]);
        let (width, height) = (self.size.0.to_le_bytes(), self.size.1.to_le_bytes());
        let frame_start = [
            u8::from(!is_key) | 0x10,
            0,
            0,
            0x9d,
            0x01,
            0x2a,
            width[0],
            width[1],
            height[0],
            height[1],
        ];
        if part == 0 {
            payload[DESCRIPTOR_BYTES..DESCRIPTOR_BYTES + 10].copy_from_slice(&frame_start);
        }
        payload[20..24].copy_from_slice(&self.ssrc.to_be_bytes());
        payload[24..28].copy_from_slice(&self.frame.to_be_bytes());
        payload
    }
}

/// What a [`Camera`] wrote into a packet's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// First packet of its frame.
    pub is_start: bool,
    /// Of a key frame; known of its first packet only.
    pub is_key: bool,
    /// VP8 picture id.
    pub picture_id: u16,
    /// The camera's SSRC.
    pub camera: u32,
    /// The frame's number there.
    pub frame: u32,
}

impl Seen {
    /// Reads it; none where a camera of ours did not write it.
    pub fn read(payload: &[u8]) -> Option<Self> {
        if payload.len() != CAMERA_PAYLOAD_BYTES || payload[0] & 0x80 == 0 || payload[1] != 0xc0 {
            return None;
        }
        let word = |at: usize| -> Option<u32> {
            Some(u32::from_be_bytes(
                payload.get(at..at + 4)?.try_into().ok()?,
            ))
        };
        let is_start = payload[0] & 0x10 != 0;
        Some(Self {
            is_start,
            is_key: is_start && payload[DESCRIPTOR_BYTES] & 1 == 0,
            picture_id: u16::from_be_bytes([payload[2] & 0x7f, payload[3]]),
            camera: word(20)?,
            frame: word(24)?,
        })
    }
}
