//! What all rooms of an engine share: the way out, the clock they are told, timers, names.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parley_rtp::time::{Micros, NtpTime};
use parley_rtp::transport_cc::PacketReport;
use parley_wire::{EndpointId, EndpointSnapshot, Event, Message};

use crate::address::Address;
use crate::counters::{Counter, Counters};
use crate::engine::{Limits, Setup};
use crate::outbox::Outbox;
use crate::room::endpoint::Endpoint;
use crate::slab::Key;
use crate::transport::dtls::Identity;
use crate::wheel::Wheel;

/// One moment on all clocks, taken by the process when the engine starts.
#[derive(Clone, Copy, Debug)]
pub struct Epoch {
    /// On the machine's monotonic clock.
    pub monotonic: Micros,
    /// The same moment as the DTLS library wants it.
    pub instant: Instant,
    /// The same moment on the wall clock, microseconds since 1970 UTC.
    pub unix_us: u64,
}

/// Seconds from 1900, where NTP begins, to 1970.
const NTP_UNIX_OFFSET_S: u64 = 2_208_988_800;

impl Epoch {
    pub(crate) fn instant(&self, at: Micros) -> Instant {
        self.instant + at.since(self.monotonic)
    }

    pub(crate) fn micros(&self, at: Instant) -> Micros {
        self.monotonic + at.saturating_duration_since(self.instant)
    }

    /// Microseconds since 1900 on the wall clock.
    pub(crate) fn wall_us(&self, at: Micros) -> u64 {
        NTP_UNIX_OFFSET_S * 1_000_000 + self.unix_us + at.micros_since(self.monotonic)
    }

    pub(crate) fn ntp(&self, at: Micros) -> NtpTime {
        NtpTime::from_micros(self.wall_us(at))
    }
}

/// Where an endpoint lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EndpointKey {
    pub(crate) room: Key,
    pub(crate) endpoint: Key,
}

