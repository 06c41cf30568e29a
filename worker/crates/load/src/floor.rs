//! The machine's floor: what a forwarded packet costs when nothing is done but what cannot be left
//! out. A header is written and the payload encrypted from one shared copy into the send buffer, and
//! the buffer goes out with segmentation offload.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use parley_net::{ReceiveBatch, Run, Udp};

use crate::Failure;
use crate::crowd::{ROUND, now};

const TAG_BYTES: usize = 16;
/// RTP header with one extension, like the worker's.
const HEADER: [u8; 20] = [
    0x90, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x31, 0, 1, 0,
];
/// Enough for an even figure.
const SECONDS_MAX: u64 = 3;

/// What is sent to whom.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Addresses, each with a key.
    pub(crate) receivers: u32,
    /// Packets to each at a time.
    pub(crate) together: usize,
    /// Between two times. Units: microseconds.
    pub(crate) step_us: u64,
    /// Of each packet.
    pub(crate) payload_bytes: usize,
    pub(crate) seconds: u64,
}

/// CPU time for each packet, user and system. Units: microseconds.
///
/// Other work on the machine moves it by a third within a minute: measure right before and right
/// after what it is compared with.
pub(crate) fn measure(shape: Shape) -> Result<f64, Failure> {
    let Shape {
        receivers,
        together,
        step_us,
        ..
    } = shape;
    let packet_bytes = HEADER.len() + shape.payload_bytes + TAG_BYTES;
    let sockets = (0..receivers).map(|_| Udp::bind(([127, 0, 0, 1], 0).into()));
    let sockets: Vec<Udp> = sockets.collect::<Result<_, _>>()?;
    let addresses: Vec<_> = sockets
        .iter()
        .map(Udp::local_address)
        .collect::<Result<_, _>>()?;
    let is_over = Arc::new(AtomicBool::new(false));
    let drain = {
        let is_over = Arc::clone(&is_over);
        std::thread::spawn(move || drain(&sockets, &is_over))
    };
    let keys: Vec<LessSafeKey> = (0..receivers)
        .map(|index| UnboundKey::new(&AES_256_GCM, &[index as u8; 32]).map(LessSafeKey::new))
        .collect::<Result<_, _>>()
        .map_err(|_| "no key")?;
    let mut udp = Udp::bind(([127, 0, 0, 1], 0).into())?;
    let payload = vec![7; shape.payload_bytes];
    let mut buffer = vec![0; packet_bytes * together * receivers as usize];
    let runs: Vec<Run> = addresses
        .iter()
        .enumerate()
        .map(|(index, to)| Run {
            to: *to,
            start: index * together * packet_bytes,
            len: together * packet_bytes,
            segment: packet_bytes,
        })
        .collect();
    let (mut sequence, mut sent) = (0_u32, 0_u64);
    let start = now();
    let end = start + Duration::from_secs(shape.seconds.min(SECONDS_MAX));
    let cpu = thread_cpu_us()?;
    let mut due = start;
    while now() < end {
        for (key, part) in keys.iter().zip(buffer.chunks_mut(together * packet_bytes)) {
            for (offset, packet) in part.chunks_mut(packet_bytes).enumerate() {
                seal(key, packet, &payload, sequence + offset as u32)?;
            }
        }
        sent += udp.send(&buffer, runs.iter().copied()).sent;
        sequence += together as u32;
        due += Duration::from_micros(step_us);
        #[allow(clippy::disallowed_methods, reason = "the load generator is no engine")]
        std::thread::sleep(due.since(now()));
    }
    let cpu = thread_cpu_us()? - cpu;
    is_over.store(true, Ordering::Relaxed);
    drain.join().map_err(|_| "the draining thread failed")??;
    Ok(cpu / sent.max(1) as f64)
}

fn seal(key: &LessSafeKey, packet: &mut [u8], payload: &[u8], index: u32) -> Result<(), Failure> {
    let (header, rest) = packet.split_at_mut(HEADER.len());
    header.copy_from_slice(&HEADER);
    header[2..4].copy_from_slice(&(index as u16).to_be_bytes());
    let (body, tag) = rest.split_at_mut(payload.len());
    body.copy_from_slice(payload);
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&index.to_be_bytes());
    let nonce = Nonce::assume_unique_for_key(nonce);
    let sealed = key
        .seal_in_place_separate_tag(nonce, Aad::from(&*header), body)
        .map_err(|_| "could not encrypt")?;
    tag.copy_from_slice(sealed.as_ref());
    Ok(())
}

fn drain(sockets: &[Udp], is_over: &AtomicBool) -> std::io::Result<()> {
    let mut batch = ReceiveBatch::new(64);
    while !is_over.load(Ordering::Relaxed) {
        for socket in sockets {
            while socket.receive(&mut batch)? == batch.capacity() {}
        }
        #[allow(clippy::disallowed_methods, reason = "the load generator is no engine")]
        std::thread::sleep(ROUND);
    }
    Ok(())
}

/// CPU time of this thread, user and system. Units: microseconds.
fn thread_cpu_us() -> Result<f64, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text
        .split(' ')
        .next()
        .ok_or("an empty schedstat")?
        .parse()?;
    Ok(nanoseconds / 1_000.0)
}
