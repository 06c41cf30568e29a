//! Opus (RFC 6716, RFC 7587) by libopus.

use crate::codec::{Codec, CodecError, Decoder, Encoded, Encoder, EncoderSettings, PACKET_MS_MAX};
use crate::{MIX_FRAME, MIX_RATE};

/// The row of Opus.
#[derive(Debug)]
pub struct Opus;

/// Payloads of at most this size say "silence": a table of contents without sound (RFC 7587 3.1.3).
const SILENCE_BYTES_MAX: usize = 2;

impl Codec for Opus {
    fn name(&self) -> &'static str {
        "opus"
    }

    fn clock_rate(&self) -> u32 {
        MIX_RATE
    }

    fn sample_rate(&self) -> u32 {
        MIX_RATE
    }

    fn channels(&self) -> u8 {
        2
    }

    fn has_fec(&self) -> bool {
        true
    }

    fn duration(&self, payload: &[u8]) -> Option<u32> {
        let samples = ::opus::packet::get_nb_samples(payload, MIX_RATE).ok()?;
        let samples = u32::try_from(samples).ok()?;
        (samples > 0 && samples <= MIX_RATE / 1_000 * PACKET_MS_MAX).then_some(samples)
    }

    fn is_silence(&self, payload: &[u8]) -> bool {
        payload.len() <= SILENCE_BYTES_MAX
    }

    fn silence_after(&self, last: &[u8]) -> Option<u8> {
        // The table of contents alone, for one frame: what libopus itself sends (RFC 6716 3.1).
        last.first().map(|contents| contents & 0xfc)
    }

    fn encoder(&self, settings: &EncoderSettings) -> Result<Box<dyn Encoder>, CodecError> {
        Ok(Box::new(OpusEncoder::new(settings)?))
    }

    fn decoder(&self) -> Result<Box<dyn Decoder>, CodecError> {
        let inner = ::opus::Decoder::new(MIX_RATE, ::opus::Channels::Mono).map_err(refused)?;
        Ok(Box::new(OpusDecoder { inner }))
    }
}

struct OpusEncoder {
    inner: ::opus::Encoder,
    is_fresh: bool,
}

impl OpusEncoder {
    fn new(settings: &EncoderSettings) -> Result<Self, CodecError> {
        let mut inner =
            ::opus::Encoder::new(MIX_RATE, ::opus::Channels::Mono, ::opus::Application::Voip)
                .map_err(refused)?;
        inner
            .set_complexity(i32::from(settings.complexity.min(10)))
            .map_err(refused)?;
        let bitrate = i32::try_from(settings.bitrate_bps).unwrap_or(i32::MAX);
        inner
            .set_bitrate(::opus::Bitrate::Bits(bitrate))
            .map_err(refused)?;
        inner.set_dtx(settings.dtx).map_err(refused)?;
        inner
            .set_inband_fec(settings.expected_loss_percent > 0)
            .map_err(refused)?;
        let loss = i32::from(settings.expected_loss_percent.min(100));
        inner.set_packet_loss_perc(loss).map_err(refused)?;
        // A mix is speech; without the hint libopus may take several voices for music.
        inner.set_signal(::opus::Signal::Voice).map_err(refused)?;
        Ok(Self {
            inner,
            is_fresh: true,
        })
    }
}

impl Encoder for OpusEncoder {
    fn encode(&mut self, samples: &[f32], payload: &mut [u8]) -> Result<Encoded, CodecError> {
        if samples.len() != MIX_FRAME {
            return Err(CodecError::BadShape {
                samples: samples.len(),
            });
        }
        // A listener's decoder comes from another encoder's frames: the first one leans on nothing.
        if self.is_fresh {
            self.inner.set_prediction_disabled(true).map_err(refused)?;
        }
        let bytes = self.inner.encode_float(samples, payload).map_err(refused)?;
        if self.is_fresh {
            self.inner.set_prediction_disabled(false).map_err(refused)?;
            self.is_fresh = false;
        }
        Ok(Encoded {
            bytes,
            is_silence: bytes <= SILENCE_BYTES_MAX,
        })
    }

    fn reset(&mut self) {
        // libopus documents no failure for this request on a living encoder; were there one, the
        // next frames would only lean on older sound.
        let was_reset = self.inner.reset_state().is_ok();
        debug_assert!(was_reset, "libopus refused to reset an encoder");
        self.is_fresh = true;
    }
}

struct OpusDecoder {
    inner: ::opus::Decoder,
}

impl Decoder for OpusDecoder {
    fn decode(&mut self, payload: &[u8], samples: &mut [f32]) -> Result<usize, CodecError> {
        // libopus reads an empty payload as "lost".
        if payload.is_empty() {
            return Err(CodecError::BadPayload);
        }
        self.inner
            .decode_float(payload, samples, false)
            .map_err(|_| CodecError::BadPayload)
    }

    fn conceal(&mut self, samples: &mut [f32]) {
        let written = self.inner.decode_float(&[], samples, false).unwrap_or(0);
        if let Some(rest) = samples.get_mut(written..) {
            rest.fill(0.0);
        }
    }

    fn recover(&mut self, next: &[u8], samples: &mut [f32]) {
        match self.inner.decode_float(next, samples, true) {
            Ok(written) if written == samples.len() => {}
            _ => self.conceal(samples),
        }
    }

    fn reset(&mut self) {
        let was_reset = self.inner.reset_state().is_ok();
        debug_assert!(was_reset, "libopus refused to reset a decoder");
    }
}

fn refused(error: ::opus::Error) -> CodecError {
    CodecError::Library(error.to_string())
}
