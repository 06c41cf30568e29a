//! The estimator against a simulated bottleneck: one queue, a rate that changes, random loss.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

use std::collections::VecDeque;
use std::time::Duration;

use parley_rtp::bandwidth::{AdaptiveEstimator, BandwidthEstimator, Bounds};
use parley_rtp::rtcp::{Compound, Item, items};
use parley_rtp::time::Micros;
use parley_rtp::transport_cc::{ArrivalLog, Feedback, SendHistory};

const PACKET: usize = 1_000;
const STEP_US: u64 = 1_000;
const FEEDBACK_US: u64 = 50_000;
const ONE_WAY_US: u64 = 25_000;
/// Packets that find a longer queue are dropped.
const QUEUE_US: u64 = 300_000;

/// A sender of media and probes, a bottleneck, a receiver that reports.
struct Link {
    now: u64,
    estimator: AdaptiveEstimator,
    history: SendHistory,
    log: ArrivalLog,
    capacity_bps: u64,
    loss_percent: u64,
    wanted_bps: u64,
    // When the bottleneck has sent what it holds.
    free_at: u64,
    arriving: VecDeque<(u64, u16)>,
    reporting: VecDeque<(u64, Vec<u8>)>,
    next_feedback: u64,
    credit: u64,
    probe: Option<(u16, u64, usize)>,
    random: u64,
    delay_us_max: u64,
}

impl Link {
    fn new(capacity_bps: u64, loss_percent: u64) -> Self {
        Self {
            now: 1_000_000_000,
            estimator: AdaptiveEstimator::new(Bounds::default()),
            history: SendHistory::new(17),
            log: ArrivalLog::default(),
            capacity_bps,
            loss_percent,
            wanted_bps: 10_000_000,
            free_at: 0,
            arriving: VecDeque::new(),
            reporting: VecDeque::new(),
            next_feedback: 0,
            credit: 0,
            probe: None,
            random: 0x9e37_79b9_7f4a_7c15,
            delay_us_max: 0,
        }
    }

    fn run(&mut self, seconds: u64) -> u64 {
        let end = self.now + seconds * 1_000_000;
        self.delay_us_max = 0;
        while self.now < end {
            self.step();
        }
        self.estimator.estimate().target_bps
    }

    fn step(&mut self) {
        self.now += STEP_US;
        let now = Micros(self.now);
        self.estimator.on_demand(now, self.wanted_bps);
        if self.probe.is_none() {
            self.probe = self
                .estimator
                .probe(now)
                .map(|probe| (probe.id, probe.rate_bps, probe.bytes));
        }
        let target = self.estimator.estimate().target_bps.min(self.wanted_bps);
        let rate = self.probe.map_or(target, |probe| probe.1);
        self.credit += rate * STEP_US / 8_000_000;
        while self.credit >= PACKET as u64 {
            self.credit -= PACKET as u64;
            let id = self.probe.map_or(0, |probe| probe.0);
            self.send(id);
            if let Some(probe) = &mut self.probe {
                probe.2 = probe.2.saturating_sub(PACKET);
                if probe.2 == 0 {
                    self.probe = None;
                    self.credit = 0;
                }
            }
        }
        while self
            .arriving
            .front()
            .is_some_and(|packet| packet.0 <= self.now)
        {
            let (at, sequence) = self.arriving.pop_front().unwrap();
            self.log.record(sequence, Micros(at));
        }
        if self.now >= self.next_feedback && !self.log.is_empty() {
            self.next_feedback = self.now + FEEDBACK_US;
            let mut bytes = Vec::new();
            while self.log.write(1, 2, &mut Compound::new(&mut bytes)) {}
            self.reporting.push_back((self.now + ONE_WAY_US, bytes));
        }
        while self
            .reporting
            .front()
            .is_some_and(|report| report.0 <= self.now)
        {
            let (_, bytes) = self.reporting.pop_front().unwrap();
            for item in items(&bytes) {
                let Ok(Item::TransportCc { body, .. }) = item else {
                    panic!("{item:?}")
                };
                let mut reports = Vec::new();
                self.history
                    .on_feedback(&Feedback::parse(body).unwrap(), &mut reports);
                let round_trip = Duration::from_micros(2 * ONE_WAY_US);
                self.estimator.on_feedback(now, &reports, Some(round_trip));
            }
        }
    }

