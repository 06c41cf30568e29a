//! Pure tones and how much of one is in a sound: what tests and measurements ask with.

use std::f64::consts::TAU;

/// An endless sine.
#[derive(Clone, Debug)]
pub struct Tone {
    phase: f64,
    step: f64,
    amplitude: f32,
}

impl Tone {
    /// A sine of `hz` and `amplitude` (1.0 = full scale) at `sample_rate`.
    pub fn new(hz: f64, amplitude: f32, sample_rate: u32) -> Self {
        Self {
            phase: 0.0,
            step: TAU * hz / f64::from(sample_rate),
            amplitude,
        }
    }

    /// Writes the next samples.
    pub fn fill(&mut self, samples: &mut [f32]) {
        for sample in samples {
            *sample = (self.phase.sin() as f32) * self.amplitude;
            self.phase = (self.phase + self.step) % TAU;
        }
    }
}

/// Amplitude of the sine of `hz` inside `samples`, by Goertzel's recurrence under a Hann window,
/// so that neighbours further than 4 / duration do not leak in.
/// Units: 1.0 = a full-scale sine.
pub fn amplitude_of(hz: f64, samples: &[f32], sample_rate: u32) -> f32 {
    let step = TAU * hz / f64::from(sample_rate);
    let around = TAU / samples.len().max(1) as f64;
    let coefficient = 2.0 * step.cos();
    let (mut before, mut last) = (0.0, 0.0);
    for (index, sample) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (around * index as f64).cos();
        let next = f64::from(*sample) * window + coefficient * last - before;
        (before, last) = (last, next);
    }
    let power = last * last + before * before - coefficient * last * before;
    // The window halves the sum of its samples, a sine's two halves do so again.
    (power.max(0.0).sqrt() * 4.0 / samples.len().max(1) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_at_its_own_frequency_only() {
        let mut samples = vec![0.0; 48_000];
        Tone::new(700.0, 0.5, 48_000).fill(&mut samples);
        assert!((amplitude_of(700.0, &samples, 48_000) - 0.5).abs() < 0.01);
        assert!(amplitude_of(800.0, &samples, 48_000) < 0.001);
    }
}
