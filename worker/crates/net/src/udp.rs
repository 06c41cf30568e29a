//! One UDP socket, used by one thread.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use crate::batch::{self, ReceiveBatch, SendScratch};

/// Largest datagram that is received whole, bytes. WebRTC packets stay below 1,500; a longer one
/// is cut and then fails its authentication.
pub const DATAGRAM_BYTES_MAX: usize = 1600;

/// Socket buffer asked for in each direction, bytes: a key frame to some hundred viewers.
const SOCKET_BUFFER_BYTES: usize = 8 << 20;

/// Datagrams that lie one after the other in a send buffer and go to one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where they go.
    pub to: SocketAddr,
    /// First byte in the buffer.
    pub start: usize,
    /// Bytes of all datagrams together.
    pub len: usize,
    /// Bytes of each datagram; the last may be shorter.
    pub segment: usize,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendCount {
    /// Datagrams handed to the kernel.
    pub sent: u64,
    /// Datagrams the kernel refused; they are lost, as on any network.
    pub refused: u64,
    /// System calls made.
    pub calls: u64,
}

/// A bound UDP socket.
pub struct Udp {
    pub(crate) socket: UdpSocket,
    scratch: SendScratch,
    offload: bool,
}

impl Udp {
    /// Binds an address; port 0 takes any. The socket's buffers are made as large as allowed.
    /// Errors: those of bind(2).
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        batch::enlarge_buffers(&socket, SOCKET_BUFFER_BYTES);
        Ok(Self {
            socket,
            scratch: SendScratch::default(),
            offload: batch::OFFLOAD,
        })
    }

    /// The bound address.
    /// Errors: those of getsockname(2).
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Receives what is there, up to the size of the batch, without waiting. Returns how many.
    /// Errors: those of recvmmsg(2) but for "nothing there", which is 0.
    pub fn receive(&self, batch: &mut ReceiveBatch) -> io::Result<usize> {
        match batch.fill(&self.socket) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            // A port of ours that was unreachable a moment ago; the next read works.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            other => other,
        }
    }

    /// Sends runs of datagrams out of one buffer. A run outside the buffer counts as refused.
    /// Never fails as a whole: what the kernel refuses is counted and lost.
    pub fn send(&mut self, bytes: &[u8], runs: impl Iterator<Item = Run>) -> SendCount {
        let mut count = SendCount::default();
        let mut runs = runs.peekable();
        while runs.peek().is_some() {
            self.scratch
                .load(bytes, &mut runs, self.offload, &mut count);
            let refused_offload = self.scratch.flush(&self.socket, bytes, &mut count);
            if refused_offload {
                // This interface has no checksum offload; from now on one datagram a message.
                self.offload = false;
            }
        }
        count
    }

    /// Whether segmentation offload is in use.
    pub fn offload(&self) -> bool {
        self.offload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive_all(udp: &Udp, wanted: usize) -> Vec<(Vec<u8>, SocketAddr)> {
        let mut batch = ReceiveBatch::new(8);
        let mut got = Vec::new();
        while got.len() < wanted {
            let count = udp.receive(&mut batch).unwrap();
            for index in 0..count {
                let (bytes, from) = batch.get(index).unwrap();
                got.push((bytes.to_vec(), from));
            }
        }
        got
    }

    fn runs_arrive_as_datagrams(address: &str, offload: bool) {
        let mut sender = Udp::bind(address.parse().unwrap()).unwrap();
        sender.offload = offload;
        let receiver = Udp::bind(address.parse().unwrap()).unwrap();
        let to = receiver.local_address().unwrap();
        let buffer: Vec<u8> = (0..=255).cycle().take(3500).collect();
        let runs = [
            Run {
                to,
                start: 0,
                len: 2500,
                segment: 1000,
            },
            Run {
                to,
                start: 2500,
                len: 1000,
                segment: 1000,
            },
        ];
        let count = sender.send(&buffer, runs.into_iter());
        assert_eq!((count.sent, count.refused), (4, 0));
        let got = receive_all(&receiver, 4);
        let lengths: Vec<usize> = got.iter().map(|(bytes, _)| bytes.len()).collect();
        assert_eq!(lengths, [1000, 1000, 500, 1000]);
        let joined: Vec<u8> = got.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        assert_eq!(joined, buffer);
        assert!(
            got.iter()
                .all(|(_, from)| *from == sender.local_address().unwrap())
        );
    }

    #[test]
    fn a_run_arrives_as_its_datagrams_with_offload() {
        runs_arrive_as_datagrams("127.0.0.1:0", batch::OFFLOAD);
    }

    #[test]
    fn a_run_arrives_as_its_datagrams_without_offload() {
        runs_arrive_as_datagrams("127.0.0.1:0", false);
    }

    #[test]
    fn ipv6_works_the_same() {
        if UdpSocket::bind("[::1]:0").is_ok() {
            runs_arrive_as_datagrams("[::1]:0", batch::OFFLOAD);
        }
    }

    #[test]
    fn a_run_outside_the_buffer_is_refused_and_the_others_are_sent() {
        let mut sender = Udp::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let receiver = Udp::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let to = receiver.local_address().unwrap();
        let runs = [
            Run {
                to,
                start: 90,
                len: 20,
                segment: 20,
            },
            Run {
                to,
                start: 0,
                len: 10,
                segment: 10,
            },
            Run {
                to,
                start: usize::MAX,
                len: 2,
                segment: 2,
            },
            Run {
                to,
                start: 0,
                len: 10,
                segment: 0,
            },
        ];
        let count = sender.send(&[7; 100], runs.into_iter());
        assert_eq!((count.sent, count.refused), (1, 3));
        assert_eq!(receive_all(&receiver, 1)[0].0, [7; 10]);
    }

    #[test]
    fn an_empty_socket_gives_nothing_at_once() {
        let udp = Udp::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_eq!(udp.receive(&mut ReceiveBatch::new(4)).unwrap(), 0);
    }
}
