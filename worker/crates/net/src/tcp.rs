//! ICE-TCP, passive side (RFC 6544): connections that carry framed packets (RFC 4571).

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};

use crate::framing::FrameReader;

pub(crate) const LISTENER: Token = Token(0);
/// Read at a time from one connection, bytes.
const READ_BYTES: usize = 16 << 10;
/// Reads of one connection in a row, so that one fast sender does not starve the rest.
const READS_MAX: usize = 8;

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub struct TcpLimits {
    /// Connections at a time. Beyond, the oldest that has proven nothing makes room; where all have,
    /// the next is closed on arrival.
    pub connections_max: usize,
    /// Connections at a time that have proven nothing. Beyond, the oldest makes room.
    pub unconfirmed_max: usize,
    /// The same, from one address: of IPv6 one /64, which is what one customer of a network has.
    pub unconfirmed_per_address_max: usize,
    /// Bytes waiting for a slow reader; what comes beyond is lost packet by packet.
    pub backlog_bytes_max: usize,
}

/// Names one connection; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u32);

/// What happened on the TCP port.
#[derive(Debug)]
pub enum TcpEvent<'a> {
    /// A whole packet.
    Packet {
        /// The connection.
        connection: ConnectionId,
        /// Its far address.
        from: SocketAddr,
        /// The packet.
        bytes: &'a mut [u8],
    },
    /// A connection is gone.
    Closed {
        /// The connection.
        connection: ConnectionId,
        /// Its far address.
        from: SocketAddr,
    },
}

struct Connection {
    socket: TcpStream,
    from: SocketAddr,
    reader: FrameReader,
    backlog: Vec<u8>,
    opened_us: u64,
    confirmed: bool,
}

/// Whose share of unconfirmed connections one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Share(IpAddr);

impl Share {
    fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self(ip),
            IpAddr::V6(v6) => {
                let network = u128::from(v6) >> 64 << 64;
                Self(IpAddr::V6(Ipv6Addr::from(network)))
            }
        }
    }
}

/// A listening TCP port and its connections.
pub struct Tcp {
    listener: TcpListener,
    connections: HashMap<u32, Connection>,
    /// Connections that have proven nothing, the oldest first.
    unconfirmed: VecDeque<(u32, Share)>,
    next: u32,
    limits: TcpLimits,
    registry: Registry,
    buffer: Box<[u8]>,
    /// Packets lost because a reader was too slow.
    pub lost: u64,
    /// Connections refused or closed because there were too many, because they broke the framing,
    /// or because they proved nothing in time.
    pub refused: u64,
}

