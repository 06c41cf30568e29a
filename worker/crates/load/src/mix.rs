//! Three talkers, many listeners of one mix: share of a core.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parley_simulate::far::FarPacket;
use parley_simulate::offer::{OPUS, Role};
use parley_simulate::source::Voice;
use serde::Serialize;

use crate::Failure;
use crate::crowd::{Crowd, now};
use crate::floor::{self, Shape};
use crate::worker::Worker;

const WARM_US: u64 = 2_000_000;
const BEAT_US: u64 = 20_000;
/// Of a packet of the mix at 32 kb/s.
const PAYLOAD_BYTES: usize = 80;
const TALKERS: [f64; 3] = [400.0, 700.0, 1_100.0];

/// What one case cost.
#[derive(Serialize)]
pub(crate) struct Mixed {
    talkers: usize,
    listeners: u32,
    /// CPU of the worker, sends included. Units: percent of a core.
    worker_percent_of_a_core: f64,
    /// CPU for encrypting and sending as many packets of the same size, and nothing else.
    /// Units: percent of a core.
    floor_percent_of_a_core: f64,
    /// What mixing itself takes: the difference. Units: percent of a core.
    mixing_percent_of_a_core: f64,
    /// CPU of the worker for each packet of the mix that left it. Units: microseconds.
    worker_us_per_packet: f64,
    packets_sent: u64,
    /// Of 50 packets a second for each listener. Units: percent.
    delivered_percent: f64,
    surprises: usize,
}

pub(crate) fn measure(binary: &str, listeners: u32, seconds: u64) -> Result<Mixed, Failure> {
    let shape = Shape {
        receivers: listeners,
        together: 1,
        step_us: BEAT_US,
        payload_bytes: PAYLOAD_BYTES,
        seconds,
    };
    let floor_before_us = floor::measure(shape)?;
    let mut worker = Worker::start(binary)?;
    let mut talkers = Crowd::new(&worker, 1)?;
    for hz in TALKERS {
        talkers.join(
            &mut worker,
            Role {
                voice_hz: Some(hz),
                mix: true,
                ..Role::default()
            },
        )?;
    }
    talkers.connect()?;
    let mut crowd = Crowd::new(&worker, TALKERS.len() as u32 + 1)?;
    // The talkers have a thread of their own: their packets must not wait for a round over a
    // thousand sockets, or the mix falls silent in between.
    let is_over = Arc::new(AtomicBool::new(false));
    let talking = {
        let is_over = Arc::clone(&is_over);
        std::thread::spawn(move || talk(&mut talkers, &is_over).map_err(|error| error.to_string()))
    };
    for _ in 0..listeners {
        crowd.join(
            &mut worker,
            Role {
                mix: true,
                ..Role::default()
            },
        )?;
    }
    crowd.connect()?;
    listen(&mut crowd, WARM_US)?;
    let (before, received) = (worker.stats()?, crowd.received(0));
    listen(&mut crowd, seconds * 1_000_000)?;
    let (after, received) = (worker.stats()?, crowd.received(0) - received);
    is_over.store(true, Ordering::Relaxed);
    talking.join().map_err(|_| "the talkers' thread failed")??;
    let count = |stats: &parley_wire::Stats| {
        stats
            .counters
            .get("rtp_mixed")
            .copied()
            .ok_or("no counter of mixed packets")
    };
    let sent = count(&after)? - count(&before)?;
    let cpu_us = (after.cpu_us - before.cpu_us) as f64;
    drop(worker);
    let floor_us = (floor_before_us + floor::measure(shape)?) / 2.0;
    let percent = |us: f64| us / (seconds as f64 * 10_000.0);
    let floor_percent = percent(floor_us * sent as f64);
    Ok(Mixed {
        talkers: TALKERS.len(),
        listeners,
        worker_percent_of_a_core: percent(cpu_us),
        floor_percent_of_a_core: floor_percent,
        mixing_percent_of_a_core: percent(cpu_us) - floor_percent,
        worker_us_per_packet: cpu_us / sent.max(1) as f64,
        packets_sent: sent,
        delivered_percent: received as f64 * 100.0
            / (seconds * 50 * u64::from(listeners)).max(1) as f64,
        surprises: crowd.unsound.len(),
    })
}

fn listen(crowd: &mut Crowd, us: u64) -> Result<(), Failure> {
    let end = now().0 + us;
    while now().0 < end {
        crowd.round()?;
    }
    Ok(())
}

fn talk(crowd: &mut Crowd, is_over: &AtomicBool) -> Result<(), Failure> {
    let mut voices = Vec::new();
    for hz in TALKERS {
        voices.push(Voice::new(now(), hz)?);
    }
    while !is_over.load(Ordering::Relaxed) {
        for (seat, voice) in voices.iter_mut().enumerate() {
            while let Some(frame) = voice.advance(now())? {
                crowd.send(
                    seat,
                    &FarPacket {
                        ssrc: (seat as u32 + 1) * 1_000 + 1,
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
        }
        crowd.round()?;
        for seat in 0..TALKERS.len() {
            crowd.key_frames_wanted(seat);
        }
    }
    Ok(())
}
