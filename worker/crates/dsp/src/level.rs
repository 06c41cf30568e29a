//! Loudness as RFC 6464 counts it, and the step between whole numbers and fractions.

/// Loudness of a frame in -dBov: 0 is as loud as can be, 127 is silence.
/// Source: RFC 6464 section 3, RFC 6465.
pub fn minus_dbov(samples: &[f32]) -> u8 {
    if samples.is_empty() {
        return SILENCE;
    }
    let power = samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32;
    if power <= 0.0 {
        return SILENCE;
    }
    // Full scale is a square wave of 1.0, so its power is 1 and its level 0 dBov.
    (-10.0 * power.log10()).round().clamp(0.0, 127.0) as u8
}

/// The level that stands for silence.
pub const SILENCE: u8 = 127;

/// Largest absolute sample.
pub fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, s| peak.max(s.abs()))
}

/// Adds `voice` onto `sum`.
/// Shape: equal lengths; what is longer stays as it is.
pub fn add(sum: &mut [f32], voice: &[f32]) {
    for (sum, voice) in sum.iter_mut().zip(voice) {
        *sum += voice;
    }
}

/// Goes from `from` to `to` times the samples, evenly over the slice.
pub fn ramp(samples: &mut [f32], from: f32, to: f32) {
    let step = (to - from) / samples.len().max(1) as f32;
    let mut gain = from;
    for sample in samples {
        gain += step;
        *sample *= gain;
    }
}

/// Writes samples as 16-bit numbers; beyond full scale they are cut.
pub fn to_i16(samples: &[f32], whole: &mut [i16]) {
    for (whole, sample) in whole.iter_mut().zip(samples) {
        // `as` saturates and turns a NaN into 0.
        *whole = (sample * 32_767.0).round() as i16;
    }
}

/// Reads 16-bit numbers as samples.
pub fn from_i16(whole: &[i16], samples: &mut [f32]) {
    for (sample, whole) in samples.iter_mut().zip(whole) {
        *sample = f32::from(*whole) / 32_768.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::Tone;

    #[test]
    fn a_full_scale_sine_is_minus_3_dbov_and_silence_is_127() {
        let mut samples = [0.0; 960];
        Tone::new(1_000.0, 1.0, 48_000).fill(&mut samples);
        assert_eq!(minus_dbov(&samples), 3);
        assert_eq!(minus_dbov(&[0.0; 960]), 127);
        assert_eq!(minus_dbov(&[]), 127);
    }

    #[test]
    fn numbers_beyond_full_scale_are_cut_not_wrapped() {
        let mut whole = [0; 4];
        to_i16(&[2.0, -2.0, f32::NAN, 0.5], &mut whole);
        assert_eq!(whole, [32_767, -32_768, 0, 16_384]);
    }
}