impl Tcp {
    pub(crate) fn bind(
        address: SocketAddr,
        limits: TcpLimits,
        registry: &Registry,
    ) -> io::Result<Self> {
        let mut listener = TcpListener::bind(address)?;
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            listener,
            connections: HashMap::new(),
            unconfirmed: VecDeque::new(),
            next: 1,
            limits,
            registry: registry.try_clone()?,
            buffer: vec![0; READ_BYTES].into(),
            lost: 0,
            refused: 0,
        })
    }

    /// The bound address.
    /// Errors: those of getsockname(2).
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Connections at the moment.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Takes what became ready and reports it. `now_us` dates new connections.
    pub(crate) fn ready(
        &mut self,
        token: Token,
        writable: bool,
        now_us: u64,
        report: &mut dyn FnMut(TcpEvent<'_>),
    ) {
        if token == LISTENER {
            self.accept(now_us, report);
            return;
        }
        let Ok(id) = u32::try_from(token.0) else {
            return;
        };
        if writable {
            self.write_backlog(id);
        }
        if !self.read(id, report) {
            self.drop_connection(id, report);
        }
    }

    fn accept(&mut self, now_us: u64, report: &mut dyn FnMut(TcpEvent<'_>)) {
        // Ends with "would block", or with an error of one attempt that the next does not share.
        while let Ok((mut socket, from)) = self.listener.accept() {
            let from = SocketAddr::new(from.ip().to_canonical(), from.port());
            let share = Share::of(from.ip());
            if !self.make_room(share, report) {
                self.refused += 1;
                continue;
            }
            let id = self.next;
            let token = Token(id as usize);
            let interest = Interest::READABLE.add(Interest::WRITABLE);
            let ready = socket
                .set_nodelay(true)
                .and_then(|()| self.registry.register(&mut socket, token, interest));
            if ready.is_err() {
                self.refused += 1;
                continue;
            }
            self.next = self.next.wrapping_add(1).max(1);
            self.unconfirmed.push_back((id, share));
            let connection = Connection {
                socket,
                from,
                reader: FrameReader::default(),
                backlog: Vec::new(),
                opened_us: now_us,
                confirmed: false,
            };
            self.connections.insert(id, connection);
        }
    }

    /// Lets the oldest that has proven nothing go where one more would be too many. False: there is
    /// none.
    fn make_room(&mut self, share: Share, report: &mut dyn FnMut(TcpEvent<'_>)) -> bool {
        let of_share = |(_, other): &&(u32, Share)| *other == share;
        let held = self.unconfirmed.iter().filter(of_share).count();
        let oldest = if held >= self.limits.unconfirmed_per_address_max {
            self.unconfirmed.iter().find(of_share)
        } else if self.unconfirmed.len() >= self.limits.unconfirmed_max
            || self.connections.len() >= self.limits.connections_max
        {
            self.unconfirmed.front()
        } else {
            return true;
        };
        let Some((oldest, _)) = oldest.copied() else {
            return false;
        };
        self.refused += 1;
        self.drop_connection(oldest, report);
        true
    }

    /// False: the connection is at its end.
    fn read(&mut self, id: u32, report: &mut dyn FnMut(TcpEvent<'_>)) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else {
            return true;
        };
        for turn in 0.. {
            if turn == READS_MAX {
                // Edge-triggered: asking again makes the rest show up in the next wait.
                let interest = Interest::READABLE.add(Interest::WRITABLE);
                let token = Token(id as usize);
                return self
                    .registry
                    .reregister(&mut connection.socket, token, interest)
                    .is_ok();
            }
            match connection.socket.read(&mut self.buffer) {
                Ok(0) => return false,
                Ok(length) => connection.reader.push(&self.buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return false,
            }
            loop {
                match connection.reader.next_frame() {
                    Ok(None) => break,
                    Ok(Some(bytes)) => report(TcpEvent::Packet {
                        connection: ConnectionId(id),
                        from: connection.from,
                        bytes,
                    }),
                    Err(_) => {
                        self.refused += 1;
                        return false;
                    }
                }
            }
        }
        true
    }

    fn drop_connection(&mut self, id: u32, report: &mut dyn FnMut(TcpEvent<'_>)) {
        self.unconfirmed.retain(|(other, _)| *other != id);
        if let Some(mut connection) = self.connections.remove(&id) {
            // Closing the socket takes it out of the poll by itself; this is only the polite way.
            let _gone = self.registry.deregister(&mut connection.socket);
            report(TcpEvent::Closed {
                connection: ConnectionId(id),
                from: connection.from,
            });
        }
    }

    /// Sends one packet. False: there is no such connection, or its reader is too slow and the
    /// packet is lost.
    pub fn send(&mut self, to: ConnectionId, bytes: &[u8]) -> bool {
        let limit = self.limits.backlog_bytes_max;
        let Some(connection) = self.connections.get_mut(&to.0) else {
            return false;
        };
        let Ok(length) = u16::try_from(bytes.len()) else {
            return false;
        };
        if connection.backlog.len() + bytes.len() + 2 > limit {
            self.lost += 1;
            return false;
        }
        connection.backlog.extend_from_slice(&length.to_be_bytes());
        connection.backlog.extend_from_slice(bytes);
        self.write_backlog(to.0);
        true
    }

    fn write_backlog(&mut self, id: u32) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let mut written = 0;
        while written < connection.backlog.len() {
            match connection.socket.write(&connection.backlog[written..]) {
                Ok(length) if length > 0 => written += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Full: the rest follows when it is writable. Broken: the next read ends it.
                _ => break,
            }
        }
        connection.backlog.drain(..written);
        if connection.backlog.is_empty() && connection.backlog.capacity() > READ_BYTES {
            connection.backlog = Vec::new();
        }
    }

    /// Says that the far side of a connection has proven who it is.
    pub fn confirm(&mut self, connection: ConnectionId) {
        let id = connection.0;
        if let Some(connection) = self.connections.get_mut(&id)
            && !std::mem::replace(&mut connection.confirmed, true)
        {
            self.unconfirmed.retain(|(other, _)| *other != id);
        }
    }

    /// Closes a connection.
    pub fn close(&mut self, connection: ConnectionId) {
        self.drop_connection(connection.0, &mut |_| {});
    }

    /// Closes connections opened before `opened_before_us` that have proven nothing since.
    pub fn close_unconfirmed(&mut self, opened_before_us: u64) {
        let stale: Vec<u32> = self
            .connections
            .iter()
            .filter(|(_, c)| !c.confirmed && c.opened_us < opened_before_us)
            .map(|(id, _)| *id)
            .collect();
        for id in stale {
            self.refused += 1;
            self.drop_connection(id, &mut |_| {});
        }
    }
}
