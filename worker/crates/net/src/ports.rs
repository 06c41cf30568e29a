//! All sockets of a worker and the one place where it waits.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Poll, Token, Waker};

use crate::tcp::{Tcp, TcpEvent, TcpLimits};
use crate::udp::Udp;

const WAKER: Token = Token(usize::MAX);
/// TCP readiness taken at a time.
const EVENTS_MAX: usize = 256;

/// Wakes a waiting worker from another thread.
#[derive(Clone)]
pub struct Wake(Arc<Waker>);

impl Wake {
    /// Ends the present or next wait.
    /// Errors: those of the system's wake call; the worker then wakes at its next deadline.
    pub fn wake(&self) -> io::Result<()> {
        self.0.wake()
    }
}

/// The sockets of one worker.
pub struct Ports {
    poll: Poll,
    events: Events,
    wake: Wake,
    /// The UDP socket, once opened.
    pub udp: Option<Udp>,
    /// The TCP port, where there is one.
    pub tcp: Option<Tcp>,
}

impl Ports {
    /// Makes a set without sockets, which can already wait and be woken.
    /// Errors: those of making a poll.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let wake = Wake(Arc::new(Waker::new(poll.registry(), WAKER)?));
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            wake,
            udp: None,
            tcp: None,
        })
    }

    /// A handle for waking this set from another thread.
    #[must_use]
    pub fn waker(&self) -> Wake {
        self.wake.clone()
    }

    /// Opens the UDP socket.
    /// Errors: those of bind(2).
    pub fn open_udp(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        let udp = Udp::bind(address)?;
        let bound = udp.local_address()?;
        self.udp = Some(udp);
        Ok(bound)
    }

    /// Opens the TCP port.
    /// Errors: those of bind(2).
    pub fn open_tcp(&mut self, address: SocketAddr, limits: TcpLimits) -> io::Result<SocketAddr> {
        let tcp = Tcp::bind(address, limits, self.poll.registry())?;
        let bound = tcp.local_address()?;
        self.tcp = Some(tcp);
        Ok(bound)
    }

    /// Waits until something is ready or the time is over; with `None`, until something is ready.
    /// Reports what came by TCP; UDP is read by the caller.
    /// Errors: those of poll(2) but for interruption, which ends the wait.
    pub fn wait(
        &mut self,
        timeout: Option<Duration>,
        now_us: impl Fn() -> u64,
        report: &mut dyn FnMut(TcpEvent<'_>),
    ) -> io::Result<()> {
        let others_ready = self.sleep(timeout)?;
        if !others_ready {
            return Ok(());
        }
        match self.poll.poll(&mut self.events, Some(Duration::ZERO)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        if let Some(tcp) = &mut self.tcp {
            for event in &self.events {
                if event.token() != WAKER {
                    tcp.ready(event.token(), event.is_writable(), now_us(), report);
                }
            }
        }
        Ok(())
    }

    /// Sleeps on the UDP socket and on the poll of everything else, which is a descriptor too:
    /// so the wait has microseconds, and its cost does not grow with the connections.
    fn sleep(&self, timeout: Option<Duration>) -> io::Result<bool> {
        let udp = self.udp.as_ref().map_or(-1, |udp| udp.socket.as_raw_fd());
        let mut ready = [
            libc::pollfd {
                fd: self.poll.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            },
            libc::pollfd {
                fd: udp,
                events: libc::POLLIN,
                revents: 0,
            },
        ];
        let result = poll_descriptors(&mut ready, timeout);
        if result < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        Ok(ready[0].revents != 0)
    }
}

#[cfg(target_os = "linux")]
fn poll_descriptors(ready: &mut [libc::pollfd; 2], timeout: Option<Duration>) -> libc::c_int {
    let time = timeout.map(|timeout| libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    });
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: two valid pollfds with their count; the timespec is null or lives through the call.
    unsafe { libc::ppoll(ready.as_mut_ptr(), 2, time, std::ptr::null()) }
}

