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

// All of 127/8 is this machine on Linux only.
#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::os::fd::{FromRawFd as _, OwnedFd};

    use super::*;

    /// A socket that connects from an address of our choice, which std cannot.
    struct Bound(OwnedFd);

    fn bound_socket(from: SocketAddr) -> Bound {
        let SocketAddr::V4(v4) = from else {
            panic!("IPv4 only");
        };
        // SAFETY: no pointers; the descriptor is ours alone.
        let socket =
            unsafe { OwnedFd::from_raw_fd(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0)) };
        let name = ipv4(v4);
        // SAFETY: a whole sockaddr_in with its size.
        let result = unsafe {
            libc::bind(
                socket.as_raw_fd(),
                (&raw const name).cast(),
                size_of::<libc::sockaddr_in>() as libc::socklen_t,
            )
        };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        Bound(socket)
    }

    fn ipv4(address: std::net::SocketAddrV4) -> libc::sockaddr_in {
        // SAFETY: plain integers, for which all zeroes is a value.
        let mut name: libc::sockaddr_in = unsafe { std::mem::zeroed() };
        name.sin_family = libc::AF_INET as libc::sa_family_t;
        name.sin_port = address.port().to_be();
        name.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
        name
    }

    impl Bound {
        fn connect(self, to: SocketAddr) -> TcpStream {
            let SocketAddr::V4(v4) = to else {
                panic!("IPv4 only");
            };
            let name = ipv4(v4);
            // SAFETY: a whole sockaddr_in with its size.
            let result = unsafe {
                libc::connect(
                    self.0.as_raw_fd(),
                    (&raw const name).cast(),
                    size_of::<libc::sockaddr_in>() as libc::socklen_t,
                )
            };
            assert_eq!(result, 0, "{}", io::Error::last_os_error());
            TcpStream::from(self.0)
        }
    }

    const LIMITS: TcpLimits = TcpLimits {
        connections_max: 2,
        unconfirmed_max: 2,
        unconfirmed_per_address_max: 2,
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

    fn open_tcp(limits: TcpLimits) -> (Ports, SocketAddr) {
        let mut ports = Ports::new().unwrap();
        let address = ports
            .open_tcp("127.0.0.1:0".parse().unwrap(), limits)
            .unwrap();
        (ports, address)
    }

    /// Connects from one of loopback's addresses, and waits until the port has dealt with it.
    fn connect_from(ports: &mut Ports, to: SocketAddr, last: u8) -> TcpStream {
        let socket = bound_socket(SocketAddr::from(([127, 0, 0, last], 0)));
        let before = seen(ports);
        let stream = socket.connect(to);
        while seen(ports) == before {
            ports.wait(None, || 1, &mut |_| {}).unwrap();
        }
        stream
    }

    /// Connections that ever were: those that are, and those that had to go.
    fn seen(ports: &Ports) -> u64 {
        let tcp = ports.tcp.as_ref().unwrap();
        tcp.connections() as u64 + tcp.refused
    }

    fn is_open(stream: &mut TcpStream) -> bool {
        stream.set_nonblocking(true).unwrap();
        match stream.read(&mut [0; 1]) {
            Ok(length) => length > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    #[test]
    fn connections_that_prove_nothing_are_closed_and_confirmed_ones_stay() {
        let (mut ports, address) = open_tcp(LIMITS);
        let mut clients = [1, 2].map(|last| connect_from(&mut ports, address, last));
        let tcp = ports.tcp.as_mut().unwrap();
        tcp.confirm(crate::ConnectionId(1));
        tcp.close_unconfirmed(2);
        assert_eq!(tcp.connections(), 1);
        assert!(is_open(&mut clients[0]));
        clients[1].set_nonblocking(false).unwrap();
        clients[1].read_exact(&mut [0; 1]).unwrap_err();
        // Whoever has proven something is not closed for somebody who has not.
        let _second = connect_from(&mut ports, address, 3);
        ports.tcp.as_mut().unwrap().confirm(crate::ConnectionId(3));
        let mut late = connect_from(&mut ports, address, 4);
        late.set_nonblocking(false).unwrap();
        late.read_exact(&mut [0; 1]).unwrap_err();
        assert!(is_open(&mut clients[0]));
    }

    #[test]
    fn one_address_has_its_share_and_its_oldest_connection_makes_room() {
        let (mut ports, address) = open_tcp(TcpLimits {
            connections_max: 100,
            unconfirmed_max: 50,
            unconfirmed_per_address_max: 4,
            ..LIMITS
        });
        let mut other = connect_from(&mut ports, address, 9);
        let mut greedy: Vec<TcpStream> = (0..60)
            .map(|_| connect_from(&mut ports, address, 1))
            .collect();
        let open = greedy.iter_mut().map(is_open).filter(|is| *is).count();
        assert_eq!(open, 4);
        assert!(is_open(&mut greedy[59]) && !is_open(&mut greedy[0]));
        assert!(is_open(&mut other));
        assert_eq!(ports.tcp.as_ref().unwrap().connections(), 5);
    }

    #[test]
    fn many_addresses_together_do_not_keep_the_next_one_out() {
        let (mut ports, address) = open_tcp(TcpLimits {
            connections_max: 100,
            unconfirmed_max: 8,
            unconfirmed_per_address_max: 4,
            ..LIMITS
        });
        let mut first = connect_from(&mut ports, address, 1);
        ports.tcp.as_mut().unwrap().confirm(crate::ConnectionId(1));
        let mut crowd: Vec<TcpStream> = (10..40)
            .map(|last| connect_from(&mut ports, address, last))
            .collect();
        assert!(is_open(&mut first));
        assert!(is_open(&mut crowd[29]) && !is_open(&mut crowd[0]));
        assert_eq!(ports.tcp.as_ref().unwrap().connections(), 9);
        // All room given back: nothing is counted twice.
        ports.tcp.as_mut().unwrap().close_unconfirmed(2);
        assert_eq!(ports.tcp.as_ref().unwrap().connections(), 1);
        let mut next = connect_from(&mut ports, address, 10);
        assert!(is_open(&mut next));
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
