//! A network that loses, delays, reorders and repeats, by seed and in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use parley_rtp::time::Micros;

use crate::chance::Chance;

/// How bad a path is. Shares are percent, times microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conditions {
    /// Packets lost one by one.
    pub loss_percent: f64,
    /// Packets at which a burst of losses begins.
    pub burst_percent: f64,
    /// Packets lost in a burst.
    pub burst_packets: u32,
    /// Time on the way.
    pub delay_us: u64,
    /// Added at random, order kept.
    pub jitter_us: u64,
    /// Packets that are overtaken by others.
    pub reorder_percent: f64,
    /// By how much later those come.
    pub reorder_us: u64,
    /// Packets that come twice.
    pub duplicate_percent: f64,
}

impl Conditions {
    /// A cable: 10 ms, nothing lost.
    pub fn good() -> Self {
        Self {
            delay_us: 10_000,
            ..Self::default()
        }
    }

    /// A crowded wireless network: 5 % lost, some in bursts, much out of order, some twice.
    pub fn bad() -> Self {
        Self {
            loss_percent: 4.0,
            burst_percent: 0.4,
            burst_packets: 3,
            delay_us: 30_000,
            jitter_us: 15_000,
            reorder_percent: 5.0,
            reorder_us: 25_000,
            duplicate_percent: 3.0,
        }
    }
}

/// A packet on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// Who sent it.
    pub from: SocketAddr,
    /// Where it goes.
    pub to: SocketAddr,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What the network did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkCounters {
    /// Taken.
    pub sent: u64,
    /// Never to arrive.
    pub lost: u64,
    /// To arrive twice.
    pub duplicated: u64,
    /// Overtaken.
    pub reordered: u64,
}

/// All packets between all addresses, under one set of conditions.
#[derive(Clone, Debug)]
pub struct Network {
    chance: Chance,
    conditions: Conditions,
    in_flight: BTreeMap<(Micros, u64), InFlight>,
    /// The last arrival on each path, so that jitter alone keeps the order.
    latest: BTreeMap<(SocketAddr, SocketAddr), Micros>,
    burst_left: u32,
    count: u64,
    counters: NetworkCounters,
}

impl Network {
    /// A network in these conditions.
    pub fn new(seed: u64, conditions: Conditions) -> Self {
        Self {
            chance: Chance::new(seed),
            conditions,
            in_flight: BTreeMap::new(),
            latest: BTreeMap::new(),
            burst_left: 0,
            count: 0,
            counters: NetworkCounters::default(),
        }
    }

    /// Changes the conditions for packets from now on.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// Takes a packet.
    pub fn send(&mut self, now: Micros, packet: InFlight) {
        self.counters.sent += 1;
        let conditions = self.conditions;
        if self.chance.happens(conditions.burst_percent) {
            self.burst_left = conditions.burst_packets;
        }
        let is_in_burst = self.burst_left > 0;
        self.burst_left = self.burst_left.saturating_sub(1);
        if is_in_burst || self.chance.happens(conditions.loss_percent) {
            self.counters.lost += 1;
            return;
        }
        let path = (packet.from, packet.to);
        let delay = conditions.delay_us + self.chance.below(conditions.jitter_us);
        let mut arrival = Micros(now.0 + delay);
        if self.chance.happens(conditions.reorder_percent) {
            self.counters.reordered += 1;
            arrival.0 += conditions.reorder_us;
        } else {
            let latest = self.latest.entry(path).or_default();
            arrival = arrival.max(*latest);
            *latest = arrival;
        }
        if self.chance.happens(conditions.duplicate_percent) {
            self.counters.duplicated += 1;
            let again = Micros(arrival.0 + self.chance.below(conditions.jitter_us));
            self.put(again, packet.clone());
        }
        self.put(arrival, packet);
    }

    /// When the next packet arrives.
    pub fn deadline(&self) -> Option<Micros> {
        self.in_flight.keys().next().map(|(at, _)| *at)
    }

    /// The next packet that has arrived by `now`.
    pub fn arrive(&mut self, now: Micros) -> Option<InFlight> {
        let entry = self.in_flight.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// What the network did so far.
    pub fn counters(&self) -> NetworkCounters {
        self.counters
    }

    fn put(&mut self, at: Micros, packet: InFlight) {
        self.count += 1;
        self.in_flight.insert((at, self.count), packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(seed: u64, conditions: Conditions) -> (Vec<u8>, NetworkCounters) {
        let mut network = Network::new(seed, conditions);
        let (from, to) = (([10, 0, 0, 1], 1).into(), ([10, 0, 0, 2], 2).into());
        let mut order = Vec::new();
        for index in 0..=255_u8 {
            let now = Micros(u64::from(index) * 5_000);
            network.send(
                now,
                InFlight {
                    from,
                    to,
                    bytes: vec![index],
                },
            );
            while let Some(packet) = network.arrive(now) {
                order.push(packet.bytes[0]);
            }
        }
        while let Some(packet) = network.arrive(Micros(u64::MAX)) {
            order.push(packet.bytes[0]);
        }
        (order, network.counters())
    }

    #[test]
    fn a_good_path_keeps_everything_in_order() {
        let jitter = Conditions {
            jitter_us: 40_000,
            ..Conditions::good()
        };
        assert_eq!(arrivals(1, jitter).0, (0..=255).collect::<Vec<u8>>());
    }

    #[test]
    fn a_bad_path_does_every_kind_of_harm_and_the_same_for_the_same_seed() {
        let (order, counters) = arrivals(3, Conditions::bad());
        assert!(counters.lost > 3 && counters.duplicated > 2 && counters.reordered > 5);
        assert!(
            order.windows(2).any(|pair| pair[1] < pair[0]),
            "something was overtaken"
        );
        assert_eq!(arrivals(3, Conditions::bad()), (order.clone(), counters));
        assert_ne!(arrivals(4, Conditions::bad()).0, order);
    }
}
