//! The sender's half: remembers what was sent when, and joins it with what the receiver reports.

use super::{Feedback, REFERENCE_MASK, REFERENCE_US};
use crate::limits::SENT_PACKETS_MAX;
use crate::sequence::extend;
use crate::time::Micros;

/// Packets with which a history starts.
const SENT_PACKETS_MIN: usize = 64;
/// A packet younger than this is not overwritten while the history may still grow. Microseconds.
const KEEP_US: u64 = 500_000;
/// Length of the circle of reference times. Microseconds.
const CIRCLE_US: i64 = (REFERENCE_MASK as i64 + 1) * REFERENCE_US as i64;

/// The fate of one packet that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketReport {
    /// Extended transport-wide sequence number.
    pub index: u64,
    /// When it left.
    pub sent: Micros,
    /// When it came, on the receiver's clock: only differences mean something. None: not yet.
    pub arrived_us: Option<i64>,
    /// Bytes of the packet.
    pub size: u16,
    /// The probe it belonged to, 0 for none.
    pub probe: u16,
}

/// Numbers packets of one transport, and remembers the last of them.
///
/// Size: 16 bytes a packet, at most [`SENT_PACKETS_MAX`] of them; starts small.
#[derive(Debug, Default)]
pub struct SendHistory {
    sent: Vec<Sent>,
    next: u64,
    // The last arrival, to tell which round of the reference clock a report means.
    clock_us: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    at: Micros,
    // Low bits of the index, and whether its arrival was reported.
    index: u32,
    size: u16,
    probe: u16,
}

/// Stands in `index` for a slot without a packet or with one whose arrival is known.
const SETTLED: u32 = u32::MAX;

impl SendHistory {
    /// A history that numbers its first packet `first`.
    #[must_use]
    pub fn new(first: u16) -> Self {
        Self {
            sent: Vec::new(),
            next: u64::from(first),
            clock_us: None,
        }
    }

    /// The number that the next packet gets; what a snapshot keeps.
    #[must_use]
    pub const fn next_sequence(&self) -> u16 {
        self.next as u16
    }

    /// Counts a packet that leaves now with the number [`next_sequence`](Self::next_sequence).
    pub fn on_sent(&mut self, now: Micros, size: usize, probe: u16) {
        if self.sent.is_empty() {
            self.resize(SENT_PACKETS_MIN);
        }
        while self.sent.len() < SENT_PACKETS_MAX && self.oldest_is_needed(now) {
            self.resize(self.sent.len() * 2);
        }
        let at = self.position(self.next);
        self.sent[at] = Sent {
            at: now,
            index: self.next as u32,
            size: u16::try_from(size).unwrap_or(u16::MAX),
            probe,
        };
        self.next += 1;
    }

    /// Appends the fate of each packet that a feedback message speaks of. A packet whose arrival
    /// was reported before, or that is forgotten, is left out.
    pub fn on_feedback(&mut self, feedback: &Feedback<'_>, reports: &mut Vec<PacketReport>) {
        if self.sent.is_empty() {
            return;
        }
        let round = self.round(i64::from(feedback.reference) * REFERENCE_US as i64);
        for (sequence, arrived) in feedback.arrivals() {
            let index = extend(self.next, sequence);
            if index >= self.next {
                continue;
            }
            let at = self.position(index);
            let sent = &mut self.sent[at];
            if sent.index != index as u32 {
                continue;
            }
            if arrived.is_some() {
                sent.index = SETTLED;
            }
            reports.push(PacketReport {
                index,
                sent: sent.at,
                arrived_us: arrived.map(|us| us + round),
                size: sent.size,
                probe: sent.probe,
            });
        }
    }

    /// What to add to times of a message with this reference, so that they go on from the last.
    fn round(&mut self, reference_us: i64) -> i64 {
        let round = match self.clock_us {
            None => 0,
            Some(last) => {
                let ahead = (reference_us - last).rem_euclid(CIRCLE_US);
                let near = if ahead > CIRCLE_US / 2 {
                    ahead - CIRCLE_US
                } else {
                    ahead
                };
                last + near - reference_us
            }
        };
        self.clock_us = Some(reference_us + round);
        round
    }

    fn position(&self, index: u64) -> usize {
        (index % self.sent.len() as u64) as usize
    }

