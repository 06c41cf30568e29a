//! G.711, both laws (RFC 3551 4.5.14).

use audio_codec::{pcma, pcmu};

use crate::codec::{Codec, CodecError, Decoder, Encoded, Encoder, EncoderSettings, PACKET_MS_MAX};
use crate::conceal::Concealer;
use crate::level::{from_i16, to_i16};

/// The row of G.711 mu-law.
#[derive(Debug)]
pub struct Pcmu;

/// The row of G.711 A-law.
#[derive(Debug)]
pub struct Pcma;

const RATE: u32 = 8_000;
const FRAME: usize = 160;
const PACKET_SAMPLES_MAX: usize = (RATE / 1_000 * PACKET_MS_MAX) as usize;

macro_rules! g711_row {
    ($row:ident, $name:literal, $encoder:path, $decoder:path) => {
        impl Codec for $row {
            fn name(&self) -> &'static str {
                $name
            }

            fn clock_rate(&self) -> u32 {
                RATE
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
                let samples = payload.len();
                (samples > 0 && samples <= PACKET_SAMPLES_MAX).then_some(samples as u32)
            }

            fn is_silence(&self, _payload: &[u8]) -> bool {
                false
            }

            fn silence_after(&self, _last: &[u8]) -> Option<u8> {
                None
            }

            fn encoder(&self, _: &EncoderSettings) -> Result<Box<dyn Encoder>, CodecError> {
                Ok(Box::new(G711Encoder { inner: $encoder() }))
            }

            fn decoder(&self) -> Result<Box<dyn Decoder>, CodecError> {
                Ok(Box::new(G711Decoder {
                    inner: $decoder(),
                    concealer: Concealer::new(RATE),
                }))
            }
        }
    };
}

g711_row!(Pcmu, "pcmu", pcmu::PcmuEncoder::new, pcmu::PcmuDecoder::new);
g711_row!(Pcma, "pcma", pcma::PcmaEncoder::new, pcma::PcmaDecoder::new);

struct G711Encoder<E> {
    inner: E,
}

impl<E: audio_codec::Encoder> Encoder for G711Encoder<E> {
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

    /// Every sample stands alone in G.711.
    fn reset(&mut self) {}
}

struct G711Decoder<D> {
    inner: D,
    concealer: Concealer,
}

impl<D: audio_codec::Decoder> Decoder for G711Decoder<D> {
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
        self.concealer.reset();
    }
}
