//! The three verbs: packets, commands and time in; packets and messages out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use parley_rtp::header::{DatagramKind, classify};
use parley_rtp::time::Micros;
use parley_wire::{Command, EndpointStats, Event, Message, RoomId, Stats};

use crate::address::Address;
use crate::counters::Counter;
use crate::limits;
use crate::outbox::Batch;
use crate::room::Room;
use crate::shared::{EndpointKey, Epoch, Shared, Timer};
use crate::slab::{Key, Slab};
use crate::transport::State;
use crate::transport::dtls::Identity;
use crate::transport::ice::{Answer, Check, NotACheck};

/// Something for the engine.
#[derive(Debug)]
pub enum Input<'a> {
    /// A packet that was read. It is decrypted where it lies.
    Datagram {
        /// Where it came from.
        from: Address,
        /// Its bytes.
        bytes: &'a mut [u8],
    },
    /// A line from the server. `Configure`, `Ping` and `Shutdown` are the process's own; it may
    /// hand `Shutdown` in as well, to have goodbyes written.
    Command(Command),
    /// A TCP connection is gone.
    Disconnected {
        /// Its address.
        from: Address,
    },
    /// Only the time. Given after each batch of packets: it sends what they gave.
    Time,
}

/// Something from the engine.
#[derive(Debug)]
pub enum Output<'a> {
    /// Packets to send, valid until the next call.
    Datagrams(Batch<'a>),
    /// A line to the server.
    Message(Message),
    /// A TCP connection that is of no more use.
    Disconnect {
        /// Its number.
        connection: u32,
    },
}

/// Bounds that an operator sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that we begin to send to an address that has not proven that packets reach who
    /// wants them; answers are beside that, and never longer than what they answer.
    pub unproven_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // Two flights of a handshake and the checks beside them.
        Self {
            unproven_bytes_max: 3_000,
        }
    }
}

/// What an engine is made with.
pub struct Setup {
    /// The moment at which it is made, on all clocks.
    pub epoch: Epoch,
    /// Certificate and key.
    pub identity: Identity,
    /// Seed of everything random that is no secret.
    pub seed: u64,
    /// Bounds that an operator sets.
    pub limits: Limits,
}

/// The media engine of one worker.
///
/// The invariant: after each [`Engine::handle`], call [`Engine::poll`] until it says none; then
/// wait until [`Engine::deadline`] or for the next input. Packets given as [`Input::Datagram`] are
/// sorted at once and sent at the next [`Input::Time`], so that those which came together leave
/// together.
pub struct Engine {
    pub(crate) shared: Shared,
    pub(crate) rooms: Slab<Box<Room>>,
    pub(crate) room_keys: HashMap<RoomId, Key>,
    /// Rooms with something to send.
    ready: VecDeque<Key>,
    /// Time has come since the last drain: what waits may go.
    is_flushing: bool,
    /// The batch in the outbox has been handed out.
    is_handed_out: bool,
}

