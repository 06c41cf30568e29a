//! The estimator that is used: delay trend and loss, with probes where the sender wants more.

use std::time::Duration;

use super::delay::{DelayDetector, Usage};
use super::loss::LossCap;
use super::rate::{RateControl, Throughput};
use super::{BandwidthEstimator, Bounds, Estimate, Probe};
use crate::time::Micros;
use crate::transport_cc::PacketReport;

/// Assumed before the first measurement.
const ROUND_TRIP_START: Duration = Duration::from_millis(100);
/// Length of a probe.
const PROBE_MS: u64 = 25;
/// Bytes of a probe, at least: fewer packets say nothing.
const PROBE_BYTES_MIN: usize = 6_000;
/// Packets of a probe that must come for it to count.
const PROBE_PACKETS_MIN: u32 = 5;
/// A probe of which nothing was heard by then failed.
const PROBE_TIMEOUT: Duration = Duration::from_millis(1_000);
/// Between two probes of a sender that wants more than it may.
const PROBE_INTERVAL: Duration = Duration::from_millis(3_000);
/// After over-use, before the next probe.
const PROBE_RECOVERY: Duration = Duration::from_millis(1_500);
/// How long what a probe has shown counts as throughput, where queues grow behind it.
const PROBE_VALID: Duration = Duration::from_millis(1_000);
/// Factors of the first probes, then of those while the sender wants more.
const PROBE_START_FACTORS: [u64; 2] = [3, 6];
const PROBE_FACTOR: u64 = 2;
/// A sender that sends less than this part of its target is not limited by the path. Percent.
const LIMITED_PERCENT: u64 = 85;

/// Delay and loss, after draft-ietf-rmcat-gcc-02, with probing.
#[derive(Debug)]
pub struct AdaptiveEstimator {
    bounds: Bounds,
    delay: DelayDetector,
    rate: RateControl,
    loss: LossCap,
    throughput: Throughput,
    round_trip: Duration,
    wanted_bps: u64,
    sent: SentRate,
    probing: Probing,
}

#[derive(Debug, Default)]
struct Probing {
    // How many of the first probes were asked for.
    started: usize,
    last_id: u16,
    asked_at: Option<Micros>,
    overused_at: Option<Micros>,
    // A good result calls for the next at once.
    goes_on: bool,
    running: Option<Running>,
    shown: Option<(Micros, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    id: u16,
    packets: u32,
    bytes: u64,
    first_size: u64,
    last_size: u64,
    sent: (Micros, Micros),
    arrived: (i64, i64),
}

impl AdaptiveEstimator {
    /// Starts with what is assumed before any measurement.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            delay: DelayDetector::new(),
            rate: RateControl::new(&bounds),
            loss: LossCap::new(&bounds),
            throughput: Throughput::default(),
            round_trip: ROUND_TRIP_START,
            wanted_bps: 0,
            sent: SentRate::default(),
            probing: Probing::default(),
        }
    }

    /// Whether the sender had less to send than it may.
    fn is_limited(&self) -> bool {
        let sent = self.sent.bps();
        sent * 100 < self.target_bps() * LIMITED_PERCENT
    }

    fn target_bps(&self) -> u64 {
        self.rate.target_bps().min(self.loss.cap_bps())
    }

    fn count_probe(&mut self, report: &PacketReport, arrived_us: i64) {
        let Some(running) = &mut self.probing.running else {
            return;
        };
        if report.probe != running.id {
            return;
        }
        let size = u64::from(report.size);
        if running.packets == 0 {
            running.sent = (report.sent, report.sent);
            running.arrived = (arrived_us, arrived_us);
            running.first_size = size;
        }
        running.packets += 1;
        running.bytes += size;
        if report.sent >= running.sent.1 {
            running.sent.1 = report.sent;
            running.last_size = size;
        }
        running.arrived.1 = running.arrived.1.max(arrived_us);
    }

    /// Judges the running probe once what followed it has come, or its time is over.
    fn finish_probe(&mut self, now: Micros, has_later: bool) {
        let Some(running) = self.probing.running else {
            return;
        };
        let timed_out = self
            .probing
            .asked_at
            .is_some_and(|at| now.since(at) > PROBE_TIMEOUT);
        if !timed_out && (!has_later || running.packets < PROBE_PACKETS_MIN) {
            return;
        }
        self.probing.running = None;
        let Some(shown) = running.result() else {
            return;
        };
        let before = self.target_bps();
        self.probing.shown = Some((now, shown.bps));
        if shown.is_bottleneck && shown.bps < before {
            // The probe itself stood in the queue: this is what the path carries.
            self.rate.set(now, shown.bps);
        } else if shown.bps > before && self.delay.usage() != Usage::Over && !self.loss.is_heavy() {
            self.rate.set(now, shown.bps);
            self.loss.raise(shown.bps);
            // Nearly everything that was sent came as fast: there may be more.
            self.probing.goes_on = !shown.is_bottleneck;
        }
    }

    /// What came through lately, by the packets or by the last probe.
    fn throughput_bps(&self, now: Micros) -> Option<u64> {
        let shown = self
            .probing
            .shown
            .filter(|(at, _)| now.since(*at) < PROBE_VALID);
        self.throughput.bps().max(shown.map(|(_, bps)| bps))
    }

    fn probe_rate(&mut self, now: Micros) -> Option<u64> {
        if self.wanted_bps <= self.target_bps() || self.loss.is_heavy() {
            return None;
        }
        let probing = &mut self.probing;
        if probing
            .overused_at
            .is_some_and(|at| now.since(at) < PROBE_RECOVERY)
        {
            return None;
        }
        if let Some(factor) = PROBE_START_FACTORS.get(probing.started) {
            if probing.started > 0 && !probing.goes_on {
                probing.started = PROBE_START_FACTORS.len();
                return None;
            }
            probing.started += 1;
            return Some(self.bounds.start_bps * factor);
        }
        let is_due = probing
            .asked_at
            .is_none_or(|at| now.since(at) >= PROBE_INTERVAL);
        (probing.goes_on || is_due).then(|| self.target_bps() * PROBE_FACTOR)
    }
}

