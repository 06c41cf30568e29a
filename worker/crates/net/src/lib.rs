//! Sockets for the media worker: UDP in batches, ICE-TCP with RFC 4571 framing, one wait for both.
//!
//! This is the only crate with `unsafe`, because `recvmmsg`, `sendmmsg` and UDP segmentation
//! offload have no safe face in the standard library. On Linux a batch is one system call; on
//! other Unix systems the same interface sends and receives one datagram at a time.
//!
//! A worker loop: [`Ports::wait`] until a datagram, a wake or the deadline; [`Udp::receive`] into a
//! [`ReceiveBatch`]; feed the engine; [`Udp::send`] what it produced. TCP connections are
//! numbered by [`ConnectionId`], which is never used twice.

#[cfg(target_os = "linux")]
#[path = "batch_linux.rs"]
mod batch;
#[cfg(not(target_os = "linux"))]
#[path = "batch_plain.rs"]
mod batch;
mod confine;
#[cfg(target_os = "linux")]
mod confine_linux;
mod framing;
mod machine;
mod ports;
mod tcp;
mod udp;

pub use batch::ReceiveBatch;
pub use confine::{Confined, Confinement};
#[cfg(not(target_os = "linux"))]
pub use confine::{confine, forgo_privileges};
#[cfg(target_os = "linux")]
pub use confine_linux::{confine, forgo_privileges};
pub use framing::{FRAME_BYTES_MAX, FrameError, FrameReader};
pub use machine::{Usage, ignore_interrupts, monotonic_us, unix_us, usage};
pub use ports::{Ports, Wake};
pub use tcp::{ConnectionId, Tcp, TcpEvent, TcpLimits};
pub use udp::{DATAGRAM_BYTES_MAX, Run, SendCount, Udp};
