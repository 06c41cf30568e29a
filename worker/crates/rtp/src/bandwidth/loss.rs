//! What loss says about the rate: little below 2 %, stop growing up to 10 %, go down above.
//!
//! Source: draft-ietf-rmcat-gcc-02 section 6.

use std::time::Duration;

use super::Bounds;
use crate::time::Micros;

/// Packets and time over which loss is taken, at least: fewer would take chance for a trend.
const PACKETS_MIN: u32 = 50;
const INTERVAL_MIN: Duration = Duration::from_millis(500);
/// Loss up to which the rate may grow, and above which it falls. In 1/256.
const LOW: u8 = 5;
const HIGH: u8 = 26;
/// Growth of the cap a second below the low mark, and between the marks: loss that does not depend
/// on the rate must not hold it down for ever.
const GROWTH: f64 = 1.08;
const GROWTH_BETWEEN: f64 = 1.03;
/// Least time between two reductions, beside the round trip.
const DECREASE_INTERVAL: Duration = Duration::from_millis(300);

/// A cap on the rate that follows loss.
#[derive(Debug)]
pub(super) struct LossCap {
    cap_bps: f64,
    packets: u32,
    lost: u32,
    fraction: u8,
    taken_at: Option<Micros>,
    grown_at: Option<Micros>,
    decreased_at: Option<Micros>,
}

impl LossCap {
    pub(super) const fn new(bounds: &Bounds) -> Self {
        Self {
            cap_bps: bounds.max_bps as f64,
            packets: 0,
            lost: 0,
            fraction: 0,
            taken_at: None,
            grown_at: None,
            decreased_at: None,
        }
    }

    pub(super) const fn fraction_lost(&self) -> u8 {
        self.fraction
    }

    pub(super) const fn cap_bps(&self) -> u64 {
        self.cap_bps as u64
    }

    /// Counts packets of which a feedback message spoke.
    pub(super) fn on_packets(
        &mut self,
        now: Micros,
        packets: u32,
        lost: u32,
        target_bps: u64,
        round_trip: Duration,
    ) {
        self.packets += packets;
        self.lost += lost;
        let taken_at = *self.taken_at.get_or_insert(now);
        if self.packets < PACKETS_MIN || now.since(taken_at) < INTERVAL_MIN {
            return;
        }
        self.taken_at = Some(now);
        let fraction = (u64::from(self.lost) * 256 / u64::from(self.packets)).min(255) as u8;
        self.packets = 0;
        self.lost = 0;
        self.on_fraction(now, fraction, target_bps, round_trip);
    }

    /// Hears the share that was lost.
    pub(super) fn on_fraction(
        &mut self,
        now: Micros,
        fraction: u8,
        target_bps: u64,
        round_trip: Duration,
    ) {
        self.fraction = fraction;
        if fraction > HIGH {
            let waited = self
                .decreased_at
                .is_none_or(|at| now.since(at) >= DECREASE_INTERVAL + round_trip);
            if waited {
                self.decreased_at = Some(now);
                let kept = 1.0 - 0.5 * f64::from(fraction) / 256.0;
                self.cap_bps = (target_bps as f64).min(self.cap_bps) * kept;
            }
            self.grown_at = Some(now);
        } else {
            let growth = if fraction <= LOW {
                GROWTH
            } else {
                GROWTH_BETWEEN
            };
            let since = self.grown_at.map_or(Duration::ZERO, |at| now.since(at));
            self.grown_at = Some(now);
            self.cap_bps *= growth.powf(since.as_secs_f64().min(1.0));
        }
    }

    /// Whether loss is what the path has too much of: then a probe would only make more of it.
    pub(super) const fn is_heavy(&self) -> bool {
        self.fraction > HIGH
    }

    /// A probe has shown that the path carries this.
    pub(super) const fn raise(&mut self, shown_bps: u64) {
        self.cap_bps = self.cap_bps.max(shown_bps as f64);
    }

    pub(super) const fn keep_within(&mut self, bounds: &Bounds) {
        self.cap_bps = self
            .cap_bps
            .clamp(bounds.min_bps as f64, bounds.max_bps as f64);
    }
}
