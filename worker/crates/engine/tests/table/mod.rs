//! An engine and far ends around one table: packets arrive at once and in order, time is virtual,
//! so that a test says what happens and nothing else does.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use parley_engine::{Address, Engine, Epoch, Identity, Input, Limits, Output, Setup};
use parley_rtp::header::{AudioLevel, ExtensionIds};
use parley_rtp::time::Micros;
use parley_simulate::far::{FarEnd, FarEvent, FarIdentity, FarLine, FarPacket, FarSettings};
use parley_wire::{
    Codec, CodecParameters, Command, DtlsParameters, DtlsRole, EndpointId, EndpointOpen, ErrorCode,
    Event, HeaderExtensions, IceParameters, Medium, Message, PublishState, ReceiveLine, Reply,
    Request, RestoredEndpoint, RoomId, SendLine, SendRole, Source, TileSource, TileState, TileWish,
};
use uuid::Uuid;

pub(crate) const OPUS: u8 = 111;
pub(crate) const VP8: u8 = 96;
pub(crate) const VP8_RTX: u8 = 97;
pub(crate) const H264: u8 = 102;
pub(crate) const H264_RTX: u8 = 103;

/// A packet that a far end got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) at: Micros,
    pub(crate) ssrc: u32,
    pub(crate) index: u64,
    pub(crate) timestamp: u32,
    pub(crate) payload_type: u8,
    pub(crate) is_repair: bool,
    pub(crate) payload: Vec<u8>,
}

/// Somebody at the table.
pub(crate) struct Seat {
    pub(crate) id: EndpointId,
    pub(crate) open: EndpointOpen,
    pub(crate) far: FarEnd,
    pub(crate) address: SocketAddr,
    pub(crate) got: Vec<Got>,
    pub(crate) key_frames_wanted: Vec<(Micros, u32)>,
    /// What came under DTLS, such as SCTP.
    pub(crate) data: Vec<Vec<u8>>,
    pub(crate) is_closed: bool,
    pub(crate) unsound: Vec<String>,
    pub(crate) dtls_failed: bool,
    /// False: nothing leaves it and nothing reaches it.
    pub(crate) is_wired: bool,
    /// The nth packet from the server from now on does not arrive, for each n here.
    pub(crate) losses: Vec<u64>,
    received: u64,
}

impl Seat {
    pub(crate) fn line(&self, role: SendRole, place: usize) -> &SendLine {
        self.open
            .send
            .iter()
            .filter(|line| line.role == role)
            .nth(place)
            .unwrap()
    }

    pub(crate) fn got_on(&self, ssrc: u32) -> Vec<&Got> {
        self.got.iter().filter(|got| got.ssrc == ssrc).collect()
    }
}

pub(crate) struct Table {
    pub(crate) engine: Engine,
    pub(crate) now: Micros,
    pub(crate) seats: Vec<Seat>,
    pub(crate) messages: Vec<Message>,
    pub(crate) snapshots: BTreeMap<EndpointId, parley_wire::EndpointSnapshot>,
    pub(crate) bytes_out: BTreeMap<SocketAddr, usize>,
    pub(crate) epoch: Epoch,
    pub(crate) identity: Identity,
    far_identity: FarIdentity,
    commands: u64,
    captured: Vec<(SocketAddr, Vec<u8>)>,
    captures: Vec<SocketAddr>,
}

pub(crate) fn room() -> RoomId {
    RoomId(Uuid::from_u128(1))
}

pub(crate) fn codec(codec: Codec, payload_type: u8, rtx: Option<u8>) -> CodecParameters {
    let is_audio = codec == Codec::Opus;
    CodecParameters {
        codec,
        payload_type,
        rtx_payload_type: rtx,
        clock_rate: if is_audio { 48_000 } else { 90_000 },
        channels: if is_audio { 2 } else { 0 },
        parameters: if codec == Codec::H264 {
            [("packetization-mode".to_owned(), "1".to_owned())].into()
        } else {
            BTreeMap::new()
        },
        nack: !is_audio,
        pli: !is_audio,
        transport_cc: false,
    }
}

