//! One encoder's way out of the mix: a sum goes in, at most one packet a beat comes out.

use parley_dsp::codec::PAYLOAD_BYTES_MAX;
use parley_dsp::limiter::Limiter;
use parley_dsp::resample::Downsampler;
use parley_dsp::{CodecError, Encoder, EncoderSettings, MIX_FRAME, MIX_RATE};

use super::limits::{SILENT_BEATS, TAIL_BEATS};
use super::mixer::MixFormat;

/// An encoder with what belongs before it.
pub(super) struct Lane {
    encoder: Box<dyn Encoder>,
    limiter: Limiter,
    downsampler: Option<Downsampler>,
    low: Vec<f32>,
    payload: Box<[u8; PAYLOAD_BYTES_MAX]>,
    bytes: usize,
    format: MixFormat,
    /// What tells the far decoder that silence begins; none where silence is sent like sound.
    silence: Option<u8>,
    /// Beats since the last voice.
    quiet: u32,
    /// Beats since the last packet.
    unsent: u32,
    is_first: bool,
}

impl Lane {
    pub(super) fn new(format: MixFormat, settings: EncoderSettings) -> Result<Self, CodecError> {
        let codec = format.codec.codec();
        let ratio = (MIX_RATE / codec.sample_rate()) as usize;
        Ok(Self {
            encoder: codec.encoder(&EncoderSettings {
                // We know when nobody speaks. libopus would take a steady tone for silence.
                dtx: false,
                expected_loss_percent: if format.fec {
                    settings.expected_loss_percent
                } else {
                    0
                },
                ..settings
            })?,
            limiter: Limiter::default(),
            downsampler: (ratio > 1).then(|| Downsampler::new(ratio, MIX_FRAME)),
            low: vec![0.0; MIX_FRAME / ratio],
            payload: Box::new([0; PAYLOAD_BYTES_MAX]),
            bytes: 0,
            format,
            silence: None,
            quiet: 0,
            unsent: SILENT_BEATS,
            is_first: false,
        })
    }

    /// Encodes a beat, or leaves it unencoded in the middle of silence; answers which. `has_voice` is
    /// false where `sum` is nothing but silence.
    /// Errors: the codec's library refused; the beat has no packet.
    pub(super) fn encode(
        &mut self,
        sum: &mut [f32; MIX_FRAME],
        has_voice: bool,
    ) -> Result<bool, CodecError> {
        self.bytes = 0;
        self.quiet = if has_voice {
            0
        } else {
            self.quiet.saturating_add(1)
        };
        self.unsent = self.unsent.saturating_add(1);
        if self.quiet > TAIL_BEATS
            && let Some(silence) = self.silence
        {
            if self.quiet == TAIL_BEATS + 1 || self.unsent >= SILENT_BEATS {
                self.payload[0] = silence;
                self.send(1);
            }
            return Ok(false);
        }
        self.limiter.apply(sum);
        let samples: &[f32] = match self.downsampler.as_mut() {
            None => sum,
            Some(downsampler) => {
                downsampler.process(sum, &mut self.low);
                &self.low
            }
        };
        let encoded = self.encoder.encode(samples, &mut self.payload[..])?;
        if self.format.dtx {
            let codec = self.format.codec.codec();
            self.silence = codec.silence_after(&self.payload[..encoded.bytes]);
        }
        self.send(encoded.bytes);
        Ok(true)
    }

    fn send(&mut self, bytes: usize) {
        self.bytes = bytes;
        self.is_first = self.unsent > 1;
        self.unsent = 0;
    }

    /// The beat's packet.
    pub(super) fn packet(&self) -> Option<&[u8]> {
        (self.bytes > 0).then(|| &self.payload[..self.bytes])
    }

    /// Whether this beat's packet is the first after a gap (RFC 3551 section 4.1).
    pub(super) fn is_first(&self) -> bool {
        self.is_first
    }

    /// Beats since its last packet.
    pub(super) fn unsent(&self) -> u32 {
        self.unsent
    }

    /// Forgets, for use by a listener who got the last packet `unsent` beats ago from elsewhere.
    pub(super) fn reset(&mut self, unsent: u32) {
        self.encoder.reset();
        self.limiter = Limiter::default();
        if let Some(downsampler) = self.downsampler.as_mut() {
            downsampler.reset();
        }
        self.bytes = 0;
        self.quiet = 0;
        self.unsent = unsent;
    }
}
