//! From a codec's rate to the mix's and back: whole-number ratios by a polyphase filter.
//!
//! Our own because the ratios are only 3 and 6: 40 taps a phase keep what folds back 70 dB down,
//! where a general resampler with one short filter for every ratio lets 5 kHz through as 3 kHz.

use std::f64::consts::PI;

/// Taps for each sample of the lower rate. Delay: half of it, 2.5 ms at 8 kHz, 1.25 ms at 16 kHz.
const TAPS: usize = 40;
/// Middle of the filter's slope as a share of half the lower rate.
const CUTOFF: f64 = 0.94;
/// Shape of the Kaiser window: some 75 dB.
const BETA: f64 = 7.5;

/// Raises the rate of an endless sound.
#[derive(Clone, Debug)]
pub struct Upsampler {
    filter: Vec<f32>,
    ratio: usize,
    /// The last `TAPS` samples twice over, so that any window of them lies in one piece.
    history: [f32; TAPS * 2],
    newest: usize,
}

/// Lowers the rate of an endless sound.
#[derive(Clone, Debug)]
pub struct Downsampler {
    filter: Vec<f32>,
    ratio: usize,
    history: Vec<f32>,
}

impl Upsampler {
    /// To `ratio` times the rate.
    pub fn new(ratio: usize) -> Self {
        let ratio = ratio.max(1);
        let prototype = prototype(ratio);
        // Phase by phase, newest sample's tap last, so that a phase is one dot product.
        let mut filter = Vec::with_capacity(prototype.len());
        for phase in 0..ratio {
            for tap in (0..TAPS).rev() {
                filter.push(prototype[tap * ratio + phase] * ratio as f32);
            }
        }
        Self {
            filter,
            ratio,
            history: [0.0; TAPS * 2],
            newest: 0,
        }
    }

    /// Writes `ratio` samples for each given.
    /// Shape: `high` is `low` times the ratio; what does not fit is left out.
    pub fn process(&mut self, low: &[f32], high: &mut [f32]) {
        for (sample, out) in low.iter().zip(high.chunks_exact_mut(self.ratio)) {
            self.history[self.newest] = *sample;
            self.history[self.newest + TAPS] = *sample;
            self.newest = (self.newest + 1) % TAPS;
            let window = &self.history[self.newest..self.newest + TAPS];
            for (out, phase) in out.iter_mut().zip(self.filter.chunks_exact(TAPS)) {
                *out = dot(phase, window);
            }
        }
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.history.fill(0.0);
    }
}

impl Downsampler {
    /// To the rate divided by `ratio`, for frames of up to `frame_max` samples of the higher rate.
    pub fn new(ratio: usize, frame_max: usize) -> Self {
        let ratio = ratio.max(1);
        let mut filter = prototype(ratio);
        filter.reverse();
        let history = Vec::with_capacity(filter.len() + frame_max);
        let mut this = Self {
            filter,
            ratio,
            history,
        };
        this.reset();
        this
    }

    /// Writes a sample for every `ratio` given.
    /// Shape: `low` is `high` divided by the ratio, which divides it.
    pub fn process(&mut self, high: &[f32], low: &mut [f32]) {
        self.history.extend_from_slice(high);
        let taps = self.filter.len();
        for (index, out) in low.iter_mut().take(high.len() / self.ratio).enumerate() {
            let from = (index + 1) * self.ratio;
            *out = dot(&self.filter, &self.history[from..from + taps]);
        }
        self.history.drain(..high.len());
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.history.clear();
        self.history.resize(self.filter.len(), 0.0);
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Eight sums side by side let the compiler use the machine's vectors.
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// A low-pass of `TAPS` x `ratio` taps at the higher rate, gain 1.
fn prototype(ratio: usize) -> Vec<f32> {
    if ratio == 1 {
        // Nothing to filter: the newest sample as it is.
        return std::iter::once(1.0)
            .chain(std::iter::repeat_n(0.0, TAPS - 1))
            .collect();
    }
    let length = TAPS * ratio;
    let middle = (length - 1) as f64 / 2.0;
    let cutoff = CUTOFF / ratio as f64;
    let taps: Vec<f64> = (0..length)
        .map(|index| {
            let x = index as f64 - middle;
            let sinc = if x == 0.0 {
                cutoff
            } else {
                (PI * cutoff * x).sin() / (PI * x)
            };
            let edge = x / (middle + 0.5);
            sinc * bessel(BETA * (1.0 - edge * edge).max(0.0).sqrt()) / bessel(BETA)
        })
        .collect();
    let sum: f64 = taps.iter().sum();
    taps.iter().map(|tap| (tap / sum) as f32).collect()
}

/// The modified Bessel function of order 0.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..40 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{Tone, amplitude_of};

    const SECOND: usize = 48_000;

    #[test]
    fn what_a_lower_rate_cannot_hold_does_not_fold_back() {
        for (ratio, rate) in [(6, 8_000_u32), (3, 16_000)] {
            let half = f64::from(rate) / 2.0;
            for beyond in [1.1, 1.25, 1.5, 1.9, 2.6] {
                let hz = half * beyond;
                let mut high = vec![0.0; SECOND];
                Tone::new(hz, 1.0, 48_000).fill(&mut high);
                let mut low = vec![0.0; SECOND / ratio];
                Downsampler::new(ratio, SECOND).process(&high, &mut low);
                let loudest = low[TAPS..]
                    .iter()
                    .fold(0.0_f32, |peak, s| peak.max(s.abs()));
                assert!(loudest < 0.001, "{hz} Hz at {rate}: {loudest}");
            }
        }
    }

    #[test]
    fn speech_band_tones_keep_their_loudness_both_ways() {
        for (ratio, rate) in [(6, 8_000_u32), (3, 16_000), (1, 48_000)] {
            for share in [0.05, 0.3, 0.6, 0.8] {
                let hz = f64::from(rate) / 2.0 * share;
                let mut low = vec![0.0; rate as usize];
                Tone::new(hz, 0.5, rate).fill(&mut low);
                let mut high = vec![0.0; SECOND];
                Upsampler::new(ratio).process(&low, &mut high);
                let found = amplitude_of(hz, &high, 48_000);
                assert!(
                    (found - 0.5).abs() < 0.02,
                    "{hz} Hz up from {rate}: {found}"
                );
                if ratio > 1 {
                    let image = amplitude_of(f64::from(rate) - hz, &high, 48_000);
                    assert!(image < 0.001, "image of {hz} Hz: {image}");
                }
                let mut back = vec![0.0; rate as usize];
                Downsampler::new(ratio, SECOND).process(&high, &mut back);
                let found = amplitude_of(hz, &back, rate);
                assert!(
                    (found - 0.5).abs() < 0.03,
                    "{hz} Hz there and back: {found}"
                );
            }
        }
    }

    #[test]
    fn frames_and_one_piece_give_the_same_samples() {
        let mut high = vec![0.0; 9_600];
        Tone::new(333.0, 0.7, 48_000).fill(&mut high);
        let (mut whole, mut pieces) = (vec![0.0; 1_600], vec![0.0; 1_600]);
        Downsampler::new(6, 9_600).process(&high, &mut whole);
        let mut downsampler = Downsampler::new(6, 960);
        for (high, low) in high.chunks(960).zip(pieces.chunks_mut(160)) {
            downsampler.process(high, low);
        }
        assert_eq!(whole, pieces);
    }
}
