//! Time as this crate sees it: an instant that the caller hands in, never a clock that we read.

use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant: microseconds of the machine's monotonic clock.
///
/// Comparable across the processes of one machine, so that a worker which takes over from a dead
/// one can continue the other's timestamps.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Micros(pub u64);

impl Micros {
    /// The time passed since `earlier`; zero where `earlier` is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Micros) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The microseconds passed since `earlier`; zero where `earlier` is not earlier.
    #[must_use]
    pub const fn micros_since(self, earlier: Micros) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time passed since `earlier` in ticks of an RTP clock, rounded down, modulo 2^32.
    ///
    /// Units: `clock_rate` in Hz.
    #[must_use]
    pub const fn ticks_since(self, earlier: Micros, clock_rate: u32) -> u32 {
        (self.micros_since(earlier) as u128 * clock_rate as u128 / 1_000_000) as u32
    }
}

impl Add<Duration> for Micros {
    type Output = Micros;

    fn add(self, rhs: Duration) -> Micros {
        Micros(self.0.saturating_add(whole_micros(rhs)))
    }
}

impl AddAssign<Duration> for Micros {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Duration> for Micros {
    type Output = Micros;

    fn sub(self, rhs: Duration) -> Micros {
        Micros(self.0.saturating_sub(whole_micros(rhs)))
    }
}

fn whole_micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A wall-clock time as RTCP writes it: 32.32 fixed-point seconds.
///
/// Source: RFC 3550 section 4.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct NtpTime {
    /// Whole seconds, modulo 2^32.
    pub seconds: u32,
    /// Fractions of a second, 1/2^32 each.
    pub fraction: u32,
}

impl NtpTime {
    /// Reads a number of microseconds since any epoch as NTP time.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        let seconds = micros / 1_000_000;
        let rest = micros % 1_000_000;
        Self {
            seconds: seconds as u32,
            fraction: ((rest << 32) / 1_000_000) as u32,
        }
    }

    /// The middle 32 bits, the unit of LSR, DLSR and LRR: 1/65,536 s.
    #[must_use]
    pub const fn middle(self) -> u32 {
        self.seconds << 16 | self.fraction >> 16
    }
}

/// A time in the compact unit of RTCP delays (1/65,536 s), from a duration; saturates.
#[must_use]
pub fn compact_ntp(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros() * 65_536 / 1_000_000).unwrap_or(u32::MAX)
}

/// A duration from the compact unit of RTCP delays (1/65,536 s).
#[must_use]
pub const fn from_compact_ntp(compact: u32) -> Duration {
    Duration::from_micros(compact as u64 * 1_000_000 / 65_536)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_one_whole_ntp_second() {
        assert_eq!(
            NtpTime::from_micros(3_500_000),
            NtpTime {
                seconds: 3,
                fraction: 1 << 31
            }
        );
        assert_eq!(NtpTime::from_micros(3_500_000).middle(), 0x0003_8000);
    }

    #[test]
    fn compact_delays_survive_the_round_trip_within_a_tick() {
        for ms in [0, 1, 20, 1_000, 65_000] {
            let there = compact_ntp(Duration::from_millis(ms));
            let back = from_compact_ntp(there);
            assert!(
                Duration::from_millis(ms) - back <= Duration::from_micros(16),
                "{ms} ms"
            );
        }
    }

    #[test]
    fn ticks_do_not_overflow_after_years() {
        let years = Micros(400 * 365 * 86_400 * 1_000_000);
        assert_eq!(
            years.ticks_since(Micros(years.0 - 1_000_000), 90_000),
            90_000
        );
    }
}