impl Table {
    #[allow(
        clippy::disallowed_methods,
        reason = "an origin for virtual time, never compared"
    )]
    pub(crate) fn new() -> Self {
        let now = Micros(5_000_000_000);
        let epoch = Epoch {
            monotonic: now,
            instant: Instant::now(),
            unix_us: 1_700_000_000_000_000,
        };
        let identity = Identity::generate().unwrap();
        let setup = Setup {
            epoch,
            identity: identity.clone(),
            seed: 7,
            limits: Limits::default(),
        };
        let mut table = Self {
            engine: Engine::new(setup),
            now,
            seats: Vec::new(),
            messages: Vec::new(),
            snapshots: BTreeMap::new(),
            bytes_out: BTreeMap::new(),
            epoch,
            identity,
            far_identity: FarIdentity::generate().unwrap(),
            commands: 0,
            captured: Vec::new(),
            captures: Vec::new(),
        };
        table.done(Request::RoomOpen { room: room() });
        table
    }

    /// What an endpoint with a microphone, a camera (with these rids), three voice slots and some
    /// tiles is opened with.
    pub(crate) fn parameters(&self, number: usize, rids: &[&str], tiles: usize) -> EndpointOpen {
        let n = number as u128 + 100;
        let ssrc = |place: usize| (number as u32 + 1) * 1_000 + place as u32;
        let opus = || vec![codec(Codec::Opus, OPUS, None)];
        let video = || {
            vec![
                codec(Codec::Vp8, VP8, Some(VP8_RTX)),
                codec(Codec::H264, H264, Some(H264_RTX)),
            ]
        };
        let receive = |mid: &str, source, medium, codecs, rids: &[&str]| ReceiveLine {
            mid: mid.to_owned(),
            medium,
            source,
            codecs,
            rids: rids.iter().map(|rid| (*rid).to_owned()).collect(),
            ssrcs: Vec::new(),
            muted: false,
        };
        let voices = (0..3).map(|place| SendLine {
            mid: format!("v{place}"),
            medium: Medium::Audio,
            role: SendRole::Voice,
            codecs: opus(),
            ssrc: ssrc(place),
            rtx_ssrc: None,
        });
        let pictures = (0..tiles).map(|place| SendLine {
            mid: format!("t{place}"),
            medium: Medium::Video,
            role: SendRole::Tile,
            codecs: video(),
            ssrc: ssrc(100 + place),
            rtx_ssrc: Some(ssrc(200 + place)),
        });
        EndpointOpen {
            room: room(),
            endpoint: EndpointId(Uuid::from_u128(n)),
            ice: ice(number, 0),
            dtls: DtlsParameters {
                fingerprints: vec![self.far_identity.fingerprint()],
                role: DtlsRole::Server,
            },
            extensions: HeaderExtensions {
                mid: Some(4),
                rid: Some(10),
                repaired_rid: Some(11),
                audio_level: Some(1),
                abs_send_time: None,
                transport_cc: Some(3),
                playout_delay: None,
            },
            receive: vec![
                receive("mic", Source::Microphone, Medium::Audio, opus(), &[]),
                receive("cam", Source::Camera, Medium::Video, video(), rids),
                receive("screen", Source::Screen, Medium::Video, video(), &[]),
            ],
            send: voices.chain(pictures).collect(),
            cname: "test".to_owned(),
            entered: true,
        }
    }

    /// Somebody sits down, with their parameters changed as the test wants, and connects.
    pub(crate) fn join(
        &mut self,
        rids: &[&str],
        tiles: usize,
        edit: impl FnOnce(&mut EndpointOpen),
    ) -> usize {
        let seat = self.sit_down(rids, tiles, edit);
        self.run(100);
        assert!(
            self.seats[seat].far.is_connected(),
            "seat {seat} did not connect"
        );
        seat
    }

    pub(crate) fn sit_down(
        &mut self,
        rids: &[&str],
        tiles: usize,
        edit: impl FnOnce(&mut EndpointOpen),
    ) -> usize {
        let number = self.seats.len();
        let mut open = self.parameters(number, rids, tiles);
        edit(&mut open);
        let far = self.far_end(&open);
        self.seats.push(Seat {
            id: open.endpoint,
            open: open.clone(),
            far,
            address: ([198, 51, 100, number as u8 + 1], 50_000).into(),
            got: Vec::new(),
            key_frames_wanted: Vec::new(),
            data: Vec::new(),
            is_closed: false,
            unsound: Vec::new(),
            dtls_failed: false,
            is_wired: true,
            losses: Vec::new(),
            received: 0,
        });
        self.done(Request::EndpointOpen(Box::new(open)));
        number
    }

    pub(crate) fn far_end(&self, open: &EndpointOpen) -> FarEnd {
        let lines = open.send.iter().map(|line| FarLine {
            ssrc: line.ssrc,
            rtx_ssrc: line.rtx_ssrc,
            clock_rate: line.codecs[0].clock_rate,
        });
        let settings = FarSettings {
            ice: open.ice.clone(),
            identity: self.far_identity.clone(),
            is_passive: open.dtls.role == DtlsRole::Client,
            extensions: ExtensionIds {
                mid: open.extensions.mid,
                rid: open.extensions.rid,
                repaired_rid: open.extensions.repaired_rid,
                audio_level: open.extensions.audio_level,
                abs_send_time: None,
                transport_cc: open.extensions.transport_cc,
                playout_delay: None,
            },
            instant: self.epoch.instant
                + Duration::from_micros(self.now.0 - self.epoch.monotonic.0),
            opens_all: true,
        };
        FarEnd::new(self.now, settings, lines.collect())
    }

    /// Asks, and returns the answer.
    pub(crate) fn ask(&mut self, request: Request) -> Result<Reply, ErrorCode> {
        self.commands += 1;
        let id = self.commands;
        self.engine
            .handle(self.now, Input::Command(Command { id, request }));
        self.drain();
        let answers = self.messages.iter().filter_map(|message| match message {
            Message::Reply { id: to, reply } if *to == id => Some(Ok(reply.clone())),
            Message::Error { id: to, code, .. } if *to == id => Some(Err(*code)),
            _ => None,
        });
        let mut answers: Vec<_> = answers.collect();
        assert_eq!(answers.len(), 1, "every command is answered exactly once");
        answers.remove(0)
    }

    /// The engine dies, and another takes its endpoints over.
    pub(crate) fn replace_engine(&mut self) {
        self.engine = Engine::new(Setup {
            epoch: self.epoch,
            identity: self.identity.clone(),
            seed: 8,
            limits: Limits::default(),
        });
        let endpoints = self.seats.iter().map(|seat| RestoredEndpoint {
            open: seat.open.clone(),
            tiles: Vec::new(),
            snapshot: self.snapshots.get(&seat.id).cloned(),
        });
        let endpoints: Vec<_> = endpoints.collect();
        let wanted: Vec<_> = self.seats.iter().map(|seat| seat.id).collect();
        let Ok(Reply::Restored { resumed, .. }) = self.ask(Request::Restore { endpoints }) else {
            unreachable!("it answers nothing else");
        };
        assert_eq!(resumed, wanted);
    }

    pub(crate) fn done(&mut self, request: Request) {
        assert!(matches!(self.ask(request), Ok(Reply::Done)));
    }

    pub(crate) fn tile(
        &mut self,
        viewer: usize,
        place: usize,
        show: Option<(usize, Source)>,
        size: (u32, u32),
    ) {
        let endpoint = self.seats[viewer].id;
        let show = show.map(|(seat, source)| TileSource {
            endpoint: self.seats[seat].id,
            source,
        });
        let wish = TileWish {
            mid: format!("t{place}"),
            show,
            width: size.0,
            height: size.1,
        };
        self.done(Request::EndpointTiles(parley_wire::EndpointTiles {
            endpoint,
            tiles: vec![wish],
        }));
    }

    pub(crate) fn publish(&mut self, seat: usize, mid: &str, muted: bool, rids: Option<&[&str]>) {
        let endpoint = self.seats[seat].id;
        let rids = rids.map(|rids| rids.iter().map(|rid| (*rid).to_owned()).collect());
        let lines = vec![PublishState {
            mid: mid.to_owned(),
            muted,
            rids,
        }];
        self.done(Request::EndpointPublish(parley_wire::EndpointPublish {
            endpoint,
            lines,
        }));
    }

    /// A seat sends one picture of one packet.
    pub(crate) fn picture(&mut self, seat: usize, mid: &str, rid: Option<&str>, picture: Picture) {
        let place = rid.map_or(0, |rid| u32::from(rid.as_bytes()[0]));
        let ssrc = (seat as u32 + 1) * 100_000 + mid.len() as u32 * 1_000 + place;
        let packet = FarPacket {
            ssrc,
            rtx: Some((ssrc + 500, VP8_RTX)),
            payload_type: VP8,
            marker: true,
            timestamp: (self.now.0 * 9 / 100) as u32,
            mid: Some(mid),
            rid,
            level: None,
            payload: &picture.payload(),
        };
        self.seats[seat].far.send(self.now, &packet);
        self.step();
    }

    /// A seat sends one voice packet, this loud.
    pub(crate) fn voice(&mut self, seat: usize, minus_dbov: u8) {
        let packet = FarPacket {
            ssrc: (seat as u32 + 1) * 100_000,
            rtx: None,
            payload_type: OPUS,
            marker: false,
            timestamp: (self.now.0 * 48 / 1000) as u32,
            mid: Some("mic"),
            rid: None,
            level: Some(AudioLevel {
                is_voice: minus_dbov < 60,
                attenuation_db: minus_dbov,
            }),
            payload: &[0x78, 1, 2, 3, 4, 5, seat as u8],
        };
        self.seats[seat].far.send(self.now, &packet);
        self.step();
    }

    /// Lets these seats talk for a while, a packet each 20 ms.
    pub(crate) fn talk(&mut self, ms: u64, voices: &[(usize, u8)]) {
        for _ in 0..ms / 20 {
            for (seat, level) in voices {
                self.voice(*seat, *level);
            }
            self.run(20);
        }
    }

    pub(crate) fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now = Micros(self.now.0 + 1_000);
            self.step();
        }
    }

    /// Passes packets around until nobody has any.
    pub(crate) fn step(&mut self) {
        for seat in 0..self.seats.len() {
            let now = self.now;
            if self.seats[seat].far.advance(now).is_err() {
                self.seats[seat].dtls_failed = true;
            }
        }
        loop {
            let mut is_quiet = true;
            for seat in 0..self.seats.len() {
                while let Some(mut bytes) = self.seats[seat].far.transmit() {
                    is_quiet = false;
                    if self.seats[seat].is_wired {
                        let from = Address::Udp(self.seats[seat].address);
                        self.engine.handle(
                            self.now,
                            Input::Datagram {
                                from,
                                bytes: &mut bytes,
                            },
                        );
                        self.drain();
                    }
                }
            }
            self.engine.handle(self.now, Input::Time);
            is_quiet &= !self.drain();
            if is_quiet {
                return;
            }
        }
    }

    /// A packet appears at the server's port, from anywhere; how many bytes went back there.
    pub(crate) fn inject(&mut self, from: SocketAddr, bytes: &[u8]) -> usize {
        let before = self.bytes_out.get(&from).copied().unwrap_or(0);
        let mut bytes = bytes.to_vec();
        let from_address = Address::Udp(from);
        self.engine.handle(
            self.now,
            Input::Datagram {
                from: from_address,
                bytes: &mut bytes,
            },
        );
        self.engine.handle(self.now, Input::Time);
        self.drain();
        self.bytes_out.get(&from).copied().unwrap_or(0) - before
    }

    /// Keeps what is sent to an address from now on.
    pub(crate) fn capture(&mut self, address: SocketAddr) {
        self.captures.push(address);
    }

    /// What has been sent there since the last look.
    pub(crate) fn take_captured(&mut self, address: SocketAddr) -> Vec<Vec<u8>> {
        let all = std::mem::take(&mut self.captured).into_iter();
        let (wanted, others) = all.partition(|(to, _)| *to == address);
        self.captured = others;
        let wanted: Vec<(SocketAddr, Vec<u8>)> = wanted;
        wanted.into_iter().map(|(_, packet)| packet).collect()
    }

    /// A far end that is elsewhere: its packets come from there, and what is sent there reaches it,
    /// until nobody has any. The address must be one that is captured.
    pub(crate) fn visit(&mut self, far: &mut FarEnd, from: SocketAddr) {
        // Its failure shows in what it does not do.
        let _failed = far.advance(self.now);
        loop {
            let mut is_quiet = true;
            while let Some(bytes) = far.transmit() {
                is_quiet = false;
                self.inject(from, &bytes);
            }
            for mut packet in self.take_captured(from) {
                is_quiet = false;
                let _failed = far.handle(self.now, &mut packet);
            }
            if is_quiet {
                return;
            }
        }
    }

    /// Takes what the engine has; whether packets reached anybody.
    fn drain(&mut self) -> bool {
        let mut packets = Vec::new();
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Datagrams(batch) => {
                    for (to, bytes) in batch.packets() {
                        packets.push((to.socket_address(), bytes.to_vec()));
                    }
                }
                Output::Message(Message::Event {
                    event: Event::Heartbeat,
                    ..
                })
                | Output::Disconnect { .. } => {}
                Output::Message(Message::Event {
                    event: Event::Snapshot { endpoints },
                    ..
                }) => {
                    self.snapshots
                        .extend(endpoints.into_iter().map(|s| (s.endpoint, s)));
                }
                Output::Message(message) => self.messages.push(message),
            }
        }
        let had_packets = !packets.is_empty();
        for (to, mut bytes) in packets {
            *self.bytes_out.entry(to).or_default() += bytes.len();
            if self.captures.contains(&to) {
                self.captured.push((to, bytes.clone()));
            }
            let now = self.now;
            let Some(seat) = self.seats.iter_mut().find(|seat| seat.address == to) else {
                continue;
            };
            seat.received += 1;
            let nth = seat.received;
            let is_lost = seat.losses.iter().position(|loss| *loss == nth);
            if let Some(place) = is_lost {
                seat.losses.remove(place);
                continue;
            }
            if seat.is_wired {
                seat.dtls_failed |= seat.far.handle(now, &mut bytes).is_err();
            }
            while let Some(event) = seat.far.event() {
                match event {
                    FarEvent::Connected => {}
                    FarEvent::Packet {
                        at,
                        ssrc,
                        index,
                        timestamp,
                        payload_type,
                        is_repair,
                        payload,
                        ..
                    } => {
                        seat.got.push(Got {
                            at,
                            ssrc,
                            index,
                            timestamp,
                            payload_type,
                            is_repair,
                            payload,
                        });
                    }
                    FarEvent::KeyFrameWanted { ssrc } => seat.key_frames_wanted.push((now, ssrc)),
                    FarEvent::Data(data) => seat.data.push(data),
                    FarEvent::Closed => seat.is_closed = true,
                    FarEvent::Unsound(text) => seat.unsound.push(text),
                }
            }
        }
        had_packets
    }

    /// The nth packet from the server to a seat from now on is lost.
    pub(crate) fn lose(&mut self, seat: usize, nth: u64) {
        let seat = &mut self.seats[seat];
        seat.losses.push(seat.received + nth);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let events = self.messages.iter().filter_map(|message| match message {
            Message::Event { event, .. } => Some(event.clone()),
            _ => None,
        });
        events.collect()
    }

    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.engine.stats().counters[name]
    }

    /// What the server was told last about a seat's tiles.
    pub(crate) fn tiles_of(&self, seat: usize) -> Vec<TileState> {
        let id = self.seats[seat].id;
        let tiles = self
            .events()
            .into_iter()
            .rev()
            .find_map(|event| match event {
                Event::Tiles { endpoint, tiles } if endpoint == id => Some(tiles),
                _ => None,
            });
        tiles.unwrap_or_default()
    }

    /// Whose voices the server was told last to be on a seat's slots, as seats.
    pub(crate) fn slots_of(&self, seat: usize) -> Vec<Option<usize>> {
        let id = self.seats[seat].id;
        let slots = self
            .events()
            .into_iter()
            .rev()
            .find_map(|event| match event {
                Event::VoiceSlots { endpoint, slots } if endpoint == id => Some(slots),
                _ => None,
            });
        let place = |id| self.seats.iter().position(|seat| seat.id == id);
        slots
            .unwrap_or_default()
            .into_iter()
            .map(|slot| slot.endpoint.and_then(place))
            .collect()
    }

    /// Nobody got anything that does not open or repeats.
    pub(crate) fn assert_sound(&self) {
        for (place, seat) in self.seats.iter().enumerate() {
            assert!(seat.unsound.is_empty(), "seat {place}: {:?}", seat.unsound);
        }
    }
}

