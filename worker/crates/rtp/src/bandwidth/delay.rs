//! Whether queues on the path grow: the trend of one-way delay over groups of packets.
//!
//! Source: draft-ietf-rmcat-gcc-02 section 5, with the linear trend that libwebrtc uses in place of
//! the Kalman filter.

use crate::transport_cc::PacketReport;

/// Packets that leave within this belong to one group. Microseconds.
const GROUP_SEND_US: u64 = 5_000;
/// Packets that come within this of each other, with falling delay, were held up together: still
/// one group. Microseconds.
const BURST_ARRIVAL_US: i64 = 5_000;
/// Longest such burst. Microseconds.
const BURST_MAX_US: i64 = 100_000;
/// A pause of the receiver's clock of this length starts the measurement anew. Microseconds.
const ARRIVAL_JUMP_US: i64 = 3_000_000;
/// Groups over which the trend is taken.
const WINDOW: usize = 20;
/// Weight of the past in the smoothed delay.
const SMOOTHING: f64 = 0.9;
/// Scales the trend to the threshold's milliseconds.
const TREND_GAIN: f64 = 4.0;
/// Groups after which the trend has its full weight.
const GROUPS_FOR_FULL_WEIGHT: u32 = 60;
/// Over-use must last this long before it counts. Milliseconds.
const OVERUSE_MS: f64 = 10.0;
const THRESHOLD_START: f64 = 12.5;
const THRESHOLD_MIN: f64 = 6.0;
const THRESHOLD_MAX: f64 = 600.0;
/// How fast the threshold follows a trend above and below it, per millisecond.
const THRESHOLD_UP: f64 = 0.0087;
const THRESHOLD_DOWN: f64 = 0.039;
/// A trend this far above the threshold is a spike, which must not lift it.
const THRESHOLD_SPIKE: f64 = 15.0;

/// What the path's queues do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// They drain.
    Under,
    /// They stay.
    Normal,
    /// They grow.
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent_us: u64,
    last_sent_us: u64,
    first_arrived_us: i64,
    last_arrived_us: i64,
}

/// Watches the delay of packets that came.
#[derive(Debug)]
pub(super) struct DelayDetector {
    current: Option<Group>,
    previous: Option<Group>,
    points: [(f64, f64); WINDOW],
    groups: u32,
    first_arrived_us: i64,
    accumulated_ms: f64,
    smoothed_ms: f64,
    previous_trend: f64,
    threshold: f64,
    threshold_at_us: Option<i64>,
    over_for_ms: f64,
    over_groups: u32,
    usage: Usage,
}

impl DelayDetector {
    pub(super) fn new() -> Self {
        Self {
            current: None,
            previous: None,
            points: [(0.0, 0.0); WINDOW],
            groups: 0,
            first_arrived_us: 0,
            accumulated_ms: 0.0,
            smoothed_ms: 0.0,
            previous_trend: 0.0,
            threshold: THRESHOLD_START,
            threshold_at_us: None,
            over_for_ms: 0.0,
            over_groups: 0,
            usage: Usage::Normal,
        }
    }

    pub(super) const fn usage(&self) -> Usage {
        self.usage
    }

    /// Hears of the next packet that came.
    pub(super) fn on_packet(&mut self, report: &PacketReport, arrived_us: i64) {
        let sent_us = report.sent.0;
        let Some(current) = &mut self.current else {
            self.current = Some(Group::new(sent_us, arrived_us));
            return;
        };
        if (arrived_us - current.last_arrived_us).abs() > ARRIVAL_JUMP_US {
            let threshold = self.threshold;
            *self = Self {
                threshold,
                ..Self::new()
            };
            self.current = Some(Group::new(sent_us, arrived_us));
            return;
        }
        if sent_us < current.first_sent_us {
            // Reordered across groups: says nothing.
            return;
        }
        if current.takes(sent_us, arrived_us) {
            current.last_sent_us = current.last_sent_us.max(sent_us);
            current.last_arrived_us = current.last_arrived_us.max(arrived_us);
            return;
        }
        let done = std::mem::replace(current, Group::new(sent_us, arrived_us));
        if let Some(previous) = self.previous.replace(done) {
            let sent_ms = done.last_sent_us.saturating_sub(previous.last_sent_us) as f64 / 1_000.0;
            let arrived_ms = (done.last_arrived_us - previous.last_arrived_us) as f64 / 1_000.0;
            self.on_group(sent_ms, arrived_ms, done.last_arrived_us);
        }
    }

