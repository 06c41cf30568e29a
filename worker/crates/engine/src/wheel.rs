//! A hashed timer wheel: adding is constant, and the next deadline is found in a bitmap.

use parley_rtp::time::Micros;

/// One slot is 2^10 us.
const SLOT_SHIFT: u32 = 10;
/// Slots of one turn: a second. Later timers stay in their slot for the turns they need.
const SLOTS: usize = 1024;
const WORDS: usize = SLOTS / 64;

struct Entry<T> {
    slot: u64,
    what: T,
}

/// Timers that fire at or shortly (about 1 ms) after their time.
pub(crate) struct Wheel<T> {
    slots: Vec<Vec<Entry<T>>>,
    occupied: [u64; WORDS],
    /// The last slot that has been fired.
    at: u64,
    fired: std::collections::VecDeque<T>,
}

impl<T> Wheel<T> {
    pub(crate) fn new(now: Micros) -> Self {
        Self {
            slots: (0..SLOTS).map(|_| Vec::new()).collect(),
            occupied: [0; WORDS],
            at: now.0 >> SLOT_SHIFT,
            fired: std::collections::VecDeque::new(),
        }
    }

    /// Fires `what` at `due`; at once where that is past.
    pub(crate) fn add(&mut self, due: Micros, what: T) {
        let slot = due.0.div_ceil(1 << SLOT_SHIFT).max(self.at + 1);
        let index = slot as usize % SLOTS;
        self.slots[index].push(Entry { slot, what });
        self.occupied[index / 64] |= 1 << (index % 64);
    }

    /// Moves on to `now` and takes the next timer that is due.
    pub(crate) fn pop(&mut self, now: Micros) -> Option<T> {
        let to = now.0 >> SLOT_SHIFT;
        while self.fired.is_empty() && self.at < to {
            let next = self.next_occupied(to);
            self.at = next;
            self.fire(next);
        }
        self.fired.pop_front()
    }

    fn fire(&mut self, slot: u64) {
        let index = slot as usize % SLOTS;
        let entries = &mut self.slots[index];
        let mut place = 0;
        while place < entries.len() {
            if entries[place].slot <= slot {
                self.fired.push_back(entries.swap_remove(place).what);
            } else {
                place += 1;
            }
        }
        if entries.is_empty() {
            self.occupied[index / 64] &= !(1 << (index % 64));
        }
    }

    /// The first occupied slot after `at`, at most `limit` and one turn ahead.
    fn next_occupied(&self, limit: u64) -> u64 {
        let mut slot = self.at + 1;
        let end = limit.min(self.at + SLOTS as u64);
        while slot < end {
            let index = slot as usize % SLOTS;
            let word = self.occupied[index / 64] >> (index % 64);
            if word != 0 {
                return end.min(slot + u64::from(word.trailing_zeros()));
            }
            slot += 64 - (index % 64) as u64;
        }
        end
    }

    /// When the next timer may be due. Timers more than a turn away count as one turn away.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        if !self.fired.is_empty() {
            return Some(Micros(0));
        }
        if self.occupied.iter().all(|word| *word == 0) {
            return None;
        }
        Some(Micros(
            self.next_occupied(self.at + SLOTS as u64) << SLOT_SHIFT,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_order_and_never_early() {
        let mut wheel = Wheel::new(Micros(5_000_000));
        let dues = [
            5_000_100, 5_020_000, 5_900_000, 6_500_000, 9_999_999, 5_000_000, 60_000_000,
        ];
        for due in dues {
            wheel.add(Micros(due), due);
        }
        let mut fired = Vec::new();
        let mut now = Micros(5_000_000);
        while fired.len() < dues.len() {
            let next = wheel.deadline().unwrap();
            assert!(next > now, "{next:?} after {now:?}");
            now = next;
            while let Some(due) = wheel.pop(now) {
                assert!(
                    due <= now.0 && now.0 < due.max(5_000_001) + 2048,
                    "{due} at {now:?}"
                );
                fired.push(due);
            }
        }
        let mut sorted = dues.to_vec();
        sorted.sort_unstable();
        fired.sort_unstable();
        assert_eq!(fired, sorted);
        assert_eq!(wheel.deadline(), None);
    }

    #[test]
    fn a_long_pause_loses_no_timer() {
        let mut wheel = Wheel::new(Micros(0));
        for second in 0..100u64 {
            wheel.add(Micros(second * 1_000_000), second);
        }
        let mut count = 0;
        while wheel.pop(Micros(200_000_000)).is_some() {
            count += 1;
        }
        assert_eq!(count, 100);
    }
}
