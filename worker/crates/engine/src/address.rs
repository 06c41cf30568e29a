//! Where a packet came from or goes to.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One end of a path: a UDP address, or one TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Address {
    /// A UDP address.
    Udp(SocketAddr),
    /// A TCP connection (ICE-TCP, we are the passive side).
    Tcp {
        /// The process's own number of the connection, never used twice.
        connection: u32,
        /// Its far address.
        from: SocketAddr,
    },
}

impl Address {
    /// The far IP address and port.
    #[must_use]
    pub fn socket_address(self) -> SocketAddr {
        match self {
            Address::Udp(address) | Address::Tcp { from: address, .. } => address,
        }
    }

    /// `udp` or `tcp`, for the log.
    #[must_use]
    pub fn protocol(self) -> &'static str {
        match self {
            Address::Udp(_) => "udp",
            Address::Tcp { .. } => "tcp",
        }
    }
}