pub(crate) fn ice(number: usize, generation: usize) -> IceParameters {
    IceParameters {
        local_ufrag: format!("local{number}x{generation}"),
        local_pwd: format!("password of local {number:04} {generation:04}"),
        remote_ufrag: format!("remote{number}x{generation}"),
        remote_pwd: format!("password of remote {number:04} {generation:04}"),
    }
}

/// A VP8 picture in one packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picture {
    pub(crate) is_key_frame: bool,
    pub(crate) number: u16,
    pub(crate) size: (u16, u16),
    pub(crate) tag: u8,
}

impl Picture {
    pub(crate) fn key(number: u16, tag: u8) -> Self {
        Self {
            is_key_frame: true,
            number,
            size: (640, 360),
            tag,
        }
    }

    pub(crate) fn delta(number: u16, tag: u8) -> Self {
        Self {
            is_key_frame: false,
            number,
            size: (640, 360),
            tag,
        }
    }

    /// With an extended descriptor: 15-bit picture id, TL0PICIDX, TID and KEYIDX.
    pub(crate) fn payload(&self) -> Vec<u8> {
        let [high, low] = self.number.to_be_bytes();
        let mut bytes = vec![0x90, 0xf0, 0x80 | high, low, self.number as u8, 0x20 | 5];
        if self.is_key_frame {
            bytes.extend_from_slice(&[0x10, 0, 0, 0x9d, 0x01, 0x2a]);
            bytes.extend_from_slice(&self.size.0.to_le_bytes());
            bytes.extend_from_slice(&self.size.1.to_le_bytes());
        } else {
            bytes.extend_from_slice(&[0x11, 0, 0]);
        }
        bytes.extend_from_slice(&[self.tag; 40]);
        bytes
    }
}

/// Picture id, TL0PICIDX and the tag of a received picture, and whether it is a key frame.
pub(crate) fn read_picture(payload: &[u8]) -> (u16, u8, u8, bool) {
    let id = u16::from_be_bytes([payload[2] & 0x7f, payload[3]]);
    (
        id,
        payload[4],
        *payload.last().unwrap(),
        payload[6] & 1 == 0,
    )
}
