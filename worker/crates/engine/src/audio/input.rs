//! One voice on its way into the sum: in order, in time, decoded, at the mix's rate.

use parley_dsp::codec::PACKET_MS_MAX;
use parley_dsp::level::{SILENCE, minus_dbov, ramp};
use parley_dsp::resample::Upsampler;
use parley_dsp::{CodecError, CodecId, Decoder, MIX_FRAME, MIX_RATE};
use parley_rtp::time::Micros;

use super::AudioLevel;
use super::jitter_buffer::{JitterBuffer, Step};

/// Louder than this is worth hearing; between words a microphone is quieter. Units: -dBov.
const AUDIBLE: u8 = 60;
/// Beats that a voice stays in the sum after it was last worth hearing: 500 ms, so that the ends of
/// words are not cut.
const HANG_BEATS: u32 = 25;
/// Steps asked of the buffer in one beat at most; a source of 2.5 ms packets needs 8.
const STEPS_MAX: usize = 32;
/// What a voice gains or loses of its loudness figure in a beat, as shares of the difference.
const ATTACK: f32 = 0.5;
const RELEASE: f32 = 0.2;

const PACKET_SAMPLES_MAX: usize = (MIX_RATE / 1_000 * PACKET_MS_MAX) as usize;

/// Room for decoding, shared by all voices of a mix.
pub(super) struct Scratch {
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self {
            first: vec![0.0; PACKET_SAMPLES_MAX],
            second: vec![0.0; PACKET_SAMPLES_MAX],
        }
    }
}

/// A voice.
pub(super) struct Input {
    pub(super) codec: CodecId,
    pub(super) buffer: JitterBuffer,
    /// Decoded at its first sound, so that a silent microphone costs no decoder.
    decoder: Option<Box<dyn Decoder>>,
    upsampler: Option<Upsampler>,
    ratio: usize,
    pending: Vec<f32>,
    frame: Box<[f32; MIX_FRAME]>,
    hang: u32,
    loudness: f32,
    told: bool,
    was_heard: bool,
    pub(super) is_heard: bool,
    pub(super) damaged: u64,
    pub(super) decoded: u64,
}

impl Input {
    pub(super) fn new(id: CodecId) -> Self {
        let codec = id.codec();
        let ratio = (MIX_RATE / codec.sample_rate()) as usize;
        Self {
            codec: id,
            buffer: JitterBuffer::new(codec.clock_rate(), codec.has_fec()),
            decoder: None,
            upsampler: (ratio > 1).then(|| Upsampler::new(ratio)),
            ratio,
            pending: Vec::with_capacity(PACKET_SAMPLES_MAX + MIX_FRAME),
            frame: Box::new([0.0; MIX_FRAME]),
            hang: 0,
            loudness: 0.0,
            told: false,
            was_heard: false,
            is_heard: false,
            damaged: 0,
            decoded: 0,
        }
    }

    /// Takes note of how loud a packet says it is, before it is heard.
    pub(super) fn told(&mut self, level: Option<AudioLevel>) {
        self.told = level.is_some();
        if let Some(level) = level {
            self.note(level);
        }
    }

    /// Whether it has something worth hearing, or must be decoded to find out.
    pub(super) fn is_wanted(&self) -> bool {
        self.hang > 0 || !self.told
    }

    /// How loud it has been lately; higher is louder.
    pub(super) fn loudness(&self) -> f32 {
        self.loudness
    }

    pub(super) fn frame(&self) -> &[f32; MIX_FRAME] {
        &self.frame
    }

    /// Brings in one beat of sound. After it, `is_heard` says whether `frame` belongs to the sum.
    /// Errors: no decoder could be made; the voice stays silent.
    pub(super) fn advance(
        &mut self,
        now: Micros,
        is_admitted: bool,
        scratch: &mut Scratch,
    ) -> Result<(), CodecError> {
        // One beat more than wanted, so that it can fade.
        let decode = is_admitted || self.was_heard;
        let mut has_sound = false;
        let mut steps = 0;
        while self.pending.len() < MIX_FRAME && steps < STEPS_MAX {
            has_sound |= self.step(now, decode, scratch)?;
            steps += 1;
        }
        let from_before = self.pending.len().min(MIX_FRAME);
        self.frame[..from_before].copy_from_slice(&self.pending[..from_before]);
        self.frame[from_before..].fill(0.0);
        self.pending.drain(..from_before);
        let level = minus_dbov(&self.frame[..]);
        if decode && !self.told {
            self.note(AudioLevel {
                minus_dbov: level,
                voice: false,
            });
        }
        self.hang = self.hang.saturating_sub(1);
        let stays = is_admitted && self.hang > 0 && (has_sound || level < SILENCE);
        match (self.was_heard, stays) {
            (false, true) => ramp(&mut self.frame[..MIX_FRAME / 8], 0.0, 1.0),
            (true, false) => ramp(&mut self.frame[..], 1.0, 0.0),
            _ => {}
        }
        self.is_heard = stays || (self.was_heard && level < SILENCE);
        self.was_heard = stays;
        Ok(())
    }