#[cfg(not(target_os = "linux"))]
fn poll_descriptors(ready: &mut [libc::pollfd; 2], timeout: Option<Duration>) -> libc::c_int {
    let ms = timeout.map_or(-1, |timeout| {
        // Rounded up: waking before the deadline would make the caller spin.
        libc::c_int::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(libc::c_int::MAX)
    });
    // SAFETY: two valid pollfds with their count.
    unsafe { libc::poll(ready.as_mut_ptr(), 2, ms) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    const LIMITS: TcpLimits = TcpLimits {
        connections_max: 2,
        backlog_bytes_max: 4096,
    };

    fn wait_for_packet(ports: &mut Ports) -> (crate::ConnectionId, Vec<u8>) {
        let mut got = None;
        while got.is_none() {
            let wait = ports.wait(None, || 1, &mut |event| {
                if let TcpEvent::Packet {
                    connection, bytes, ..
                } = event
                {
                    got = Some((connection, bytes.to_vec()));
                }
            });
            wait.unwrap();
        }
        got.unwrap()
    }

    #[test]
    fn framed_packets_travel_both_ways() {
        let mut ports = Ports::new().unwrap();
        let address = ports
            .open_tcp("127.0.0.1:0".parse().unwrap(), LIMITS)
            .unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(&[0, 2, 7]).unwrap();
        client.write_all(&[8]).unwrap();
        let (connection, bytes) = wait_for_packet(&mut ports);
        assert_eq!(bytes, [7, 8]);
        assert!(ports.tcp.as_mut().unwrap().send(connection, &[1, 2, 3]));
        let mut answer = [0; 5];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [0, 3, 1, 2, 3]);
    }

    #[test]
    fn a_connection_that_breaks_the_framing_is_closed() {
        let mut ports = Ports::new().unwrap();
        let address = ports
            .open_tcp("127.0.0.1:0".parse().unwrap(), LIMITS)
            .unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut closed = false;
        while !closed {
            let wait = ports.wait(None, || 1, &mut |event| {
                closed = matches!(event, TcpEvent::Closed { .. });
            });
            wait.unwrap();
        }
        assert_eq!(ports.tcp.as_ref().unwrap().connections(), 0);
        assert!(matches!(client.read(&mut [0; 1]), Ok(0) | Err(_)));
    }

    #[test]
    fn a_slow_reader_loses_packets_and_nobody_waits() {
        let mut ports = Ports::new().unwrap();
        let address = ports
            .open_tcp("127.0.0.1:0".parse().unwrap(), LIMITS)
            .unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(&[0, 1, 7]).unwrap();
        let (connection, _) = wait_for_packet(&mut ports);
        let tcp = ports.tcp.as_mut().unwrap();
        let mut sent = 0;
        while tcp.send(connection, &[0; 1400]) {
            sent += 1;
        }
        assert!(sent > 2);
        assert_eq!(tcp.lost, 1);
    }

    #[test]
    fn connections_that_prove_nothing_are_closed_and_too_many_are_refused() {
        let mut ports = Ports::new().unwrap();
        let address = ports
            .open_tcp("127.0.0.1:0".parse().unwrap(), LIMITS)
            .unwrap();
        let mut clients: Vec<TcpStream> = (0..3)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        while ports.tcp.as_ref().unwrap().refused == 0 {
            ports.wait(None, || 1, &mut |_| {}).unwrap();
        }
        let tcp = ports.tcp.as_mut().unwrap();
        assert_eq!(tcp.connections(), 2);
        tcp.confirm(crate::ConnectionId(1));
        tcp.close_unconfirmed(2);
        assert_eq!(tcp.connections(), 1);
        clients[1].read_exact(&mut [0; 1]).unwrap_err();
    }

    #[test]
    fn a_wake_from_another_thread_ends_the_wait() {
        let mut ports = Ports::new().unwrap();
        let wake = ports.waker();
        let thread = std::thread::spawn(move || wake.wake().unwrap());
        ports.wait(None, || 1, &mut |_| {}).unwrap();
        thread.join().unwrap();
    }
}
