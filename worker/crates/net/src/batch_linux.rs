//! Batches by `recvmmsg`, `sendmmsg` and `UDP_SEGMENT`.

use std::io;
use std::iter::Peekable;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr;

use crate::udp::{DATAGRAM_BYTES_MAX, Run, SendCount};

/// Segmentation offload is tried first.
pub(crate) const OFFLOAD: bool = true;
/// The kernel's own bound on segments of one message.
const SEGMENTS_MAX: usize = 64;
/// Longest message, bytes: a UDP datagram over IPv4 carries 65,507.
const MESSAGE_BYTES_MAX: usize = 65_000;
/// Messages of one system call; the kernel takes up to 1,024.
const MESSAGES_MAX: usize = 256;
/// How long a full socket buffer is waited for before the rest is lost, ms.
const SEND_WAIT_MS: libc::c_int = 5;
/// Control message with one `u16`, aligned as the kernel wants it.
const CONTROL_BYTES: usize = 24;

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_BYTES]);

#[repr(C)]
#[derive(Clone, Copy)]
union Address {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl Address {
    fn none() -> Self {
        // SAFETY: both members are plain integers, for which all zeroes is a value.
        unsafe { mem::zeroed() }
    }

    fn of(address: SocketAddr) -> (Self, libc::socklen_t) {
        let mut out = Self::none();
        match address {
            SocketAddr::V4(v4) => {
                out.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr {
                        s_addr: u32::from_ne_bytes(v4.ip().octets()),
                    },
                    sin_zero: [0; 8],
                };
                (out, mem::size_of::<libc::sockaddr_in>() as libc::socklen_t)
            }
            SocketAddr::V6(v6) => {
                out.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: v6.flowinfo(),
                    sin6_addr: libc::in6_addr {
                        s6_addr: v6.ip().octets(),
                    },
                    sin6_scope_id: v6.scope_id(),
                };
                (out, mem::size_of::<libc::sockaddr_in6>() as libc::socklen_t)
            }
        }
    }

    fn read(&self) -> Option<SocketAddr> {
        // SAFETY: both members begin with the family and have no invalid bit patterns.
        let v4 = unsafe { self.v4 };
        match libc::c_int::from(v4.sin_family) {
            libc::AF_INET => {
                let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddr::V4(SocketAddrV4::new(
                    ip,
                    u16::from_be(v4.sin_port),
                )))
            }
            libc::AF_INET6 => {
                // SAFETY: as above; the kernel has written a whole sockaddr_in6.
                let v6 = unsafe { self.v6 };
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                // A dual-stack socket shows IPv4 peers as mapped; keep one name per peer.
                Some(match IpAddr::V6(ip).to_canonical() {
                    IpAddr::V4(ip) => SocketAddr::V4(SocketAddrV4::new(ip, port)),
                    IpAddr::V6(ip) => {
                        SocketAddr::V6(SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id))
                    }
                })
            }
            _ => None,
        }
    }
}

