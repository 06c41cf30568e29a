//! From what queues do to a rate: grow carefully, fall below what came through; and the measurement
//! of what came through.

use std::collections::VecDeque;
use std::time::Duration;

use super::Bounds;
use super::delay::Usage;
use crate::time::Micros;

/// Growth a second far from the path's known capacity.
const GROWTH: f64 = 1.08;
/// What remains of the throughput at over-use.
const DECREASE: f64 = 0.85;
/// The target stays below this many times the throughput, plus the slack, unless the sender had
/// nothing more to send.
const LEAD: f64 = 1.5;
const LEAD_SLACK_BPS: f64 = 10_000.0;
/// A typical packet, for the additive step. Bits.
const PACKET_BITS: f64 = 1_200.0 * 8.0;
/// Time in which a path answers to more, beside the round trip.
const RESPONSE: Duration = Duration::from_millis(100);
/// Weight of a new sample of the capacity at over-use.
const CAPACITY_WEIGHT: f64 = 0.05;
/// Throughput is taken over this much of the receiver's time. Microseconds.
const THROUGHPUT_WINDOW_US: i64 = 250_000;
/// Before this much has passed, throughput says nothing. Microseconds.
const THROUGHPUT_MIN_US: i64 = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Hold,
    Up,
}

/// Follows the delay detector with additive and multiplicative steps.
///
/// Source: draft-ietf-rmcat-gcc-02 section 5.5.
#[derive(Debug)]
pub(super) struct RateControl {
    target_bps: f64,
    direction: Direction,
    capacity: Option<Capacity>,
    changed_at: Option<Micros>,
    decreased_at: Option<Micros>,
}

/// What came through when queues began to grow: mean and relative variance.
#[derive(Clone, Copy, Debug)]
struct Capacity {
    mean_bps: f64,
    variance: f64,
}

impl RateControl {
    pub(super) const fn new(bounds: &Bounds) -> Self {
        Self {
            target_bps: bounds.start_bps as f64,
            direction: Direction::Up,
            capacity: None,
            changed_at: None,
            decreased_at: None,
        }
    }

    pub(super) const fn target_bps(&self) -> u64 {
        self.target_bps as u64
    }

    pub(super) const fn set(&mut self, now: Micros, target_bps: u64) {
        self.target_bps = target_bps as f64;
        self.changed_at = Some(now);
    }

    /// Takes one step. `is_limited`: the sender had less to send than the target, so that the
    /// throughput says nothing about the path.
    pub(super) fn update(
        &mut self,
        now: Micros,
        usage: Usage,
        throughput_bps: Option<u64>,
        is_limited: bool,
        round_trip: Duration,
    ) {
        match usage {
            Usage::Over => self.decrease(now, throughput_bps, round_trip),
            // Queues drain: wait, or they would never be empty.
            Usage::Under => self.direction = Direction::Hold,
            Usage::Normal if self.direction == Direction::Hold => {
                self.direction = Direction::Up;
                self.changed_at = Some(now);
            }
            Usage::Normal => self.increase(now, throughput_bps, is_limited, round_trip),
        }
    }

    fn increase(
        &mut self,
        now: Micros,
        throughput_bps: Option<u64>,
        is_limited: bool,
        round_trip: Duration,
    ) {
        let since = self.changed_at.map_or(Duration::ZERO, |at| now.since(at));
        let passed = since.as_secs_f64().min(1.0);
        self.changed_at = Some(now);
        let throughput = throughput_bps.map(|bps| bps as f64);
        if let (Some(capacity), Some(throughput)) = (self.capacity, throughput)
            && throughput > capacity.upper()
        {
            // The path carries more than it used to.
            self.capacity = None;
        }
        let grown = if self.capacity.is_some() {
            let response = (round_trip + RESPONSE).as_secs_f64();
            self.target_bps + (PACKET_BITS / response).max(4_000.0) * passed
        } else {
            self.target_bps * GROWTH.powf(passed)
        };
        let ceiling = match throughput {
            Some(throughput) if !is_limited => LEAD * throughput + LEAD_SLACK_BPS,
            // An idle sender learns nothing, and so may not grow by waiting.
            _ if is_limited => self.target_bps,
            _ => f64::INFINITY,
        };
        self.target_bps = grown.min(ceiling).max(self.target_bps);
    }

