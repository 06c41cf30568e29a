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

    /// Appends the fate of each packet that a feedback message speaks of. A packet whose arrival was
    /// reported before, or that is forgotten, is left out.
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
