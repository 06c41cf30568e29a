//! One publisher, many viewers: CPU of the worker for each forwarded packet of 1,000 bytes.

use parley_rtp::time::Micros;
use parley_simulate::far::FarPacket;
use parley_simulate::offer::{Layers, RTX, Role, VP8};
use parley_simulate::source::{Camera, CameraPacket};
use parley_wire::{EndpointTiles, Request, Source, TileSource, TileWish};
use serde::Serialize;

use crate::crowd::{Crowd, now};
use crate::floor::{self, Shape};
use crate::worker::Worker;
use crate::{Failure, Pattern};

/// Packets of a frame, and frames a second: 240 packets a second.
const PACKETS_PER_FRAME: usize = 8;
const FRAME_US: u64 = 33_333;
/// Of each of a camera's packets.
const PAYLOAD_BYTES: usize = 1_000;
/// Before the measurement: connecting, the first key frame, the bandwidth estimate.
const WARM_US: u64 = 4_000_000;

#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) viewers: u32,
    pub(crate) pattern: Pattern,
    pub(crate) seconds: u64,
}

/// What one case cost.
#[derive(Serialize)]
pub(crate) struct Forwarded {
    pub(crate) viewers: u32,
    pattern: Pattern,
    /// CPU of the worker for each packet that left it. Units: microseconds.
    worker_us_per_packet: f64,
    /// CPU for each packet of rewriting, encrypting and sending alone. Units: microseconds.
    floor_us_per_packet: f64,
    ratio_to_floor: f64,
    packets_forwarded: u64,
    packets_published: u64,
    /// Of what was published, times viewers. Units: percent.
    delivered_percent: f64,
    /// Resident memory of the worker at the end. Units: bytes.
    pub(crate) memory_bytes_total: u64,
    surprises: usize,
}

pub(crate) fn measure(binary: &str, case: Case) -> Result<Forwarded, Failure> {
    let (together, step_us) = match case.pattern {
        Pattern::Burst => (PACKETS_PER_FRAME, FRAME_US),
        Pattern::Spread => (1, FRAME_US / PACKETS_PER_FRAME as u64),
    };
    let shape = Shape {
        receivers: case.viewers,
        together,
        step_us,
        payload_bytes: PAYLOAD_BYTES,
        seconds: case.seconds,
    };
    let floor_before_us = floor::measure(shape)?;
    let mut worker = Worker::start(binary)?;
    let mut crowd = Crowd::new(&worker, 1)?;
    let role = Role {
        camera: Some(Layers::One),
        ..Role::default()
    };
    let publisher = crowd.join(&mut worker, role)?;
    for _ in 0..case.viewers {
        crowd.join(
            &mut worker,
            Role {
                tiles: 1,
                ..Role::default()
            },
        )?;
    }
    crowd.connect()?;
    for viewer in 1..=case.viewers as usize {
        let show = TileSource {
            endpoint: crowd.id(publisher),
            source: Source::Camera,
        };
        let wish = TileWish {
            mid: "tile0".to_owned(),
            show: Some(show),
            width: 640,
            height: 360,
        };
        let wishes = EndpointTiles {
            endpoint: crowd.id(viewer),
            tiles: vec![wish],
        };
        worker.ask(Request::EndpointTiles(wishes))?;
    }
    let mut film = Film::new(now(), case.pattern);
    film.run(&mut crowd, WARM_US)?;
    let (before, received, published) = (worker.stats()?, crowd.received(1), film.published);
    film.run(&mut crowd, case.seconds * 1_000_000)?;
    let after = worker.stats()?;
    let published = film.published - published;
    // What is on its way still counts.
    film.stop(&mut crowd)?;
    let received = crowd.received(1) - received;
    let count = |stats: &parley_wire::Stats| {
        stats
            .counters
            .get("rtp_forwarded")
            .copied()
            .ok_or("no counter of forwarded packets")
    };
    let forwarded = count(&after)? - count(&before)?;
    let worker_us = (after.cpu_us - before.cpu_us) as f64 / forwarded.max(1) as f64;
    drop(worker);
    let floor_us = (floor_before_us + floor::measure(shape)?) / 2.0;
    if let Some(surprise) = crowd.unsound.first() {
        eprintln!("surprise: {surprise}");
    }
    Ok(Forwarded {
        viewers: case.viewers,
        pattern: case.pattern,
        worker_us_per_packet: worker_us,
        floor_us_per_packet: floor_us,
        ratio_to_floor: worker_us / floor_us,
        packets_forwarded: forwarded,
        packets_published: published,
        delivered_percent: received as f64 * 100.0
            / (published * u64::from(case.viewers)).max(1) as f64,
        memory_bytes_total: after.memory_bytes,
        surprises: crowd.unsound.len(),
    })
}

/// The publisher's camera, its packets spread or not.
struct Film {
    camera: Camera,
    pattern: Pattern,
    waiting: std::collections::VecDeque<(Micros, CameraPacket)>,
    published: u64,
}

impl Film {
    fn new(now: Micros, pattern: Pattern) -> Self {
        let mut camera = Camera::new(now, 1_010, None, (640, 360), PACKETS_PER_FRAME);
        camera.films = true;
        Self {
            camera,
            pattern,
            waiting: std::collections::VecDeque::new(),
            published: 0,
        }
    }

    fn run(&mut self, crowd: &mut Crowd, us: u64) -> Result<(), Failure> {
        let end = Micros(now().0 + us);
        while now() < end {
            if crowd.key_frames_wanted(0) > 0 {
                self.camera.want_key_frame();
            }
            let frame = self.camera.advance(now());
            let step = match self.pattern {
                Pattern::Burst => 0,
                Pattern::Spread => FRAME_US / PACKETS_PER_FRAME as u64,
            };
            for (part, packet) in frame.into_iter().enumerate() {
                let due = Micros(now().0 + step * part as u64);
                self.waiting.push_back((due, packet));
            }
            while let Some((_, packet)) = self.waiting.pop_front_if(|(due, _)| *due <= now()) {
                self.publish(crowd, &packet);
            }
            crowd.round()?;
        }
        Ok(())
    }

    fn stop(&mut self, crowd: &mut Crowd) -> Result<(), Failure> {
        self.camera.films = false;
        self.waiting.clear();
        self.run(crowd, 300_000)
    }

    fn publish(&mut self, crowd: &mut Crowd, packet: &CameraPacket) {
        self.published += 1;
        crowd.send(
            0,
            &FarPacket {
                ssrc: self.camera.ssrc,
                rtx: Some((self.camera.ssrc + 100, RTX)),
                payload_type: VP8,
                marker: packet.marker,
                timestamp: packet.timestamp,
                mid: Some("cam"),
                rid: None,
                level: None,
                payload: &packet.payload,
            },
        );
    }
}
