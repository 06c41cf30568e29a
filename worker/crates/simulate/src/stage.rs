//! An engine, far ends and the network between them, in virtual time.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::Instant;

use parley_engine::{Address, Engine, Epoch, Identity, Input, Limits, Output, Setup};
use parley_rtp::time::Micros;
use parley_wire::{
    Command, EndpointId, EndpointOpen, EndpointSnapshot, EndpointTiles, Event, Fingerprint, Medium,
    Message, Request, RestoredEndpoint, RoomId, Source, Stats, TileSource, TileWish,
};
use uuid::Uuid;

use crate::far::{FarEnd, FarEvent, FarIdentity, FarLine, FarPacket, FarSettings};
use crate::network::{Conditions, InFlight, Network};
use crate::offer::{Layers, OPUS, RTX, Role, VP8, describe, extension_ids};
use crate::sense::{Ear, Eye};
use crate::source::{Camera, Voice};

/// Somebody on the stage.
pub struct Seat {
    /// The endpoint.
    pub id: EndpointId,
    /// Its far end.
    pub far: FarEnd,
    /// What it plays, line by line: voices or the mix.
    pub ears: Vec<Ear>,
    /// What it shows, tile by tile.
    pub eyes: Vec<Eye>,
    /// Its microphone.
    pub voice: Option<Voice>,
    /// Its camera's layers.
    pub cameras: Vec<Camera>,
    /// Things that should not have come.
    pub unsound: Vec<String>,
    /// Key frames that the server asked for.
    pub key_frames_wanted: u32,
    /// The engine has heard from it under this address.
    pub address: SocketAddr,
    open: EndpointOpen,
    number: u32,
}

/// Everything together. See the module's text.
pub struct Stage {
    /// The engine.
    pub engine: Engine,
    /// The network.
    pub network: Network,
    /// Everybody, in the order of their joining.
    pub seats: Vec<Seat>,
    /// Virtual time.
    pub now: Micros,
    /// What the engine told the server, but for heartbeats and snapshots.
    pub messages: Vec<Message>,
    /// The last snapshot of each endpoint.
    pub snapshots: Vec<EndpointSnapshot>,
    /// Packets that arrived at addresses where nobody of ours sits.
    pub outside: Vec<InFlight>,
    /// Every RTP header that the engine wrote: who got it, SSRC, sequence number.
    pub written: Vec<(SocketAddr, u32, u16)>,
    server: SocketAddr,
    room: RoomId,
    identity: Identity,
    far_identity: FarIdentity,
    epoch: Epoch,
    seed: u64,
    commands: u64,
    trace: DefaultHasher,
}