    fn decrease(&mut self, now: Micros, throughput_bps: Option<u64>, round_trip: Duration) {
        self.direction = Direction::Hold;
        // One reduction each round trip: the last one must be seen before the next.
        let interval = round_trip.clamp(Duration::from_millis(10), Duration::from_millis(200));
        if self.decreased_at.is_some_and(|at| now.since(at) < interval) {
            return;
        }
        self.decreased_at = Some(now);
        self.changed_at = Some(now);
        let throughput = throughput_bps.map_or(self.target_bps, |bps| bps as f64);
        let reduced = DECREASE * throughput;
        if self
            .capacity
            .is_some_and(|capacity| throughput < capacity.lower())
        {
            self.capacity = None;
        }
        self.capacity = Some(Capacity::with(self.capacity, throughput));
        self.target_bps = if reduced < self.target_bps {
            reduced
        } else {
            // Nothing like the target went out, and still queues grow: somebody else's traffic.
            self.target_bps * DECREASE.max(0.95)
        };
    }

    pub(super) const fn keep_within(&mut self, bounds: &Bounds) {
        self.target_bps = self
            .target_bps
            .clamp(bounds.min_bps as f64, bounds.max_bps as f64);
    }
}

impl Capacity {
    fn with(before: Option<Self>, sample_bps: f64) -> Self {
        let Some(before) = before else {
            return Self {
                mean_bps: sample_bps,
                variance: 0.4,
            };
        };
        let weight = CAPACITY_WEIGHT;
        let mean_bps = (1.0 - weight) * before.mean_bps + weight * sample_bps;
        let error = before.mean_bps - sample_bps;
        // In kbit/s, normalised by the mean, as the deviation grows with the rate.
        let normalised = error * error / 1_000.0 / mean_bps.max(1_000.0);
        let variance = ((1.0 - weight) * before.variance + weight * normalised).clamp(0.4, 2.5);
        Self { mean_bps, variance }
    }

    fn deviation(&self) -> f64 {
        (self.variance * self.mean_bps * 1_000.0).sqrt()
    }

    fn upper(&self) -> f64 {
        self.mean_bps + 3.0 * self.deviation()
    }

    fn lower(&self) -> f64 {
        self.mean_bps - 3.0 * self.deviation()
    }
}

/// What came, over the last quarter of a second of the receiver's clock.
#[derive(Debug, Default)]
pub(super) struct Throughput {
    arrivals: VecDeque<(i64, u32)>,
    bytes: u64,
}

impl Throughput {
    pub(super) fn on_packet(&mut self, arrived_us: i64, size: u16) {
        // Packets of one feedback tick share an entry, so that the list stays short.
        match self.arrivals.back_mut() {
            Some((at, bytes)) if arrived_us - *at < 5_000 => *bytes += u32::from(size),
            _ => self.arrivals.push_back((arrived_us, u32::from(size))),
        }
        self.bytes += u64::from(size);
        while let Some(&(at, bytes)) = self.arrivals.front() {
            if arrived_us - at <= THROUGHPUT_WINDOW_US {
                break;
            }
            self.bytes -= u64::from(bytes);
            self.arrivals.pop_front();
        }
    }

    /// Bits a second; none before there is enough to tell.
    pub(super) fn bps(&self) -> Option<u64> {
        let (first, _) = *self.arrivals.front()?;
        let (last, _) = *self.arrivals.back()?;
        let passed = last - first;
        if passed < THROUGHPUT_MIN_US {
            return None;
        }
        Some(self.bytes * 8 * 1_000_000 / passed.unsigned_abs())
    }
}