    fn on_group(&mut self, sent_ms: f64, arrived_ms: f64, arrived_us: i64) {
        if self.groups == 0 {
            self.first_arrived_us = arrived_us;
        }
        self.accumulated_ms += arrived_ms - sent_ms;
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.accumulated_ms;
        let time_ms = (arrived_us - self.first_arrived_us) as f64 / 1_000.0;
        self.points[self.groups as usize % WINDOW] = (time_ms, self.smoothed_ms);
        self.groups = self.groups.saturating_add(1);
        let trend = if self.groups as usize >= WINDOW {
            slope(&self.points).unwrap_or(self.previous_trend)
        } else {
            0.0
        };
        self.detect(trend, sent_ms, arrived_us);
    }

    fn detect(&mut self, trend: f64, sent_ms: f64, arrived_us: i64) {
        let weight = f64::from(self.groups.min(GROUPS_FOR_FULL_WEIGHT));
        let scaled = weight * trend * TREND_GAIN;
        if scaled > self.threshold {
            // The first group above counts half: it began somewhere in between.
            self.over_for_ms += if self.over_groups == 0 {
                sent_ms / 2.0
            } else {
                sent_ms
            };
            self.over_groups += 1;
            if self.over_for_ms > OVERUSE_MS && self.over_groups > 1 && trend >= self.previous_trend
            {
                self.over_for_ms = 0.0;
                self.over_groups = 0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_for_ms = 0.0;
            self.over_groups = 0;
            self.usage = if scaled < -self.threshold {
                Usage::Under
            } else {
                Usage::Normal
            };
        }
        self.previous_trend = trend;
        self.adapt_threshold(scaled, arrived_us);
    }

    fn adapt_threshold(&mut self, scaled: f64, arrived_us: i64) {
        let before = self
            .threshold_at_us
            .replace(arrived_us)
            .unwrap_or(arrived_us);
        let distance = scaled.abs() - self.threshold;
        if distance > THRESHOLD_SPIKE {
            return;
        }
        let speed = if distance < 0.0 {
            THRESHOLD_DOWN
        } else {
            THRESHOLD_UP
        };
        let passed_ms = ((arrived_us - before) as f64 / 1_000.0).clamp(0.0, 100.0);
        self.threshold =
            (self.threshold + speed * distance * passed_ms).clamp(THRESHOLD_MIN, THRESHOLD_MAX);
    }
}

impl Group {
    const fn new(sent_us: u64, arrived_us: i64) -> Self {
        Self {
            first_sent_us: sent_us,
            last_sent_us: sent_us,
            first_arrived_us: arrived_us,
            last_arrived_us: arrived_us,
        }
    }

    const fn takes(&self, sent_us: u64, arrived_us: i64) -> bool {
        if sent_us - self.first_sent_us <= GROUP_SEND_US {
            return true;
        }
        let arrival_step = arrived_us - self.last_arrived_us;
        let delay_step = arrival_step - (sent_us as i64 - self.last_sent_us as i64);
        delay_step < 0
            && arrival_step <= BURST_ARRIVAL_US
            && arrived_us - self.first_arrived_us < BURST_MAX_US
    }
}

/// Least-squares slope; none where all points share one time.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let (sum_x, sum_y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), p| (x + p.0, y + p.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), (x, y)| {
        (
            over + (x - mean_x) * (y - mean_y),
            under + (x - mean_x) * (x - mean_x),
        )
    });
    (under > 0.0).then(|| over / under)
}