impl Stage {
    /// An empty room. `seed` decides everything that happens.
    pub fn new(seed: u64, conditions: Conditions) -> Self {
        let now = Micros(1_000_000_000);
        // The DTLS library counts time from an instant; which one makes no difference.
        #[allow(
            clippy::disallowed_methods,
            reason = "an origin for virtual time, never compared"
        )]
        let instant = Instant::now();
        let epoch = Epoch {
            monotonic: now,
            instant,
            unix_us: 1_700_000_000_000_000,
        };
        let identity = Identity::generate().expect("a certificate can be made");
        let room = RoomId(Uuid::from_u128(1));
        let setup = Setup {
            epoch,
            identity: identity.clone(),
            seed,
            limits: Limits::default(),
        };
        let mut stage = Self {
            engine: Engine::new(setup),
            network: Network::new(seed, conditions),
            seats: Vec::new(),
            now,
            messages: Vec::new(),
            snapshots: Vec::new(),
            outside: Vec::new(),
            written: Vec::new(),
            server: ([192, 0, 2, 1], 40_000).into(),
            room,
            identity,
            far_identity: FarIdentity::generate().expect("a certificate can be made"),
            epoch,
            seed,
            commands: 0,
            trace: DefaultHasher::new(),
        };
        stage.ask(Request::RoomOpen { room });
        stage
    }

    /// The seed, for the message of a failed assertion.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A number for all that was heard and seen, and when: equal for equal runs.
    pub fn trace(&self) -> u64 {
        self.trace.finish()
    }

    /// Where the engine is reached.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// The room that everybody is in.
    pub fn room(&self) -> RoomId {
        self.room
    }

    /// The engine's certificate, as an answer would name it.
    pub fn fingerprint(&self) -> Fingerprint {
        self.identity.fingerprint()
    }

    /// Virtual time as libraries want it that know nothing of ours.
    pub fn instant(&self) -> Instant {
        self.epoch.instant + self.now.since(self.epoch.monotonic)
    }

    /// Somebody joins; connecting takes a few round trips.
    pub fn join(&mut self, role: Role) -> usize {
        let number = self.seats.len() as u32 + 1;
        let open = describe(self.room, number, role, self.far_identity.fingerprint());
        let ice = open.ice.clone();
        let lines = open.send.iter().map(|line| FarLine {
            ssrc: line.ssrc,
            rtx_ssrc: line.rtx_ssrc,
            clock_rate: line.codecs[0].clock_rate,
        });
        let settings = FarSettings {
            ice,
            identity: self.far_identity.clone(),
            is_passive: false,
            extensions: extension_ids(),
            instant: self.instant(),
            opens_all: true,
        };
        let far = FarEnd::new(self.now, settings, lines.collect());
        let ears = open.send.iter().filter(|line| line.medium == Medium::Audio);
        let eyes = open.send.iter().filter(|line| line.medium == Medium::Video);
        let seat = Seat {
            id: open.endpoint,
            far,
            ears: ears.map(|_| Ear::new().expect("libopus")).collect(),
            eyes: eyes.map(|_| Eye::default()).collect(),
            voice: role
                .voice_hz
                .map(|hz| Voice::new(self.now, hz).expect("libopus")),
            cameras: role
                .camera
                .map_or_else(Vec::new, |layers| cameras(self.now, number, layers)),
            unsound: Vec::new(),
            key_frames_wanted: 0,
            address: ([198, 51, 100, number as u8], 50_000).into(),
            open: open.clone(),
            number,
        };
        self.seats.push(seat);
        self.ask(Request::EndpointOpen(Box::new(open)));
        self.seats.len() - 1
    }

    /// Seat `viewer` wants to see these seats' cameras, tile by tile, in this size.
    pub fn watch(&mut self, viewer: usize, cameras: &[usize], size: (u32, u32)) {
        let tiles = self.wishes(cameras, size);
        let endpoint = self.seats[viewer].id;
        self.ask(Request::EndpointTiles(EndpointTiles { endpoint, tiles }));
    }

    /// Sends a request as the server would.
    pub fn ask(&mut self, request: Request) {
        self.commands += 1;
        let command = Command {
            id: self.commands,
            request,
        };
        self.engine.handle(self.now, Input::Command(command));
        self.drain();
    }

    /// The engine's counters.
    pub fn stats(&mut self) -> Stats {
        self.engine.stats()
    }

    /// Everything `event` in what the engine told.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.messages.iter().filter_map(|message| match message {
            Message::Event { event, .. } => Some(event),
            _ => None,
        })
    }

    /// A packet appears at the server's port, from anywhere.
    pub fn inject(&mut self, from: SocketAddr, mut bytes: Vec<u8>) {
        self.engine.handle(
            self.now,
            Input::Datagram {
                from: Address::Udp(from),
                bytes: &mut bytes,
            },
        );
        self.engine.handle(self.now, Input::Time);
        self.drain();
    }

    /// The worker dies, and another one takes over from the last snapshots. Answers how many
    /// endpoints went on.
    pub fn take_over(&mut self, cameras_watched: &[(usize, Vec<usize>, (u32, u32))]) -> usize {
        let setup = Setup {
            epoch: self.epoch,
            identity: self.identity.clone(),
            seed: self.seed ^ 0xdead,
            limits: Limits::default(),
        };
        self.engine = Engine::new(setup);
        self.engine.handle(self.now, Input::Time);
        let snapshots = std::mem::take(&mut self.snapshots);
        let endpoints = self.seats.iter().enumerate().map(|(at, seat)| {
            let watched = cameras_watched.iter().find(|(viewer, _, _)| *viewer == at);
            RestoredEndpoint {
                open: seat.open.clone(),
                tiles: watched.map_or_else(Vec::new, |(_, seats, size)| self.wishes(seats, *size)),
                snapshot: snapshots.iter().find(|s| s.endpoint == seat.id).cloned(),
            }
        });
        let endpoints = endpoints.collect();
        let before = self.messages.len();
        self.ask(Request::Restore { endpoints });
        let resumed = self.messages[before..]
            .iter()
            .find_map(|message| match message {
                Message::Reply {
                    reply: parley_wire::Reply::Restored { resumed, .. },
                    ..
                } => Some(resumed.len()),
                _ => None,
            });
        resumed.unwrap_or(0)
    }

    /// Lets `ms` of virtual time pass.
    pub fn run(&mut self, ms: u64) {
        let end = Micros(self.now.0 + ms * 1_000);
        while self.now < end {
            let next = self.deadline().min(end);
            // What is overdue is done now, and nothing happens twice in one instant for ever.
            self.now = next.max(self.now);
            self.step();
            if next <= self.now && self.deadline() <= self.now {
                self.now = Micros(self.now.0 + 1);
            }
        }
    }

    fn deadline(&self) -> Micros {
        let mut deadline = Micros(u64::MAX);
        let seats = self.seats.iter().flat_map(|seat| {
            let ears = seat.ears.iter().filter_map(Ear::deadline);
            let cameras = seat.cameras.iter().map(Camera::deadline);
            let voice = seat.voice.iter().map(Voice::deadline);
            ears.chain(cameras)
                .chain(voice)
                .chain([seat.far.deadline()])
        });
        for at in seats
            .chain(self.network.deadline())
            .chain(self.engine.deadline())
        {
            deadline = deadline.min(at);
        }
        deadline
    }

    fn step(&mut self) {
        let mut has_input = false;
        while let Some(mut packet) = self.network.arrive(self.now) {
            if packet.to == self.server {
                let from = Address::Udp(packet.from);
                let input = Input::Datagram {
                    from,
                    bytes: &mut packet.bytes,
                };
                self.engine.handle(self.now, input);
                has_input = true;
                self.drain();
            } else if let Some(at) = self.seats.iter().position(|seat| seat.address == packet.to) {
                let seat = &mut self.seats[at];
                if let Err(error) = seat.far.handle(self.now, &mut packet.bytes) {
                    seat.unsound.push(error.to_string());
                }
                self.drain_seat(at);
            } else {
                self.outside.push(packet);
            }
        }
        if has_input || self.engine.deadline().is_some_and(|due| due <= self.now) {
            self.engine.handle(self.now, Input::Time);
            self.drain();
        }
        for at in 0..self.seats.len() {
            self.advance_seat(at);
        }
    }

    fn advance_seat(&mut self, at: usize) {
        let now = self.now;
        let seat = &mut self.seats[at];
        if seat.far.deadline() <= now
            && let Err(error) = seat.far.advance(now)
        {
            seat.unsound.push(error.to_string());
        }
        let frame = seat
            .voice
            .as_mut()
            .and_then(|voice| voice.advance(now).expect("libopus"));
        if let Some(frame) = frame {
            seat.far.send(
                now,
                &FarPacket {
                    ssrc: seat.number * 1_000 + 1,
                    rtx: None,
                    payload_type: OPUS,
                    marker: false,
                    timestamp: frame.timestamp,
                    mid: Some("mic"),
                    rid: None,
                    level: Some(frame.level),
                    payload: &frame.payload,
                },
            );
        }
        for camera in &mut seat.cameras {
            for packet in camera.advance(now) {
                seat.far.send(
                    now,
                    &FarPacket {
                        ssrc: camera.ssrc,
                        rtx: Some((camera.ssrc + 100, RTX)),
                        payload_type: VP8,
                        marker: packet.marker,
                        timestamp: packet.timestamp,
                        mid: Some("cam"),
                        rid: camera.rid,
                        level: None,
                        payload: &packet.payload,
                    },
                );
            }
        }
        for ear in &mut seat.ears {
            ear.advance(now);
        }
        self.drain_seat(at);
    }

    /// Takes what the engine gives.
    fn drain(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Datagrams(batch) => {
                    for (to, bytes) in batch.packets() {
                        let to = to.socket_address();
                        if bytes[0] >> 6 == 2 && !(192..=223).contains(&bytes[1]) {
                            let sequence = u16::from_be_bytes([bytes[2], bytes[3]]);
                            let ssrc =
                                u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
                            self.written.push((to, ssrc, sequence));
                        }
                        let packet = InFlight {
                            from: self.server,
                            to,
                            bytes: bytes.to_vec(),
                        };
                        self.network.send(self.now, packet);
                    }
                }
                Output::Message(Message::Event {
                    event: Event::Snapshot { endpoints },
                    ..
                }) => {
                    for snapshot in endpoints {
                        self.snapshots
                            .retain(|old| old.endpoint != snapshot.endpoint);
                        self.snapshots.push(snapshot);
                    }
                }
                Output::Message(Message::Event {
                    event: Event::Heartbeat,
                    ..
                }) => {}
                Output::Message(message) => self.messages.push(message),
                Output::Disconnect { .. } => {}
            }
        }
    }

    /// Takes what a far end gives.
    fn drain_seat(&mut self, at: usize) {
        let seat = &mut self.seats[at];
        while let Some(bytes) = seat.far.transmit() {
            let packet = InFlight {
                from: seat.address,
                to: self.server,
                bytes,
            };
            self.network.send(self.now, packet);
        }
        let audio = seat.ears.len();
        while let Some(event) = seat.far.event() {
            match event {
                FarEvent::Packet {
                    at: when,
                    ssrc,
                    index,
                    timestamp,
                    marker,
                    payload,
                    ..
                } => {
                    (at, when.0, ssrc, index, timestamp, marker).hash(&mut self.trace);
                    payload.hash(&mut self.trace);
                    let line = seat.open.send.iter().position(|line| line.ssrc == ssrc);
                    match line {
                        Some(line) if line < audio => {
                            seat.ears[line].packet(when, index as u16, timestamp, &payload);
                        }
                        Some(line) => {
                            let eye = &mut seat.eyes[line - audio];
                            if eye.packet(when, index, timestamp, marker, &payload) {
                                seat.far.want_key_frame(ssrc);
                            }
                        }
                        None => seat.unsound.push(format!("a line of SSRC {ssrc}")),
                    }
                }
                FarEvent::KeyFrameWanted { ssrc } => {
                    seat.key_frames_wanted += 1;
                    for camera in seat.cameras.iter_mut().filter(|camera| camera.ssrc == ssrc) {
                        camera.want_key_frame();
                    }
                }
                FarEvent::Unsound(what) => seat.unsound.push(what),
                FarEvent::Connected => {
                    seat.cameras
                        .iter_mut()
                        .for_each(|camera| camera.films = true);
                }
                FarEvent::Closed | FarEvent::Data(_) => {}
            }
        }
    }

    fn wishes(&self, cameras: &[usize], (width, height): (u32, u32)) -> Vec<TileWish> {
        let wish = |(tile, seat): (usize, &usize)| TileWish {
            mid: format!("tile{tile}"),
            show: Some(TileSource {
                endpoint: self.seats[*seat].id,
                source: Source::Camera,
            }),
            width,
            height,
        };
        cameras.iter().enumerate().map(wish).collect()
    }
}

fn cameras(now: Micros, number: u32, layers: Layers) -> Vec<Camera> {
    let ssrc = number * 1_000 + 10;
    match layers {
        Layers::One => vec![Camera::new(now, ssrc, None, (640, 360), 2)],
        Layers::Three => vec![
            Camera::new(now, ssrc, Some("q"), (320, 180), 1),
            Camera::new(now, ssrc + 1, Some("h"), (640, 360), 2),
            Camera::new(now, ssrc + 2, Some("f"), (1_280, 720), 5),
        ],
    }
}
