//! Keeps a sum of voices below full scale without the rasp of cutting.

use crate::level::{peak, ramp};

/// Gain that falls within a frame when a sum grows too loud and comes back slowly.
#[derive(Clone, Debug)]
pub struct Limiter {
    gain: f32,
}

/// Highest sample that leaves the limiter. 0.5 dB below full scale, for the codec's overshoot.
const CEILING: f32 = 0.944;

/// Share of the way back to full gain that a quiet frame makes: 90 % in 0.7 s, slow enough not to
/// be heard as pumping.
const RELEASE: f32 = 0.065;

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Limiter {
    /// Brings a frame below full scale.
    /// Cost: two passes over the frame, none of them when it is quiet enough.
    pub fn apply(&mut self, samples: &mut [f32]) {
        let peak = peak(samples);
        let wanted = if peak > CEILING { CEILING / peak } else { 1.0 };
        let next = if wanted < self.gain {
            wanted
        } else {
            self.gain + (wanted - self.gain) * RELEASE
        };
        if self.gain < 0.999 || next < 0.999 {
            // The fall takes the first quarter of the frame; its peaks above full scale are bent.
            let (attack, rest) = samples.split_at_mut(samples.len() / 4);
            ramp(attack, self.gain, next);
            ramp(rest, next, next);
            for sample in attack {
                *sample = bend(*sample);
            }
        }
        self.gain = if next > 0.999 { 1.0 } else { next };
    }
}

/// Straight up to three quarters of the ceiling, then an arc that never passes it.
fn bend(sample: f32) -> f32 {
    const KNEE: f32 = CEILING * 0.75;
    const ROOM: f32 = CEILING - KNEE;
    let size = sample.abs();
    if size <= KNEE {
        return sample;
    }
    (KNEE + ROOM * ((size - KNEE) / ROOM).tanh()).copysign(sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::Tone;

    #[test]
    fn a_sum_above_full_scale_never_leaves_above_the_ceiling() {
        let mut tone = Tone::new(440.0, 4.0, 48_000);
        let mut limiter = Limiter::default();
        for _ in 0..50 {
            let mut frame = [0.0; 960];
            tone.fill(&mut frame);
            limiter.apply(&mut frame);
            assert!(peak(&frame) <= CEILING + 1e-4, "peak {}", peak(&frame));
        }
    }

    #[test]
    fn a_quiet_frame_passes_unchanged_and_gain_returns_after_a_loud_one() {
        let mut limiter = Limiter::default();
        let quiet = [0.25; 960];
        let mut frame = quiet;
        limiter.apply(&mut frame);
        assert_eq!(frame, quiet);
        limiter.apply(&mut [3.0; 960]);
        for _ in 0..150 {
            frame = quiet;
            limiter.apply(&mut frame);
        }
        assert_eq!(frame, quiet);
    }
}
