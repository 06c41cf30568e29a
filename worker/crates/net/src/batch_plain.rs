//! The same batches where the system has no batch calls: one datagram a call.

use std::io;
use std::iter::Peekable;
use std::net::{SocketAddr, UdpSocket};

use crate::udp::{DATAGRAM_BYTES_MAX, Run, SendCount};

/// No segmentation offload here.
pub(crate) const OFFLOAD: bool = false;
/// Runs taken at a time.
const RUNS_MAX: usize = 256;

/// Buffers for one batch of received datagrams.
pub struct ReceiveBatch {
    buffers: Vec<[u8; DATAGRAM_BYTES_MAX]>,
    received: Vec<(usize, SocketAddr)>,
}

impl ReceiveBatch {
    /// Makes room for `size` datagrams.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self {
            buffers: vec![[0; DATAGRAM_BYTES_MAX]; size],
            received: Vec::with_capacity(size),
        }
    }

    /// How many datagrams fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buffers.len()
    }

    /// The `index`th datagram of the last receive and where it came from.
    pub fn get(&mut self, index: usize) -> Option<(&mut [u8], SocketAddr)> {
        let (length, from) = *self.received.get(index)?;
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        Some((self.buffers.get_mut(index)?.get_mut(..length)?, from))
    }

    pub(crate) fn fill(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        self.received.clear();
        for buffer in &mut self.buffers {
            match socket.recv_from(buffer) {
                Ok(received) => self.received.push(received),
                Err(error) if self.received.is_empty() => return Err(error),
                Err(_) => break, // the next call meets it again
            }
        }
        Ok(self.received.len())
    }
}

/// Runs of one flush.
#[derive(Default)]
pub(crate) struct SendScratch {
    runs: Vec<Run>,
}

impl SendScratch {
    pub(crate) fn load(
        &mut self,
        bytes: &[u8],
        runs: &mut Peekable<impl Iterator<Item = Run>>,
        _offload: bool,
        count: &mut SendCount,
    ) {
        self.runs.clear();
        while self.runs.len() < RUNS_MAX {
            let Some(run) = runs.next() else { return };
            let inside = run
                .start
                .checked_add(run.len)
                .is_some_and(|end| end <= bytes.len());
            if inside && run.segment > 0 {
                self.runs.push(run);
            } else {
                count.refused += 1;
            }
        }
    }

    pub(crate) fn flush(
        &mut self,
        socket: &UdpSocket,
        bytes: &[u8],
        count: &mut SendCount,
    ) -> bool {
        for run in &self.runs {
            for datagram in bytes[run.start..run.start + run.len].chunks(run.segment) {
                count.calls += 1;
                match socket.send_to(datagram, run.to) {
                    Ok(_) => count.sent += 1,
                    Err(_) => count.refused += 1,
                }
            }
        }
        false
    }
}

/// The system's default sizes stay where there is no batch interface either.
pub(crate) fn enlarge_buffers(_socket: &UdpSocket, _bytes: usize) {}