impl Engine {
    /// Makes an engine without rooms.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let mut shared = Shared::new(setup);
        shared.after(limits::HEARTBEAT_INTERVAL_US, Timer::Heartbeat);
        Self {
            shared,
            rooms: Slab::default(),
            room_keys: HashMap::new(),
            ready: VecDeque::new(),
            is_flushing: false,
            is_handed_out: false,
        }
    }

    /// Takes an input. `now` never goes back; an earlier one counts as the latest.
    pub fn handle(&mut self, now: Micros, input: Input<'_>) {
        self.shared.now = self.shared.now.max(now);
        match input {
            Input::Datagram { from, bytes } => self.on_datagram(from, bytes),
            Input::Command(command) => {
                self.on_command(command);
                self.is_flushing = true;
            }
            Input::Disconnected { from } => self.on_disconnected(from),
            Input::Time => self.is_flushing = true,
        }
    }

    /// The next output; none: wait for the next input.
    pub fn poll(&mut self) -> Option<Output<'_>> {
        if std::mem::take(&mut self.is_handed_out) {
            self.shared.outbox.clear();
        }
        if self.is_flushing {
            self.work();
        }
        if let Some(message) = self.shared.next_message() {
            return Some(Output::Message(message));
        }
        if let Some(connection) = self.shared.disconnects.pop_front() {
            return Some(Output::Disconnect { connection });
        }
        let may_go = self.is_flushing || self.shared.outbox.is_full();
        if may_go && !self.shared.outbox.is_empty() {
            self.is_handed_out = true;
            return Some(Output::Datagrams(self.shared.outbox.batch()));
        }
        self.is_flushing = false;
        None
    }

    /// When [`Input::Time`] is wanted next.
    #[must_use]
    pub fn deadline(&self) -> Option<Micros> {
        let has_work = !self.ready.is_empty()
            || !self.shared.outbox.is_empty() && !self.is_handed_out
            || self.shared.has_messages();
        if has_work {
            return Some(self.shared.now);
        }
        self.shared.wheel.deadline()
    }

    /// Whether an address has proven that it belongs to an endpoint.
    #[must_use]
    pub fn knows(&self, address: Address) -> bool {
        self.shared.routes.by_address.contains_key(&address)
    }

    fn on_datagram(&mut self, from: Address, bytes: &mut [u8]) {
        self.shared.count(Counter::DatagramsIn);
        match classify(bytes) {
            DatagramKind::Stun => self.on_stun(from, bytes),
            DatagramKind::Unknown => self.shared.count(Counter::DroppedUnknownKind),
            DatagramKind::Dtls | DatagramKind::Rtp | DatagramKind::Rtcp => {
                match self.shared.routes.by_address.get(&from).copied() {
                    Some(key) => {
                        self.in_room(key.room, |room, shared| {
                            room.on_packet(key.endpoint, from, bytes, shared);
                        });
                    }
                    None => self.shared.count(Counter::DroppedForeignAddress),
                }
            }
        }
    }

    fn on_stun(&mut self, from: Address, bytes: &[u8]) {
        let check = match Check::parse(bytes) {
            Ok(check) => check,
            Err(NotACheck::Malformed) => return self.shared.count(Counter::DroppedMalformed),
            Err(NotACheck::NotARequest) => return self.on_stun_answer(from, bytes),
        };
        match self
            .shared
            .routes
            .by_ufrag
            .get(check.local_ufrag())
            .copied()
        {
            Some(key) => {
                self.in_room(key.room, |room, shared| {
                    room.on_check(key.endpoint, &check, from, shared);
                });
            }
            None => self.shared.count(Counter::DroppedUnknownUfrag),
        }
    }

    /// An answer to a check of ours: from an address that somebody has, or that somebody claims.
    fn on_stun_answer(&mut self, from: Address, bytes: &[u8]) {
        let routes = &self.shared.routes;
        let owner = routes.by_address.get(&from).copied();
        let claimant = routes.claims.get(&from).copied();
        if let Some(answer) = Answer::parse(bytes) {
            for key in [owner, claimant].into_iter().flatten() {
                let is_taken = self.in_room(key.room, |room, shared| {
                    room.on_answer(key.endpoint, &answer, from, shared)
                });
                if is_taken == Some(true) {
                    return;
                }
            }
        }
        self.shared.count(Counter::DroppedStunResponse);
    }

    fn on_disconnected(&mut self, from: Address) {
        if let Some(key) = self.shared.routes.by_address.remove(&from) {
            self.in_room(key.room, |room, _| room.forget_address(key.endpoint, from));
        }
    }

    /// Runs something in a room. A panic ends the room and nothing else.
    pub(crate) fn in_room<T>(
        &mut self,
        key: Key,
        run: impl FnOnce(&mut Room, &mut Shared) -> T,
    ) -> Option<T> {
        let room = self.rooms.get_mut(key)?;
        let shared = &mut self.shared;
        match catch_unwind(AssertUnwindSafe(|| run(room, shared))) {
            Ok(result) => {
                if room.has_work() && !std::mem::replace(&mut room.is_queued, true) {
                    self.ready.push_back(key);
                }
                Some(result)
            }
            Err(panic) => {
                self.on_room_failed(key, &panic_text(panic.as_ref()));
                None
            }
        }
    }

    fn on_room_failed(&mut self, key: Key, message: &str) {
        let Some(room) = self.rooms.remove(key) else {
            return;
        };
        self.room_keys.remove(&room.id);
        self.ready.retain(|ready| *ready != key);
        let routes = &mut self.shared.routes;
        let is_other = |owner: &EndpointKey| owner.room != key;
        routes.by_address.retain(|_, owner| is_other(owner));
        routes.claims.retain(|_, owner| is_other(owner));
        routes.by_ufrag.retain(|_, owner| is_other(owner));
        routes.by_id.retain(|_, owner| is_other(owner));
        self.shared.count(Counter::RoomsFailed);
        self.shared.emit(Event::RoomFailed {
            room: room.id,
            message: message.to_owned(),
        });
        // What it was in the middle of may not even be droppable; leaking one room is cheaper than
        // a second panic.
        std::mem::forget(room);
    }

    /// Runs timers and rooms until the send buffer is full or all is done.
    fn work(&mut self) {
        while !self.shared.outbox.is_full() {
            match self.shared.wheel.pop(self.shared.now) {
                Some(timer) => self.on_timer(timer),
                None => break,
            }
        }
        while let Some(key) = self.ready.front().copied() {
            if self.shared.outbox.is_full() {
                return;
            }
            let is_done = self.in_room(key, |room, shared| room.work(shared) && !room.has_work());
            if is_done == Some(false) && self.shared.outbox.is_full() {
                return;
            }
            // A room that failed has been taken out already.
            if is_done != Some(false) && self.ready.front() == Some(&key) {
                self.ready.pop_front();
                if let Some(room) = self.rooms.get_mut(key) {
                    room.is_queued = false;
                }
            }
        }
    }

    fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Heartbeat => {
                self.shared.emit(Event::Heartbeat);
                self.hand_out_snapshots();
                self.shared
                    .after(limits::HEARTBEAT_INTERVAL_US, Timer::Heartbeat);
            }
            Timer::Endpoint(key, timer) => {
                self.in_room(key.room, |room, shared| {
                    room.on_endpoint_timer(key.endpoint, timer, shared);
                });
            }
            Timer::Room(key, timer) => {
                self.in_room(key, |room, shared| room.on_timer(timer, shared));
            }
        }
    }

    pub(crate) fn hand_out_snapshots(&mut self) {
        let mut all = std::mem::take(&mut self.shared.snapshots)
            .into_iter()
            .peekable();
        while all.peek().is_some() {
            let endpoints = all.by_ref().take(limits::SNAPSHOT_CHUNK).collect();
            self.shared.emit(Event::Snapshot { endpoints });
        }
    }

    /// Counters of the engine and of every endpoint. CPU and memory are the process's to fill in.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut counters = self.shared.counters.clone();
        counters.set(Counter::OutboxOverflow, self.shared.outbox.overflowed);
        let mut named = counters.named();
        named.insert("datagrams_out".to_owned(), self.shared.outbox.packets);
        named.insert("bytes_out".to_owned(), self.shared.outbox.bytes_written);
        named.insert("rooms".to_owned(), self.rooms.len() as u64);
        let mixers = self.rooms.iter().filter(|(_, room)| room.mixes());
        named.insert("mixers".to_owned(), mixers.count() as u64);
        let endpoints = self.rooms.iter().flat_map(|(_, room)| {
            room.endpoints().map(|endpoint| EndpointStats {
                endpoint: endpoint.id,
                room: room.id,
                connected: endpoint.transport.state != State::Connecting,
                address: endpoint.transport.ice.lead().map(Address::socket_address),
                round_trip_us: endpoint
                    .round_trip
                    .map(|round_trip| u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX)),
                estimate_bps: endpoint
                    .estimate_bps()
                    .map(|bps| u32::try_from(bps).unwrap_or(u32::MAX)),
                counters: endpoint_counters(endpoint),
            })
        });
        let endpoints = endpoints.collect();
        Stats {
            cpu_us: 0,
            memory_bytes: 0,
            counters: named,
            endpoints,
        }
    }
}

