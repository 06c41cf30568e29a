//! Far ends on real sockets, one socket each, all in one thread.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use parley_net::{ReceiveBatch, Run, Udp, monotonic_us};
use parley_rtp::time::Micros;
use parley_simulate::far::{FarEnd, FarEvent, FarIdentity, FarLine, FarPacket, FarSettings};
use parley_simulate::offer::{Role, describe, extension_ids};
use parley_wire::{EndpointId, Request};

use crate::Failure;
use crate::worker::{ROOM, Worker};

/// All that the crowd may take to connect.
const CONNECT: Duration = Duration::from_secs(60);
/// Sleep between two rounds over the sockets: shorter than any buffer fills.
pub(crate) const ROUND: Duration = Duration::from_micros(1_000);

pub(crate) struct Crowd {
    identity: FarIdentity,
    instant: Instant,
    started: Micros,
    seats: Vec<Seat>,
    /// Number of the first seat; crowds of one room have numbers of their own.
    first_number: u32,
    server: SocketAddr,
    batch: ReceiveBatch,
    /// Packets that could not be opened, and other surprises; the first is the report's.
    pub(crate) unsound: Vec<String>,
}

struct Seat {
    far: FarEnd,
    udp: Udp,
    id: EndpointId,
}

impl Crowd {
    /// Nobody yet. The seats are numbered from `first_number`.
    pub(crate) fn new(worker: &Worker, first_number: u32) -> Result<Self, Failure> {
        #[allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]
        let instant = Instant::now();
        Ok(Self {
            identity: FarIdentity::generate()?,
            instant,
            started: now(),
            seats: Vec::new(),
            first_number,
            server: worker.address,
            batch: ReceiveBatch::new(64),
            unsound: Vec::new(),
        })
    }

    /// One more of this role. Answers its place.
    pub(crate) fn join(&mut self, worker: &mut Worker, role: Role) -> Result<usize, Failure> {
        let number = self.first_number + self.seats.len() as u32;
        let open = describe(ROOM, number, role, self.identity.fingerprint());
        let lines: Vec<FarLine> = open
            .send
            .iter()
            .map(|line| FarLine {
                ssrc: line.ssrc,
                rtx_ssrc: line.rtx_ssrc,
                clock_rate: line.codecs.first().map_or(48_000, |codec| codec.clock_rate),
            })
            .collect();
        let now = now();
        let settings = FarSettings {
            ice: open.ice.clone(),
            identity: self.identity.clone(),
            is_passive: false,
            extensions: extension_ids(),
            instant: self.instant + now.since(self.started),
            opens_all: false,
        };
        let id = open.endpoint;
        worker.ask(Request::EndpointOpen(Box::new(open)))?;
        let udp = Udp::bind(([127, 0, 0, 1], 0).into())?;
        self.seats.push(Seat {
            far: FarEnd::new(now, settings, lines),
            udp,
            id,
        });
        Ok(self.seats.len() - 1)
    }

    pub(crate) fn id(&self, seat: usize) -> EndpointId {
        self.seats[seat].id
    }

    /// Waits until all are connected.
    pub(crate) fn connect(&mut self) -> Result<(), Failure> {
        let end = now() + CONNECT;
        while !self.seats.iter().all(|seat| seat.far.is_connected()) {
            if now() > end {
                let missing = self
                    .seats
                    .iter()
                    .filter(|seat| !seat.far.is_connected())
                    .count();
                return Err(format!("{missing} did not connect").into());
            }
            self.round()?;
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, seat: usize, packet: &FarPacket<'_>) {
        self.seats[seat].far.send(now(), packet);
    }

    /// Key frames that were asked of `seat`.
    pub(crate) fn key_frames_wanted(&mut self, seat: usize) -> usize {
        let mut wanted = 0;
        while let Some(event) = self.seats[seat].far.event() {
            match event {
                FarEvent::KeyFrameWanted { .. } => wanted += 1,
                FarEvent::Unsound(what) => self.unsound.push(what),
                _ => {}
            }
        }
        wanted
    }

    /// Packets that the seats from `first` on have received.
    pub(crate) fn received(&mut self, first: usize) -> u64 {
        for seat in first..self.seats.len() {
            self.key_frames_wanted(seat);
        }
        self.seats
            .iter()
            .skip(first)
            .map(|seat| seat.far.counters().packets)
            .sum()
    }

    /// Reads, answers and sends once for everybody, and sleeps a little.
    pub(crate) fn round(&mut self) -> Result<(), Failure> {
        for seat in &mut self.seats {
            loop {
                let count = seat.udp.receive(&mut self.batch)?;
                let now = now();
                for index in 0..count {
                    if let Some((bytes, _)) = self.batch.get(index) {
                        seat.far.handle(now, bytes)?;
                    }
                }
                if count < self.batch.capacity() {
                    break;
                }
            }
            let now = now();
            if seat.far.deadline() <= now {
                seat.far.advance(now)?;
            }
            while let Some(bytes) = seat.far.transmit() {
                let run = Run {
                    to: self.server,
                    start: 0,
                    len: bytes.len(),
                    segment: bytes.len(),
                };
                seat.udp.send(&bytes, std::iter::once(run));
            }
        }
        #[allow(clippy::disallowed_methods, reason = "the load generator is no engine")]
        std::thread::sleep(ROUND);
        Ok(())
    }
}

/// The machine's clock.
pub(crate) fn now() -> Micros {
    Micros(monotonic_us())
}