/// Buffers for one batch of received datagrams.
pub struct ReceiveBatch {
    buffers: Vec<[u8; DATAGRAM_BYTES_MAX]>,
    addresses: Vec<Address>,
    lengths: Vec<usize>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

// SAFETY: the pointers in `vectors` and `headers` are rewritten before each call and point into
// the other vectors, which move along with the batch.
unsafe impl Send for ReceiveBatch {}

impl ReceiveBatch {
    /// Makes room for `size` datagrams.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self {
            buffers: vec![[0; DATAGRAM_BYTES_MAX]; size],
            addresses: vec![Address::none(); size],
            lengths: Vec::with_capacity(size),
            vectors: Vec::with_capacity(size),
            headers: Vec::with_capacity(size),
        }
    }

    /// How many datagrams fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buffers.len()
    }

    /// The `index`th datagram of the last receive and where it came from.
    pub fn get(&mut self, index: usize) -> Option<(&mut [u8], SocketAddr)> {
        let length = *self.lengths.get(index)?;
        let from = self.addresses.get(index)?.read()?;
        Some((self.buffers.get_mut(index)?.get_mut(..length)?, from))
    }

    pub(crate) fn fill(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        self.lengths.clear();
        self.vectors.clear();
        self.headers.clear();
        for buffer in &mut self.buffers {
            self.vectors.push(libc::iovec {
                iov_base: buffer.as_mut_ptr().cast(),
                iov_len: DATAGRAM_BYTES_MAX,
            });
        }
        for (vector, address) in self.vectors.iter_mut().zip(&mut self.addresses) {
            // SAFETY: a message header of all zeroes is the empty header.
            let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
            header.msg_hdr.msg_name = ptr::from_mut(address).cast();
            header.msg_hdr.msg_namelen = mem::size_of::<Address>() as libc::socklen_t;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            self.headers.push(header);
        }
        // SAFETY: every header points to one vector, one buffer and one address of this batch,
        // all alive and unaliased for the length of the call; the count is the headers' own.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        let lengths = self
            .headers
            .iter()
            .take(received)
            .map(|header| header.msg_len as usize);
        self.lengths.extend(lengths);
        Ok(received)
    }
}

/// Headers of one `sendmmsg`, reused.
#[derive(Default)]
pub(crate) struct SendScratch {
    runs: Vec<(Run, Address, libc::socklen_t)>,
    vectors: Vec<libc::iovec>,
    controls: Vec<Control>,
    headers: Vec<libc::mmsghdr>,
}

// SAFETY: as for `ReceiveBatch`: pointers are written before each call, never read afterwards.
unsafe impl Send for SendScratch {}

impl SendScratch {
    /// Takes runs until one call's worth is there, cut to what one message may hold.
    pub(crate) fn load(
        &mut self,
        bytes: &[u8],
        runs: &mut Peekable<impl Iterator<Item = Run>>,
        offload: bool,
        count: &mut SendCount,
    ) {
        self.runs.clear();
        while self.runs.len() + SEGMENTS_MAX <= MESSAGES_MAX {
            let Some(run) = runs.next() else { return };
            let inside = run
                .start
                .checked_add(run.len)
                .is_some_and(|end| end <= bytes.len());
            if !inside || run.segment == 0 {
                count.refused += 1;
                continue;
            }
            let (address, length) = Address::of(run.to);
            let per_message = if offload {
                SEGMENTS_MAX.min((MESSAGE_BYTES_MAX / run.segment).max(1)) * run.segment
            } else {
                run.segment
            };
            let mut done = 0;
            while done < run.len {
                let len = per_message.min(run.len - done);
                let piece = Run {
                    start: run.start + done,
                    len,
                    ..run
                };
                self.runs.push((piece, address, length));
                done += len;
            }
        }
    }