    fn oldest_is_needed(&self, now: Micros) -> bool {
        let oldest = self.sent[self.position(self.next)];
        oldest.index != SETTLED && now.micros_since(oldest.at) < KEEP_US
    }

    fn resize(&mut self, count: usize) {
        let mut sent = vec![
            Sent {
                index: SETTLED,
                ..Sent::default()
            };
            count
        ];
        for old in self.sent.iter().filter(|old| old.index != SETTLED) {
            sent[old.index as usize % count] = *old;
        }
        self.sent = sent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{Compound, Item, items};
    use crate::transport_cc::ArrivalLog;

    /// Sends a feedback message about arrivals through bytes into the history.
    fn hear(history: &mut SendHistory, log: &mut ArrivalLog) -> Vec<PacketReport> {
        let mut bytes = Vec::new();
        log.write(1, 2, &mut Compound::new(&mut bytes));
        let mut reports = Vec::new();
        let Some(Ok(Item::TransportCc { body, .. })) = items(&bytes).next() else {
            panic!("not feedback: {bytes:?}");
        };
        history.on_feedback(&Feedback::parse(body).unwrap(), &mut reports);
        reports
    }

    #[test]
    fn each_packets_fate_is_told_with_what_was_known_when_it_left() {
        let mut history = SendHistory::new(65_534);
        let mut log = ArrivalLog::default();
        for step in 0..5u64 {
            let sequence = history.next_sequence();
            history.on_sent(Micros(step * 1_000), 100 + step as usize, step as u16);
            if step != 2 {
                log.record(sequence, Micros(70_000 + step * 1_000));
            }
        }
        let reports = hear(&mut history, &mut log);
        let seen: Vec<_> = reports
            .iter()
            .map(|r| (r.index, r.sent.0, r.arrived_us, r.size, r.probe))
            .collect();
        assert_eq!(
            seen,
            [
                (65_534, 0, Some(70_000), 100, 0),
                (65_535, 1_000, Some(71_000), 101, 1),
                (65_536, 2_000, None, 102, 2),
                (65_537, 3_000, Some(73_000), 103, 3),
                (65_538, 4_000, Some(74_000), 104, 4),
            ]
        );
        log.record(0, Micros(80_000));
        let late = hear(&mut history, &mut log);
        assert_eq!(late.len(), 1, "the reordered one is told once it came");
        assert_eq!((late[0].index, late[0].arrived_us), (65_536, Some(80_000)));
    }

    #[test]
    fn a_loss_before_the_first_arrival_of_a_message_is_told() {
        let mut history = SendHistory::new(0);
        let mut log = ArrivalLog::default();
        for step in 0..6u64 {
            history.on_sent(Micros(step), 100, 0);
        }
        log.record(0, Micros(10));
        hear(&mut history, &mut log);
        log.record(4, Micros(20));
        let reports = hear(&mut history, &mut log);
        let lost: Vec<_> = reports
            .iter()
            .filter(|r| r.arrived_us.is_none())
            .map(|r| r.index)
            .collect();
        assert_eq!(lost, [1, 2, 3]);
    }

    #[test]
    fn the_reference_clock_goes_on_when_its_24_bits_wrap() {
        let mut history = SendHistory::new(0);
        let mut log = ArrivalLog::default();
        let circle = CIRCLE_US as u64;
        let mut last = i64::MIN;
        for step in 0..6u64 {
            let sequence = history.next_sequence();
            history.on_sent(Micros(step), 100, 0);
            log.record(sequence, Micros(circle - 300_000 + step * 100_000));
            let arrived = hear(&mut history, &mut log)[0].arrived_us.unwrap();
            if step > 0 {
                assert_eq!(arrived - last, 100_000, "step {step}");
            }
            last = arrived;
        }
    }

    #[test]
    fn a_history_grows_with_the_rate_up_to_its_limit() {
        let mut history = SendHistory::new(0);
        for step in 0..1_000u64 {
            history.on_sent(Micros(step * 20_000), 100, 0);
        }
        assert_eq!(history.sent.len(), SENT_PACKETS_MIN, "50 packets a second");
        for step in 0..5_000u64 {
            history.on_sent(Micros(20_000_000 + step * 100), 100, 0);
        }
        assert_eq!(
            history.sent.len(),
            SENT_PACKETS_MAX,
            "10,000 packets a second"
        );
        assert_eq!(size_of::<Sent>(), 16);
    }
}
