//! The only place of the worker that reads a clock.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Instant;

use parley_engine::Epoch;
use parley_rtp::time::Micros;

/// Now, on the machine's monotonic clock.
pub(crate) fn now() -> Micros {
    Micros(parley_net::monotonic_us())
}

/// Now, on all clocks.
#[allow(
    clippy::disallowed_methods,
    reason = "this is the place where the clock is read"
)]
pub(crate) fn epoch() -> Epoch {
    Epoch {
        monotonic: now(),
        instant: Instant::now(),
        unix_us: parley_net::unix_us(),
    }
}

/// A seed from the system, for what need not be secret.
pub(crate) fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
