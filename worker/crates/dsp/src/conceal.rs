//! What a lost frame may have sounded like, for codecs that cannot guess it themselves.
//!
//! The last pitch period is repeated and fades out, as ITU-T G.711 appendix I does it; written
//! from the idea, for any rate.

/// Longest pitch period looked for (70 Hz). Units: microseconds.
const PERIOD_US_MAX: u32 = 14_300;
/// Shortest pitch period looked for (200 Hz); a higher voice is found at a multiple of its period.
const PERIOD_US_MIN: u32 = 5_000;
/// Length of the piece that is compared. Units: microseconds.
const WINDOW_US: u32 = 10_000;
/// After this much concealment the rest is silence. Units: milliseconds.
const FADE_MS: u32 = 60;
/// How long the first real samples after a concealed gap are blended with its continuation.
/// Units: microseconds.
const BLEND_US: u32 = 4_000;

/// Remembers the last sound of one decoder and carries it on over a gap.
#[derive(Clone, Debug)]
pub struct Concealer {
    history: Vec<f32>,
    period_min: usize,
    period_max: usize,
    window: usize,
    blend: usize,
    fade: usize,
    period: usize,
    position: usize,
    concealed: usize,
}

impl Concealer {
    /// A concealer for sound of `sample_rate`.
    pub fn new(sample_rate: u32) -> Self {
        let samples = |us: u32| (u64::from(sample_rate) * u64::from(us) / 1_000_000) as usize;
        let (period_max, window) = (samples(PERIOD_US_MAX), samples(WINDOW_US));
        Self {
            history: vec![0.0; period_max + window],
            period_min: samples(PERIOD_US_MIN),
            period_max,
            window,
            blend: samples(BLEND_US),
            fade: samples(FADE_MS * 1_000),
            period: 0,
            position: 0,
            concealed: 0,
        }
    }

    /// Takes note of decoded sound. The first piece after a gap is blended with the repetition, so
    /// that no step is heard.
    pub fn heard(&mut self, samples: &mut [f32]) {
        if self.concealed > 0 {
            let length = self.blend.min(samples.len());
            for (index, sample) in samples.iter_mut().take(length).enumerate() {
                let share = (index + 1) as f32 / (length + 1) as f32;
                *sample = *sample * share + self.next() * (1.0 - share);
            }
            self.concealed = 0;
        }
        let keep = self.history.len();
        if samples.len() >= keep {
            self.history
                .copy_from_slice(&samples[samples.len() - keep..]);
        } else {
            self.history.copy_within(samples.len().., 0);
            self.history[keep - samples.len()..].copy_from_slice(samples);
        }
    }

    /// Fills a gap.
    pub fn conceal(&mut self, samples: &mut [f32]) {
        if self.concealed == 0 {
            self.period = self.find_period();
            self.position = 0;
        }
        for sample in samples {
            *sample = self.next();
        }
    }

    /// Forgets what was heard.
    pub fn reset(&mut self) {
        self.history.fill(0.0);
        self.concealed = 0;
    }

    fn next(&mut self) -> f32 {
        let from = self.history.len() - self.period;
        let sample = self.history[from + self.position];
        self.position = (self.position + 1) % self.period;
        let left = self.fade.saturating_sub(self.concealed);
        self.concealed += 1;
        sample * left as f32 / self.fade as f32
    }

    /// The lag at which the last window looks most like what was before it.
    fn find_period(&self) -> usize {
        let end = self.history.len();
        let last = &self.history[end - self.window..];
        let mut best = (self.period_max, f32::MIN);
        for lag in self.period_min..=self.period_max {
            let before = &self.history[end - self.window - lag..end - lag];
            let (mut product, mut energy) = (0.0, 1e-9);
            for (a, b) in last.iter().zip(before) {
                product += a * b;
                energy += b * b;
            }
            let likeness = product / f32::sqrt(energy);
            if likeness > best.1 {
                best = (lag, likeness);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{minus_dbov, peak};
    use crate::tone::Tone;

    #[test]
    fn a_lost_frame_of_a_tone_goes_on_without_a_step() {
        let mut tone = Tone::new(210.0, 0.5, 8_000);
        let mut concealer = Concealer::new(8_000);
        let mut sound = vec![0.0; 800];
        tone.fill(&mut sound);
        concealer.heard(&mut sound);
        let mut gap = [0.0; 160];
        concealer.conceal(&mut gap);
        assert!(
            minus_dbov(&gap) < 15,
            "the gap is filled: -{} dBov",
            minus_dbov(&gap)
        );
        let mut after = [0.0; 160];
        tone.fill(&mut [0.0; 160]);
        tone.fill(&mut after);
        concealer.heard(&mut after);
        let whole: Vec<f32> = sound.iter().chain(&gap).chain(&after).copied().collect();
        let step = whole
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f32::max);
        // A 210 Hz sine of 0.5 moves at most 0.083 a sample at 8 kHz.
        assert!(step < 0.15, "largest step {step}");
    }

    #[test]
    fn a_long_gap_ends_in_silence_and_an_unheard_voice_conceals_to_silence() {
        let mut concealer = Concealer::new(16_000);
        let mut gap = [0.0; 320];
        concealer.conceal(&mut gap);
        assert_eq!(peak(&gap), 0.0);
        concealer.heard(&mut [0.5; 640]);
        for _ in 0..4 {
            concealer.conceal(&mut gap);
        }
        assert_eq!(peak(&gap), 0.0);
    }
}