    fn note(&mut self, level: AudioLevel) {
        if level.minus_dbov < AUDIBLE || (level.voice && level.minus_dbov < SILENCE) {
            self.hang = HANG_BEATS;
        }
        let loudness = f32::from(SILENCE.saturating_sub(level.minus_dbov));
        let share = if loudness > self.loudness {
            ATTACK
        } else {
            RELEASE
        };
        self.loudness += (loudness - self.loudness) * share;
    }

    /// Appends what the buffer says comes next. Answers whether it was sound.
    fn step(
        &mut self,
        now: Micros,
        decode: bool,
        scratch: &mut Scratch,
    ) -> Result<bool, CodecError> {
        let (clock_rate, sample_rate) = (
            self.codec.codec().clock_rate(),
            self.codec.codec().sample_rate(),
        );
        let samples_of = |duration: u32| {
            let samples = u64::from(duration) * u64::from(sample_rate) / u64::from(clock_rate);
            (samples as usize).min(PACKET_SAMPLES_MAX)
        };
        let step = self.buffer.pull(now);
        let duration = match step {
            Step::Packet { duration, .. }
            | Step::Squeeze { duration, .. }
            | Step::Recover { duration, .. }
            | Step::Conceal { duration }
            | Step::Silence { duration } => duration,
        };
        let length = samples_of(duration);
        if !decode || matches!(step, Step::Silence { .. }) {
            self.append_silence(length);
            return Ok(false);
        }
        if self.decoder.is_none() {
            self.decoder = Some(self.codec.codec().decoder()?);
        }
        let Some(decoder) = self.decoder.as_mut() else {
            return Ok(false);
        };
        self.decoded += 1;
        let length = match step {
            Step::Packet { payload, .. } => match decoder.decode(payload, &mut scratch.first) {
                Ok(length) => length,
                Err(_) => {
                    self.damaged += 1;
                    decoder.conceal(&mut scratch.first[..length]);
                    length
                }
            },
            Step::Squeeze { first, second, .. } => {
                let before = decoder.decode(first, &mut scratch.second).unwrap_or(0);
                let after = decoder.decode(second, &mut scratch.first).unwrap_or(0);
                self.damaged += u64::from(before == 0) + u64::from(after == 0);
                blend(&scratch.second[..before], &mut scratch.first[..after]);
                after
            }
            Step::Recover { next, .. } => {
                decoder.recover(next, &mut scratch.first[..length]);
                length
            }
            Step::Conceal { .. } | Step::Silence { .. } => {
                decoder.conceal(&mut scratch.first[..length]);
                length
            }
        };
        self.buffer.heard(minus_dbov(&scratch.first[..length]));
        self.append(&scratch.first[..length]);
        Ok(true)
    }

    fn append(&mut self, samples: &[f32]) {
        match self.upsampler.as_mut() {
            None => self.pending.extend_from_slice(samples),
            Some(upsampler) => {
                let from = self.pending.len();
                self.pending.resize(from + samples.len() * self.ratio, 0.0);
                upsampler.process(samples, &mut self.pending[from..]);
            }
        }
    }

    fn append_silence(&mut self, samples: usize) {
        let length = self.pending.len() + samples * self.ratio;
        self.pending.resize(length, 0.0);
    }
}

/// Goes over from `before` to `after` in the time of `after`.
fn blend(before: &[f32], after: &mut [f32]) {
    let length = after.len().max(1) as f32;
    for (index, (after, before)) in after.iter_mut().zip(before).enumerate() {
        let share = (index + 1) as f32 / length;
        *after = *after * share + before * (1.0 - share);
    }
}