    fn send(&mut self, probe: u16) {
        let sequence = self.history.next_sequence();
        self.history.on_sent(Micros(self.now), PACKET, probe);
        self.estimator.on_sent(Micros(self.now), PACKET);
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let waits = self.free_at.saturating_sub(self.now);
        if self.random % 100 < self.loss_percent || waits > QUEUE_US {
            return;
        }
        self.delay_us_max = self.delay_us_max.max(waits);
        self.free_at = self.free_at.max(self.now) + PACKET as u64 * 8_000_000 / self.capacity_bps;
        self.arriving
            .push_back((self.free_at + ONE_WAY_US, sequence));
    }
}

fn assert_between(what: &str, value: u64, capacity: u64, low_percent: u64, high_percent: u64) {
    let percent = value * 100 / capacity;
    assert!(
        (low_percent..=high_percent).contains(&percent),
        "{what}: {percent} % of {capacity} bit/s, not {low_percent} to {high_percent} %"
    );
}

#[test]
fn a_path_is_found_within_seconds_and_not_overfilled() {
    for capacity in [500_000, 2_000_000, 6_000_000] {
        let mut link = Link::new(capacity, 0);
        assert_between("after 5 s", link.run(5), capacity, 60, 115);
        let mut sum = 0;
        for _ in 0..25 {
            sum += link.run(1);
        }
        assert_between("mean of the next 25 s", sum / 25, capacity, 75, 105);
    }
}

#[test]
fn a_path_that_shrinks_is_left_within_seconds() {
    let mut link = Link::new(4_000_000, 0);
    link.run(20);
    link.capacity_bps = 1_000_000;
    assert_between("3 s after the step", link.run(3), 1_000_000, 30, 115);
    link.run(5);
    let mut sum = 0;
    for _ in 0..20 {
        sum += link.run(1);
        assert!(
            link.delay_us_max < 250_000,
            "queues of {} us",
            link.delay_us_max
        );
    }
    assert_between("mean later", sum / 20, 1_000_000, 70, 105);
}

#[test]
fn a_path_that_widens_is_used_again() {
    let mut link = Link::new(1_000_000, 0);
    link.run(20);
    link.capacity_bps = 4_000_000;
    assert_between("15 s after the step", link.run(15), 4_000_000, 60, 115);
}

#[test]
fn a_little_random_loss_does_not_starve_the_sender() {
    for loss in [1, 3, 5] {
        let mut link = Link::new(2_000_000, loss);
        link.run(15);
        let mut sum = 0;
        for _ in 0..20 {
            sum += link.run(1);
        }
        assert_between(&format!("{loss} % loss"), sum / 20, 2_000_000, 70, 105);
    }
}

#[test]
fn heavy_loss_lowers_the_rate() {
    let mut link = Link::new(20_000_000, 0);
    let before = link.run(10);
    link.loss_percent = 30;
    let after = link.run(10);
    assert!(after < before / 2, "{before} to {after}");
}

#[test]
fn a_sender_with_little_to_send_does_not_talk_itself_up() {
    let mut link = Link::new(50_000_000, 0);
    link.wanted_bps = 300_000;
    let estimate = link.run(30);
    assert!(estimate <= 2_500_000, "{estimate}");
    assert!(link.estimator.estimate().acknowledged_bps < 400_000);
}

#[test]
fn loss_of_receiver_reports_counts_where_there_is_no_feedback() {
    let mut estimator = AdaptiveEstimator::new(Bounds::default());
    let before = estimator.estimate().target_bps;
    for second in 0..5 {
        estimator.on_loss(Micros(second * 1_000_000), 64);
    }
    let estimate = estimator.estimate();
    assert!(
        estimate.target_bps < before * 2 / 3,
        "{}",
        estimate.target_bps
    );
    assert_eq!(estimate.fraction_lost, 64);
}