/// Everything that a timer can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    Heartbeat,
    Endpoint(EndpointKey, EndpointTimer),
    Room(Key, RoomTimer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndpointTimer {
    /// Retransmission of a DTLS flight.
    Dtls,
    /// Checks of ours that were not answered, and what waits for an answer.
    Path,
    /// Reports, consent.
    Report,
    /// Transport-wide feedback.
    Feedback,
    /// Missing packets.
    Nack,
    /// The next part of a bandwidth probe.
    Probe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoomTimer {
    /// A key frame request that was put off.
    KeyFrame(Key),
    /// Who speaks.
    Speakers,
    /// Layers and sources of tiles.
    Tiles,
    /// The next parts of what new viewers get out of caches.
    Replay,
    /// 20 ms of the mix.
    Mix,
}

/// Finds endpoints by what packets and commands carry.
#[derive(Default)]
pub(crate) struct Routes {
    pub(crate) by_address: HashMap<Address, EndpointKey>,
    /// Addresses of others that somebody says are theirs, and has not proven.
    pub(crate) claims: HashMap<Address, EndpointKey>,
    pub(crate) by_ufrag: HashMap<String, EndpointKey>,
    pub(crate) by_id: HashMap<EndpointId, EndpointKey>,
}

impl Routes {
    /// Somebody's check came from an address. It leads to them, unless it leads to somebody else:
    /// then the claim waits for its proof, or anybody could take an address from its owner by
    /// writing it into a packet.
    pub(crate) fn claim(&mut self, address: Address, key: EndpointKey) {
        let owner = *self.by_address.entry(address).or_insert(key);
        if owner != key {
            self.claims.insert(address, key);
        }
    }

    /// Somebody gives an address up. Who claims it has it now.
    pub(crate) fn release(&mut self, address: Address, key: EndpointKey) {
        if self.claims.get(&address) == Some(&key) {
            self.claims.remove(&address);
        }
        if self.by_address.get(&address) == Some(&key) {
            match self.claims.remove(&address) {
                Some(claimant) => self.by_address.insert(address, claimant),
                None => self.by_address.remove(&address),
            };
        }
    }
}

/// Numbers that need not be secret: a splitmix64 generator with the seed from the server.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The shared part of an engine.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) now: Micros,
    pub(crate) epoch: Epoch,
    pub(crate) outbox: Outbox,
    pub(crate) counters: Counters,
    pub(crate) routes: Routes,
    pub(crate) wheel: Wheel<Timer>,
    pub(crate) identity: Identity,
    pub(crate) random: Random,
    /// For building RTCP; empty between uses.
    pub(crate) scratch: Vec<u8>,
    /// For reading transport-wide feedback; empty between uses.
    pub(crate) reports: Vec<PacketReport>,
    /// Snapshots that go out with the next heartbeat.
    pub(crate) snapshots: Vec<EndpointSnapshot>,
    messages: VecDeque<Message>,
    event_seq: u64,
    next_source: u32,
    /// TCP connections of endpoints that are gone.
    pub(crate) disconnects: VecDeque<u32>,
}

impl Shared {
    pub(crate) fn new(setup: Setup) -> Self {
        let Setup {
            epoch,
            identity,
            seed,
            limits,
        } = setup;
        Self {
            limits,
            now: epoch.monotonic,
            epoch,
            outbox: Outbox::new(),
            counters: Counters::default(),
            routes: Routes::default(),
            wheel: Wheel::new(epoch.monotonic),
            identity,
            random: Random::new(seed),
            scratch: Vec::with_capacity(1500),
            reports: Vec::new(),
            snapshots: Vec::new(),
            messages: VecDeque::new(),
            event_seq: 0,
            next_source: 1,
            disconnects: VecDeque::new(),
        }
    }

    pub(crate) fn count(&mut self, counter: Counter) {
        self.counters.count(counter);
    }

    /// An address has proven to be somebody's.
    pub(crate) fn own(&mut self, address: Address, key: EndpointKey) {
        if self.routes.claims.get(&address) == Some(&key) {
            self.routes.claims.remove(&address);
        }
        let replaced = self.routes.by_address.insert(address, key);
        if replaced.is_some_and(|other| other != key) {
            // Another endpoint behind the same address and port: the newer proof wins, as when a
            // browser's socket was given away again.
            self.count(Counter::AddressesTakenOver);
        }
    }

    /// Tells the server that something happened.
    pub(crate) fn emit(&mut self, event: Event) {
        self.event_seq += 1;
        self.messages.push_back(Message::Event {
            seq: self.event_seq,
            event,
        });
    }

    /// Answers the server.
    pub(crate) fn answer(&mut self, message: Message) {
        self.messages.push_back(message);
    }

    pub(crate) fn next_message(&mut self) -> Option<Message> {
        self.messages.pop_front()
    }

    pub(crate) fn has_messages(&self) -> bool {
        !self.messages.is_empty() || !self.disconnects.is_empty()
    }

    /// Fires `timer` after `delay_us`.
    pub(crate) fn after(&mut self, delay_us: u64, timer: Timer) {
        self.wheel
            .add(self.now + Duration::from_micros(delay_us), timer);
    }

    /// A number for a new incarnation of a published layer.
    pub(crate) fn new_source(&mut self) -> u32 {
        let source = self.next_source;
        self.next_source += 1;
        source
    }

    /// Forgets every name and address of an endpoint that is gone.
    pub(crate) fn forget(&mut self, endpoint: &Endpoint) {
        let key = endpoint.key;
        self.routes.by_id.remove(&endpoint.id);
        for ufrag in endpoint.transport.ice.local_ufrags() {
            self.routes.by_ufrag.remove(ufrag);
        }
        for address in endpoint.transport.ice.addresses() {
            self.routes.release(address, key);
            if let Address::Tcp { connection, .. } = address {
                self.disconnects.push_back(connection);
            }
        }
    }

    /// Keeps new numbers apart from one that a dead worker gave.
    pub(crate) fn reserve_source(&mut self, source: u32) {
        self.next_source = self.next_source.max(source.saturating_add(1));
    }
}