fn endpoint_counters(endpoint: &crate::room::endpoint::Endpoint) -> BTreeMap<String, u64> {
    let tally = &endpoint.tally;
    let named = [
        ("packets_in", tally.packets_in),
        ("bytes_in", tally.bytes_in),
        ("packets_out", tally.packets_out),
        ("bytes_out", tally.bytes_out),
        ("retransmitted", tally.retransmitted),
        ("nacks_in", tally.nacks_in),
        ("key_frame_requests_in", tally.key_frame_requests_in),
        ("feedbacks_in", tally.feedbacks_in),
        ("padding_out", tally.padding_out),
    ];
    named
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use parley_wire::{Reply, Request};

    use super::*;

    #[allow(
        clippy::disallowed_methods,
        reason = "an origin for virtual time, never compared"
    )]
    fn engine() -> Engine {
        Engine::new(Setup {
            epoch: Epoch {
                monotonic: Micros(1_000_000),
                instant: Instant::now(),
                unix_us: 0,
            },
            identity: Identity::generate().unwrap(),
            seed: 1,
            limits: Limits::default(),
        })
    }

    fn ask(engine: &mut Engine, id: u64, request: Request) -> Vec<Message> {
        engine.handle(Micros(1_000_000), Input::Command(Command { id, request }));
        let mut messages = Vec::new();
        while let Some(output) = engine.poll() {
            if let Output::Message(message) = output {
                messages.push(message);
            }
        }
        messages
    }

    #[test]
    fn a_panic_ends_its_room_and_no_other() {
        let mut engine = engine();
        let rooms = [1, 2].map(|n| RoomId(uuid::Uuid::from_u128(n)));
        for room in rooms {
            ask(&mut engine, 1, Request::RoomOpen { room });
        }
        let failing = engine.room_keys[&rooms[0]];
        let outcome: Option<()> = engine.in_room(failing, |_, _| panic!("out of order"));
        assert_eq!(outcome, None);
        let messages = ask(&mut engine, 2, Request::Ping);
        let told = messages.iter().find_map(|message| match message {
            Message::Event {
                event: Event::RoomFailed { room, message },
                ..
            } => Some((*room, message.clone())),
            _ => None,
        });
        assert_eq!(told, Some((rooms[0], "out of order".to_owned())));
        assert!(messages.iter().any(|m| matches!(
            m,
            Message::Reply {
                id: 2,
                reply: Reply::Done
            }
        )));
        assert!(engine.room_keys.contains_key(&rooms[1]) && engine.rooms.len() == 1);
        // The same room can be opened anew.
        let messages = ask(&mut engine, 3, Request::RoomOpen { room: rooms[0] });
        assert!(matches!(
            messages[0],
            Message::Reply {
                id: 3,
                reply: Reply::Done
            }
        ));
    }
}
