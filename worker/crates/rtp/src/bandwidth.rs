//! How much a path carries: what an estimator is, and those that there are.
//!
//! An estimator hears what was sent and what came of it, and says how much may be sent; it also
//! says when to send more than there is (a probe, filled with retransmissions), because a path that
//! is not filled tells nothing about what it could carry.

mod adaptive;
mod delay;
mod loss;
mod rate;

use std::time::Duration;

use crate::limits::{BANDWIDTH_MAX_BPS, BANDWIDTH_START_BPS};
use crate::time::Micros;
use crate::transport_cc::PacketReport;

pub use adaptive::AdaptiveEstimator;

/// What a path carries, as far as is known. Bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// May be sent.
    pub target_bps: u64,
    /// Came, lately.
    pub acknowledged_bps: u64,
    /// Share lost lately, in 1/256.
    pub fraction_lost: u8,
}

/// A burst above the present rate that an estimator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Its number; goes into [`crate::transport_cc::SendHistory::on_sent`] with each packet of it.
    pub id: u16,
    /// How fast to send. Bits a second.
    pub rate_bps: u64,
    /// How much to send, media and padding together. Bytes.
    pub bytes: usize,
}

/// Estimates what the path to one endpoint carries.
pub trait BandwidthEstimator {
    /// Hears of a packet that left.
    fn on_sent(&mut self, now: Micros, size: usize);

    /// Hears the fate of packets, in the order in which they were sent.
    fn on_feedback(&mut self, now: Micros, reports: &[PacketReport], round_trip: Option<Duration>);

    /// Hears of loss from a receiver report, where there is no transport-wide feedback.
    fn on_loss(&mut self, now: Micros, fraction_lost: u8);

    /// Hears how much would be sent if the path carried it. Bits a second.
    fn on_demand(&mut self, now: Micros, wanted_bps: u64);

    /// What the path carries.
    fn estimate(&self) -> Estimate;

    /// A probe that should start now, once.
    fn probe(&mut self, now: Micros) -> Option<Probe>;
}

/// Believes in a constant.
#[derive(Clone, Copy, Debug)]
pub struct NullEstimator {
    target_bps: u64,
}

impl NullEstimator {
    /// Says `target_bps` for ever.
    #[must_use]
    pub const fn new(target_bps: u64) -> Self {
        Self { target_bps }
    }
}

impl Default for NullEstimator {
    fn default() -> Self {
        Self::new(BANDWIDTH_MAX_BPS)
    }
}

impl BandwidthEstimator for NullEstimator {
    fn on_sent(&mut self, _: Micros, _: usize) {}

    fn on_feedback(&mut self, _: Micros, _: &[PacketReport], _: Option<Duration>) {}

    fn on_loss(&mut self, _: Micros, _: u8) {}

    fn on_demand(&mut self, _: Micros, _: u64) {}

    fn estimate(&self) -> Estimate {
        Estimate {
            target_bps: self.target_bps,
            acknowledged_bps: 0,
            fraction_lost: 0,
        }
    }

    fn probe(&mut self, _: Micros) -> Option<Probe> {
        None
    }
}

/// Bounds between which an estimator moves, and where it starts. Bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Never below.
    pub min_bps: u64,
    /// Before the first measurement.
    pub start_bps: u64,
    /// Never above.
    pub max_bps: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            min_bps: crate::limits::BANDWIDTH_MIN_BPS,
            start_bps: BANDWIDTH_START_BPS,
            max_bps: BANDWIDTH_MAX_BPS,
        }
    }
}
