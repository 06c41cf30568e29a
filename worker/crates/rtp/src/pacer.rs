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

#[cfg(test)]
mod tests {
    use super::*;

    fn at_ms(ms: u64) -> Micros {
        Micros(1_000_000 + ms * 1_000)
    }

    /// Runs a pacer until `end`, stepping to its own deadlines; returns when each ticket left.
    fn run(pacer: &mut GroupPacer<u32>, mut now: Micros, end: Micros) -> Vec<(u64, u32)> {
        let mut left = Vec::new();
        while now <= end {
            while let Some(ticket) = pacer.pop(now) {
                left.push(((now.0 - 1_000_000) / 1_000, ticket));
            }
            let Some(deadline) = pacer.deadline() else {
                break;
            };
            assert!(deadline > now, "a deadline that has passed would spin");
            now = deadline;
        }
        left
    }

    #[test]
    fn the_null_pacer_lets_everything_leave_in_order() {
        let mut pacer = NullPacer::default();
        for ticket in 0..5 {
            pacer
                .push(at_ms(0), Urgency::Picture, 1_200, ticket)
                .unwrap();
        }
        assert_eq!(pacer.deadline(), Some(at_ms(0)));
        let left: Vec<i32> = std::iter::from_fn(|| pacer.pop(at_ms(0))).collect();
        assert_eq!((left, pacer.deadline()), (vec![0, 1, 2, 3, 4], None));
    }

    #[test]
    fn a_frame_is_spread_in_groups_at_one_and_a_half_times_the_rate() {
        // 8 Mbit/s: 1,000 bytes a millisecond, so 7,500 bytes a group.
        let mut pacer = GroupPacer::new(at_ms(0), 8_000_000);
        for ticket in 0..40 {
            pacer
                .push(at_ms(0), Urgency::Picture, 1_000, ticket)
                .unwrap();
        }
        let left = run(&mut pacer, at_ms(0), at_ms(1_000));
        let tickets: Vec<u32> = left.iter().map(|packet| packet.1).collect();
        assert_eq!(tickets, (0..40).collect::<Vec<_>>());
        let mut groups: Vec<u64> = left.iter().map(|packet| packet.0).collect();
        groups.dedup();
        assert!(groups.len() >= 5 && groups.len() <= 7, "{groups:?}");
        assert!(
            left[39].0 >= 25,
            "40,000 bytes at 12 Mbit/s last 27 ms: {}",
            left[39].0
        );
    }

    #[test]
    fn sound_does_not_wait_and_repairs_go_before_pictures() {
        let mut pacer = GroupPacer::new(at_ms(0), 100_000);
        pacer.push(at_ms(0), Urgency::Padding, 1_000, 9).unwrap();
        pacer.push(at_ms(0), Urgency::Picture, 1_000, 1).unwrap();
        assert_eq!(pacer.pop(at_ms(0)), Some(1));
        pacer.push(at_ms(0), Urgency::Picture, 1_000, 2).unwrap();
        pacer.push(at_ms(0), Urgency::Repair, 1_000, 3).unwrap();
        pacer.push(at_ms(0), Urgency::Sound, 100, 4).unwrap();
        assert_eq!(pacer.deadline(), Some(at_ms(0)));
        assert_eq!(pacer.pop(at_ms(0)), Some(4));
        assert_eq!(pacer.pop(at_ms(0)), None, "the budget is spent");
        let order: Vec<u32> = run(&mut pacer, at_ms(1), at_ms(2_000))
            .into_iter()
            .map(|packet| packet.1)
            .collect();
        assert_eq!(order, [3, 2, 9]);
    }

    #[test]
    fn a_queue_is_emptied_in_bounded_time_even_at_no_rate() {
        let mut pacer = GroupPacer::new(at_ms(0), 1);
        for ticket in 0..100 {
            pacer
                .push(at_ms(0), Urgency::Picture, 1_200, ticket)
                .unwrap();
        }
        assert_eq!(pacer.queued_bytes(), 120_000);
        let left = run(&mut pacer, at_ms(0), at_ms(60_000));
        assert_eq!(left.len(), 100);
        let half = left[50].0;
        assert!(half <= 250, "half the queue is gone after {half} ms");
    }

    #[test]
    fn an_idle_pacer_does_not_save_up_for_a_burst() {
        let mut pacer = GroupPacer::new(at_ms(0), 800_000);
        for ticket in 0..20 {
            pacer
                .push(at_ms(60_000), Urgency::Picture, 500, ticket)
                .unwrap();
        }
        let now = std::iter::from_fn(|| pacer.pop(at_ms(60_000))).count();
        assert!(
            now <= 3,
            "one group of 750 bytes, not a minute's worth: {now}"
        );
        assert_eq!(pacer.waited(at_ms(60_010)), Duration::from_millis(10));
    }

    #[test]
    fn a_full_pacer_refuses() {
        let mut pacer = GroupPacer::new(at_ms(0), 1);
        for ticket in 0..PACER_PACKETS_MAX as u32 {
            pacer.push(at_ms(0), Urgency::Picture, 1, ticket).unwrap();
        }
        assert_eq!(
            pacer.push(at_ms(0), Urgency::Sound, 1, 0),
            Err(RtpError::TooLong)
        );
        assert_eq!(pacer.len(), PACER_PACKETS_MAX);
    }
}
