//! G.722 at 64 kb/s (RFC 3551 4.5.2): 16 kHz sound on an RTP clock of 8 kHz.

use audio_codec::g722::{G722Decoder as Inner, G722Encoder as InnerEncoder};
use audio_codec::{Decoder as _, Encoder as _};

use crate::codec::{Codec, CodecError, Decoder, Encoded, Encoder, EncoderSettings, PACKET_MS_MAX};
use crate::conceal::Concealer;
use crate::level::{from_i16, to_i16};

/// The row of G.722.
#[derive(Debug)]
pub struct G722;

const CLOCK: u32 = 8_000;
const RATE: u32 = 16_000;
const FRAME: usize = 320;
const PACKET_SAMPLES_MAX: usize = (RATE / 1_000 * PACKET_MS_MAX) as usize;

impl Codec for G722 {
    fn name(&self) -> &'static str {
        "g722"
    }

    fn clock_rate(&self) -> u32 {
        CLOCK
    }

    fn sample_rate(&self) -> u32 {
        RATE
    }

    fn channels(&self) -> u8 {
        1
    }

    fn has_fec(&self) -> bool {
        false
    }

    fn duration(&self, payload: &[u8]) -> Option<u32> {
        // A byte is two samples and one tick of the RTP clock.
        let ticks = payload.len();
        (ticks > 0 && ticks * 2 <= PACKET_SAMPLES_MAX).then_some(ticks as u32)
    }

    fn is_silence(&self, _payload: &[u8]) -> bool {
        false
    }

    fn silence_after(&self, _last: &[u8]) -> Option<u8> {
        None
    }

    fn encoder(&self, _: &EncoderSettings) -> Result<Box<dyn Encoder>, CodecError> {
        Ok(Box::new(G722Encoder {
            inner: InnerEncoder::new(),
        }))
    }

    fn decoder(&self) -> Result<Box<dyn Decoder>, CodecError> {
        Ok(Box::new(G722Decoder {
            inner: Inner::new(),
            concealer: Concealer::new(RATE),
        }))
    }
}

struct G722Encoder {
    inner: InnerEncoder,
}

impl Encoder for G722Encoder {
    fn encode(&mut self, samples: &[f32], payload: &mut [u8]) -> Result<Encoded, CodecError> {
        if samples.len() != FRAME {
            return Err(CodecError::BadShape {
                samples: samples.len(),
            });
        }
        let mut whole = [0; FRAME];
        to_i16(samples, &mut whole);
        let bytes = self
            .inner
            .encode_into(&whole, payload)
            .map_err(|error| CodecError::Library(format!("{error:?}")))?;
        Ok(Encoded {
            bytes,
            is_silence: false,
        })
    }

    fn reset(&mut self) {
        self.inner = InnerEncoder::new();
    }
}

struct G722Decoder {
    inner: Inner,
    concealer: Concealer,
}

impl Decoder for G722Decoder {
    fn decode(&mut self, payload: &[u8], samples: &mut [f32]) -> Result<usize, CodecError> {
        let mut whole = [0; PACKET_SAMPLES_MAX];
        let count = self
            .inner
            .decode_into(payload, &mut whole)
            .map_err(|_| CodecError::BadPayload)?;
        let target = samples.get_mut(..count).ok_or(CodecError::BadPayload)?;
        from_i16(&whole[..count], target);
        self.concealer.heard(target);
        Ok(count)
    }

    fn conceal(&mut self, samples: &mut [f32]) {
        self.concealer.conceal(samples);
    }

    fn recover(&mut self, _next: &[u8], samples: &mut [f32]) {
        self.concealer.conceal(samples);
    }

    fn reset(&mut self) {
        self.inner = Inner::new();
        self.concealer.reset();
    }
}