impl BandwidthEstimator for AdaptiveEstimator {
    fn on_sent(&mut self, now: Micros, size: usize) {
        self.sent.add(now, size);
    }

    fn on_feedback(&mut self, now: Micros, reports: &[PacketReport], round_trip: Option<Duration>) {
        if let Some(round_trip) = round_trip {
            self.round_trip = round_trip;
        }
        let probe = self.probing.running.map(|running| running.id);
        let mut lost = 0;
        let mut has_later = false;
        let mut is_over = false;
        for report in reports {
            let Some(arrived_us) = report.arrived_us else {
                lost += 1;
                continue;
            };
            self.throughput.on_packet(arrived_us, report.size);
            self.count_probe(report, arrived_us);
            has_later |= probe.is_some()
                && Some(report.probe) != probe
                && self
                    .probing
                    .running
                    .is_some_and(|running| running.packets > 0);
            self.delay.on_packet(report, arrived_us);
            is_over |= self.delay.usage() == Usage::Over;
        }
        let usage = if is_over {
            Usage::Over
        } else {
            self.delay.usage()
        };
        if is_over {
            self.probing.overused_at = Some(now);
        }
        let target = self.target_bps();
        self.loss
            .on_packets(now, reports.len() as u32, lost, target, self.round_trip);
        self.finish_probe(now, has_later);
        let is_limited = self.is_limited();
        let throughput = self.throughput_bps(now);
        self.rate
            .update(now, usage, throughput, is_limited, self.round_trip);
        self.rate.keep_within(&self.bounds);
        self.loss.keep_within(&self.bounds);
    }

    fn on_loss(&mut self, now: Micros, fraction_lost: u8) {
        let target = self.target_bps();
        self.loss
            .on_fraction(now, fraction_lost, target, self.round_trip);
        self.loss.keep_within(&self.bounds);
    }

    fn on_demand(&mut self, _: Micros, wanted_bps: u64) {
        self.wanted_bps = wanted_bps.min(self.bounds.max_bps);
    }

    fn estimate(&self) -> Estimate {
        Estimate {
            target_bps: self.target_bps(),
            acknowledged_bps: self.throughput.bps().unwrap_or(0),
            fraction_lost: self.loss.fraction_lost(),
        }
    }

    fn probe(&mut self, now: Micros) -> Option<Probe> {
        self.finish_probe(now, false);
        if self.probing.running.is_some() {
            return None;
        }
        let rate_bps = self
            .probe_rate(now)?
            .min(self.bounds.max_bps)
            .min(self.wanted_bps * 2);
        let probing = &mut self.probing;
        probing.goes_on = false;
        probing.asked_at = Some(now);
        // 0 means "no probe".
        probing.last_id = probing.last_id.checked_add(1).unwrap_or(1);
        probing.running = Some(Running {
            id: probing.last_id,
            packets: 0,
            bytes: 0,
            first_size: 0,
            last_size: 0,
            sent: (now, now),
            arrived: (0, 0),
        });
        let bytes = (rate_bps / 8 * PROBE_MS / 1_000) as usize;
        Some(Probe {
            id: probing.last_id,
            rate_bps,
            bytes: bytes.max(PROBE_BYTES_MIN),
        })
    }
}

impl Running {
    /// What the probe shows: the slower of how it was sent and how it came.
    fn result(&self) -> Option<Shown> {
        if self.packets < PROBE_PACKETS_MIN {
            return None;
        }
        let sent_us = self.sent.1.micros_since(self.sent.0).max(1);
        let arrived_us = u64::try_from(self.arrived.1 - self.arrived.0).ok()?.max(1);
        // n packets span n - 1 intervals: the last one left, the first one came, outside of them.
        let sent_bps = (self.bytes - self.last_size) * 8 * 1_000_000 / sent_us;
        let arrived_bps = (self.bytes - self.first_size) * 8 * 1_000_000 / arrived_us;
        let is_bottleneck = arrived_bps * 10 < sent_bps * 9;
        // Where the path's own rate was seen, stay a little below it.
        let bps = if is_bottleneck {
            arrived_bps * 95 / 100
        } else {
            sent_bps.min(arrived_bps)
        };
        Some(Shown { bps, is_bottleneck })
    }
}

/// What a probe has shown.
#[derive(Clone, Copy, Debug)]
struct Shown {
    bps: u64,
    // It came slower than it was sent.
    is_bottleneck: bool,
}

/// What left, smoothed over about half a second.
#[derive(Debug, Default)]
struct SentRate {
    bps: f64,
    bytes: usize,
    since: Option<Micros>,
}

impl SentRate {
    const INTERVAL_US: u64 = 100_000;

    fn add(&mut self, now: Micros, size: usize) {
        let since = *self.since.get_or_insert(now);
        self.bytes += size;
        let passed = now.micros_since(since);
        if passed >= Self::INTERVAL_US {
            let bps = self.bytes as f64 * 8.0 * 1e6 / passed as f64;
            self.bps = if self.bps == 0.0 {
                bps
            } else {
                0.8 * self.bps + 0.2 * bps
            };
            self.bytes = 0;
            self.since = Some(now);
        }
    }

    const fn bps(&self) -> u64 {
        self.bps as u64
    }
}