    /// Sends what was loaded. True: the kernel refused segmentation offload (the datagrams have
    /// been sent one by one instead).
    pub(crate) fn flush(
        &mut self,
        socket: &UdpSocket,
        bytes: &[u8],
        count: &mut SendCount,
    ) -> bool {
        self.write_headers(bytes);
        let mut next = 0;
        let mut refused_offload = false;
        while next < self.headers.len() {
            let rest = &mut self.headers[next..];
            // SAFETY: every header points to one vector inside `bytes`, one address and at most
            // one control message, all alive for the length of the call; the kernel only reads.
            let sent = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as libc::c_uint,
                    libc::MSG_DONTWAIT,
                )
            };
            count.calls += 1;
            if let Ok(sent) = usize::try_from(sent)
                && sent > 0
            {
                for (run, _, _) in &self.runs[next..next + sent] {
                    count.sent += run.len.div_ceil(run.segment) as u64;
                }
                next += sent;
                continue;
            }
            let error = io::Error::last_os_error();
            let run = self.runs[next].0;
            match error.raw_os_error() {
                Some(libc::EAGAIN | libc::ENOBUFS) if wait_writable(socket) => {}
                Some(libc::EAGAIN | libc::ENOBUFS) => {
                    let lost = self.runs[next..].iter().map(|(run, _, _)| run);
                    count.refused += lost
                        .map(|run| run.len.div_ceil(run.segment) as u64)
                        .sum::<u64>();
                    return refused_offload;
                }
                Some(libc::EINTR) => {}
                Some(libc::EIO | libc::EINVAL | libc::EOPNOTSUPP) if run.len > run.segment => {
                    refused_offload = true;
                    send_singly(socket, bytes, run, count);
                    next += 1;
                }
                _ => {
                    count.refused += run.len.div_ceil(run.segment) as u64;
                    next += 1;
                }
            }
        }
        refused_offload
    }

    fn write_headers(&mut self, bytes: &[u8]) {
        self.vectors.clear();
        self.controls.clear();
        self.headers.clear();
        // Pointers into these are taken below: they must not grow meanwhile.
        self.vectors.reserve(self.runs.len());
        self.controls.reserve(self.runs.len());
        for (run, address, length) in &mut self.runs {
            let piece = &bytes[run.start..run.start + run.len];
            self.vectors.push(libc::iovec {
                iov_base: piece.as_ptr().cast_mut().cast(),
                iov_len: piece.len(),
            });
            // SAFETY: a message header of all zeroes is the empty header.
            let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
            header.msg_hdr.msg_name = ptr::from_mut(address).cast();
            header.msg_hdr.msg_namelen = *length;
            header.msg_hdr.msg_iov = self
                .vectors
                .last_mut()
                .map_or(ptr::null_mut(), ptr::from_mut);
            header.msg_hdr.msg_iovlen = 1;
            if run.len > run.segment {
                self.controls.push(segment_control(run.segment as u16));
                let control = self
                    .controls
                    .last_mut()
                    .map_or(ptr::null_mut(), ptr::from_mut);
                header.msg_hdr.msg_control = control.cast();
                header.msg_hdr.msg_controllen = CONTROL_BYTES as _;
            }
            self.headers.push(header);
        }
    }
}

/// A `cmsghdr` (length, level, type) with the segment size behind it.
fn segment_control(segment: u16) -> Control {
    let mut control = Control([0; CONTROL_BYTES]);
    let header = mem::size_of::<libc::cmsghdr>();
    let length = header + mem::size_of::<u16>();
    let words = mem::size_of::<usize>();
    control.0[..words].copy_from_slice(&length.to_ne_bytes());
    control.0[words..words + 4].copy_from_slice(&libc::SOL_UDP.to_ne_bytes());
    control.0[words + 4..words + 8].copy_from_slice(&libc::UDP_SEGMENT.to_ne_bytes());
    control.0[header..header + 2].copy_from_slice(&segment.to_ne_bytes());
    control
}

fn send_singly(socket: &UdpSocket, bytes: &[u8], run: Run, count: &mut SendCount) {
    for datagram in bytes[run.start..run.start + run.len].chunks(run.segment) {
        count.calls += 1;
        match socket.send_to(datagram, run.to) {
            Ok(_) => count.sent += 1,
            Err(_) => count.refused += 1,
        }
    }
}

/// Waits a moment for room in the socket's buffer. False: there is still none.
fn wait_writable(socket: &UdpSocket) -> bool {
    let mut ready = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one valid pollfd, count 1.
    unsafe { libc::poll(&raw mut ready, 1, SEND_WAIT_MS) > 0 }
}

/// Asks for larger socket buffers: beyond the system's limit where we may, else up to it.
pub(crate) fn enlarge_buffers(socket: &UdpSocket, bytes: usize) {
    let size = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    let options = [
        (libc::SO_RCVBUFFORCE, libc::SO_RCVBUF),
        (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF),
    ];
    for (forced, usual) in options {
        if !set_option(socket, forced, size) {
            // Unprivileged: the kernel takes as much of it as net.core.*mem_max allows.
            set_option(socket, usual, size);
        }
    }
}

fn set_option(socket: &UdpSocket, option: libc::c_int, value: libc::c_int) -> bool {
    // SAFETY: the value is a c_int that lives through the call, and its size is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            (&raw const value).cast(),
            mem::size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    result == 0
}
