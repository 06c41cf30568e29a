//! Transport-wide feedback: every packet of a transport is numbered, the receiver reports when each
//! came, and the sender learns what the path carries.
//!
//! Source: draft-holmer-rmcat-transport-wide-cc-extensions-01.

mod arrivals;
mod feedback;
mod history;

pub use arrivals::ArrivalLog;
pub use feedback::{Arrivals, Feedback};
pub use history::{PacketReport, SendHistory};

/// Resolution of arrival times. Microseconds.
pub(crate) const TICK_US: u64 = 250;
/// Resolution of the reference time. Microseconds.
pub(crate) const REFERENCE_US: u64 = 64_000;
/// Reference times are 24 bits.
pub(crate) const REFERENCE_MASK: u32 = 0x00ff_ffff;
/// Status symbols.
pub(crate) const NOT_RECEIVED: u8 = 0;
pub(crate) const SMALL_STEP: u8 = 1;
pub(crate) const LARGE_STEP: u8 = 2;
