//! When packets leave: at once, or spread in groups that segmentation offload can still join.

use std::collections::VecDeque;
use std::time::Duration;

use crate::error::RtpError;
use crate::limits::PACER_PACKETS_MAX;
use crate::time::Micros;

/// How long one group lasts. Shorter loses segmentation offload, longer is felt as delay.
const GROUP_INTERVAL: Duration = Duration::from_millis(5);
/// The rate of release above the target, so that a queue drains; percent.
const HEADROOM_PERCENT: u64 = 150;
/// A queue is emptied within this time whatever the target says; the estimator must follow.
const QUEUE_TIME_MAX: Duration = Duration::from_millis(250);

/// What may wait behind what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Sound: never waits.
    Sound,
    /// Retransmission: goes before pictures.
    Repair,
    /// Pictures.
    Picture,
    /// Padding: only when nothing else waits.
    Padding,
}

/// Decides when packets leave. `T` is a small ticket, e.g. a track and an index: payloads stay in
/// the cache, and header and key are applied when the ticket comes back.
pub trait Pacer<T> {
    /// Queues a packet of `size` bytes.
    ///
    /// Errors: `TooLong` where the queue is full; the packet was not taken.
    fn push(
        &mut self,
        now: Micros,
        urgency: Urgency,
        size: usize,
        ticket: T,
    ) -> Result<(), RtpError>;

    /// The next packet that may leave at `now`. Call until it says none.
    fn pop(&mut self, now: Micros) -> Option<T>;

    /// When `pop` will have something; none while nothing waits.
    fn deadline(&self) -> Option<Micros>;

    /// Sets the rate at which the path is thought to carry packets. Bits a second.
    fn set_rate(&mut self, bits_per_second: u64);

    /// Packets that wait.
    fn len(&self) -> usize;

    /// Whether nothing waits.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Lets everything leave at once, in order.
#[derive(Debug)]
pub struct NullPacer<T> {
    queue: VecDeque<T>,
    oldest: Micros,
}

impl<T> Default for NullPacer<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            oldest: Micros(0),
        }
    }
}

impl<T> Pacer<T> for NullPacer<T> {
    fn push(&mut self, now: Micros, _: Urgency, _: usize, ticket: T) -> Result<(), RtpError> {
        if self.queue.len() >= PACER_PACKETS_MAX {
            return Err(RtpError::TooLong);
        }
        if self.queue.is_empty() {
            self.oldest = now;
        }
        self.queue.push_back(ticket);
        Ok(())
    }

    fn pop(&mut self, _: Micros) -> Option<T> {
        self.queue.pop_front()
    }

    fn deadline(&self) -> Option<Micros> {
        (!self.queue.is_empty()).then_some(self.oldest)
    }

    fn set_rate(&mut self, _: u64) {}

    fn len(&self) -> usize {
        self.queue.len()
    }
}

/// Releases a group each 5 ms, as large as the rate allows; sound leaves at once.
///
/// A group may overdraw its budget by one packet, and the next one pays for it.
#[derive(Debug)]
pub struct GroupPacer<T> {
    queues: [VecDeque<Waiting<T>>; 4],
    len: usize,
    queued_bytes: usize,
    rate: u64,
    // Bytes that may leave now; negative while a debt is paid.
    budget: i64,
    refilled: Micros,
}

#[derive(Debug)]
struct Waiting<T> {
    size: usize,
    since: Micros,
    ticket: T,
}

impl<T> GroupPacer<T> {
    /// An empty pacer. Bits a second.
    #[must_use]
    pub fn new(now: Micros, bits_per_second: u64) -> Self {
        Self {
            queues: [const { VecDeque::new() }; 4],
            len: 0,
            queued_bytes: 0,
            rate: bits_per_second,
            budget: 0,
            refilled: now - GROUP_INTERVAL,
        }
    }

    /// Bytes that wait.
    #[must_use]
    pub const fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// How long the oldest waiting packet has waited.
    #[must_use]
    pub fn waited(&self, now: Micros) -> Duration {
        self.queues
            .iter()
            .filter_map(|queue| queue.front())
            .map(|packet| now.since(packet.since))
            .max()
            .unwrap_or_default()
    }

    /// Bytes a second that leave: the target with headroom, or what empties the queue in time.
    fn bytes_per_second(&self) -> u64 {
        let paced = self.rate * HEADROOM_PERCENT / 100 / 8;
        let draining = self.queued_bytes as u64 * 1_000_000 / QUEUE_TIME_MAX.as_micros() as u64;
        paced.max(draining)
    }

    fn refill(&mut self, now: Micros) {
        let passed = now.micros_since(self.refilled);
        if passed < GROUP_INTERVAL.as_micros() as u64 {
            return;
        }
        self.refilled = now;
        // An idle line saves up one group, no more.
        let per_group =
            self.bytes_per_second() as i64 * GROUP_INTERVAL.as_micros() as i64 / 1_000_000;
        let earned = self.bytes_per_second() as i128 * i128::from(passed) / 1_000_000;
        let earned = i64::try_from(earned).unwrap_or(i64::MAX);
        self.budget = self.budget.saturating_add(earned).min(per_group.max(1));
    }

    fn take(&mut self, urgency: usize) -> Option<Waiting<T>> {
        let packet = self.queues[urgency].pop_front()?;
        self.len -= 1;
        self.queued_bytes -= packet.size;
        Some(packet)
    }
}

impl<T> Pacer<T> for GroupPacer<T> {
    fn push(
        &mut self,
        now: Micros,
        urgency: Urgency,
        size: usize,
        ticket: T,
    ) -> Result<(), RtpError> {
        if self.len >= PACER_PACKETS_MAX {
            return Err(RtpError::TooLong);
        }
        self.queues[urgency as usize].push_back(Waiting {
            size,
            since: now,
            ticket,
        });
        self.len += 1;
        self.queued_bytes += size;
        Ok(())
    }

    fn pop(&mut self, now: Micros) -> Option<T> {
        if let Some(sound) = self.take(Urgency::Sound as usize) {
            // Sound is not held back, but what it takes is not there for pictures.
            self.budget = self.budget.saturating_sub(sound.size as i64);
            return Some(sound.ticket);
        }
        self.refill(now);
        if self.budget <= 0 {
            return None;
        }
        let packet = (1..self.queues.len()).find_map(|urgency| self.take(urgency))?;
        self.budget = self.budget.saturating_sub(packet.size as i64);
        Some(packet.ticket)
    }

    fn deadline(&self) -> Option<Micros> {
        if self.len == 0 {
            None
        } else if let Some(sound) = self.queues[Urgency::Sound as usize].front() {
            Some(sound.since)
        } else if self.budget > 0 {
            Some(self.refilled)
        } else {
            Some(self.refilled + GROUP_INTERVAL)
        }
    }

    fn set_rate(&mut self, bits_per_second: u64) {
        self.rate = bits_per_second;
    }

    fn len(&self) -> usize {
        self.len
    }
}
