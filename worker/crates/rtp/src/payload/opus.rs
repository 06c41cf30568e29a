//! Opus packets from outside (RFC 6716 section 3): how long they sound, whether they are silence.

use std::time::Duration;

/// Longest sound that one packet may hold.
const PACKET_MAX: Duration = Duration::from_millis(120);

/// How long a packet sounds; none where its first bytes are impossible.
#[must_use]
pub fn duration(payload: &[u8]) -> Option<Duration> {
    let (toc, rest) = payload.split_first()?;
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(rest.first()? & 0x3f),
    };
    let total = frame_duration(*toc).checked_mul(frames)?;
    (frames > 0 && total <= PACKET_MAX).then_some(total)
}

/// How long one frame sounds, by the configuration number in the first byte.
///
/// Source: RFC 6716 table 2.
#[must_use]
pub const fn frame_duration(toc: u8) -> Duration {
    let configuration = toc >> 3;
    let micros = match configuration {
        0..=11 => [10_000, 20_000, 40_000, 60_000][(configuration & 3) as usize],
        12..=15 => [10_000, 20_000][(configuration & 1) as usize],
        _ => [2_500, 5_000, 10_000, 20_000][(configuration & 3) as usize],
    };
    Duration::from_micros(micros)
}

/// Whether an encoder sent this only to say that there is silence (DTX): nothing behind the first
/// byte, or a comfort-noise frame of a byte or two.
#[must_use]
pub const fn is_silence(payload: &[u8]) -> bool {
    payload.len() <= 3
}

/// Whether the packet holds two channels.
#[must_use]
pub fn is_stereo(payload: &[u8]) -> bool {
    payload.first().is_some_and(|toc| toc & 4 != 0)
}
