//! How late packets come on one path, and so how long sound has to wait.

use parley_rtp::time::Micros;

use super::limits::{DELAY_INITIAL, DELAY_MAX, DELAY_MIN};

/// Width of one class of lateness. Units: microseconds.
const CLASS_US: u64 = 5_000;
const CLASSES: usize = (DELAY_MAX.as_micros() as u64 / CLASS_US) as usize;
/// Share of packets that must be in time.
const IN_TIME: f32 = 0.97;
/// Weight of the newest packet once many were seen: a memory of some 5 s at 50 packets a second.
const WEIGHT_MIN: f32 = 0.004;
/// Packets before the measurement is believed.
const PACKETS_MIN: u32 = 10;
/// Packets in a row that are too late by far before the sender's clock is taken to have stood still.
const FAR_PACKETS_MAX: u32 = 5;
/// Half of the time over which the quickest packet is remembered; clocks drift apart.
const QUICKEST_US: u64 = 10_000_000;

/// Watches how arrival times scatter around the quickest packet.
#[derive(Clone, Debug)]
pub(super) struct Delay {
    shares: [f32; CLASSES],
    packets: u32,
    quickest: i64,
    quickest_before: i64,
    since: Micros,
    far: u32,
}

impl Delay {
    pub(super) fn new() -> Self {
        Self {
            shares: [0.0; CLASSES],
            packets: 0,
            quickest: i64::MAX,
            quickest_before: i64::MAX,
            since: Micros(0),
            far: 0,
        }
    }

    /// Takes note of a packet that holds the sound of `media_us` on the sender's clock.
    pub(super) fn arrived(&mut self, now: Micros, media_us: i64) {
        let offset = now.0 as i64 - media_us;
        if self.packets == 0 {
            self.since = now;
        } else if now.micros_since(self.since) > QUICKEST_US {
            (self.quickest_before, self.quickest) = (self.quickest, i64::MAX);
            self.since = now;
        }
        self.quickest = self.quickest.min(offset);
        self.packets = self.packets.saturating_add(1);
        if offset - self.base() > 2 * DELAY_MAX.as_micros() as i64 {
            self.far += 1;
            if self.far >= FAR_PACKETS_MAX {
                (self.quickest, self.quickest_before) = (offset, i64::MAX);
                self.far = 0;
            }
        } else {
            self.far = 0;
        }
        let late = (offset - self.base()).max(0) as u64;
        let class = ((late / CLASS_US) as usize).min(CLASSES - 1);
        let weight = (1.0 / self.packets as f32).max(WEIGHT_MIN);
        for (index, share) in self.shares.iter_mut().enumerate() {
            let here = if index == class { 1.0 } else { 0.0 };
            *share += (here - *share) * weight;
        }
    }

    /// How long after its earliest possible arrival the sound of `media_us` would be, if heard now.
    /// Units: microseconds.
    pub(super) fn lag_us(&self, now: Micros, media_us: i64) -> i64 {
        now.0 as i64 - media_us - self.base()
    }

    /// How long sound has to wait so that nearly every packet is in time.
    /// Units: microseconds.
    pub(super) fn target_us(&self) -> i64 {
        if self.packets < PACKETS_MIN {
            return DELAY_INITIAL.as_micros() as i64;
        }
        let mut sum = 0.0;
        let mut classes = CLASSES;
        for (index, share) in self.shares.iter().enumerate() {
            sum += share;
            if sum >= IN_TIME {
                classes = index + 1;
                break;
            }
        }
        let wanted = classes as u64 * CLASS_US;
        wanted.clamp(DELAY_MIN.as_micros() as u64, DELAY_MAX.as_micros() as u64) as i64
    }

    fn base(&self) -> i64 {
        self.quickest.min(self.quickest_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lateness: impl Fn(u64) -> u64) -> i64 {
        let mut delay = Delay::new();
        for index in 0..500 {
            let sent = 1_000_000 + index * 20_000;
            delay.arrived(Micros(sent + lateness(index)), (index * 20_000) as i64);
        }
        delay.target_us()
    }

    #[test]
    fn a_steady_path_waits_the_least_and_a_jittery_one_as_long_as_it_scatters() {
        assert_eq!(after(|_| 700), 10_000);
        let jittery = after(|index| (index * 7_919) % 60_000);
        assert!((55_000..=65_000).contains(&jittery), "{jittery}");
        assert_eq!(after(|index| (index % 2) * 900_000), 200_000);
    }

    #[test]
    fn a_sender_whose_clock_stood_still_is_followed_after_a_few_packets() {
        let mut delay = Delay::new();
        for index in 0..100 {
            delay.arrived(Micros(index * 20_000), (index * 20_000) as i64);
        }
        // Three seconds pass that its timestamps do not know of.
        for index in 100..110 {
            delay.arrived(Micros(3_000_000 + index * 20_000), (index * 20_000) as i64);
        }
        assert_eq!(delay.lag_us(Micros(5_200_000), 110 * 20_000), 0);
    }

    #[test]
    fn one_late_packet_in_a_hundred_does_not_make_everybody_wait() {
        assert_eq!(
            after(|index| if index % 100 == 50 { 150_000 } else { 0 }),
            10_000
        );
    }
}
