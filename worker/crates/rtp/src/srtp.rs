//! SRTP and SRTCP (RFC 3711, RFC 7714): seals what we send, opens what we receive.
//!
//! One [`Sealer`] and one [`Opener`] serve all SSRCs of an endpoint, whatever made its keys (DTLS,
//! SDES). Sealing takes the 48-bit index from the caller, who owns the counters; opening takes the
//! index that a [`ReplayWindow`](crate::sequence::ReplayWindow) guessed. **A pair of SSRC and index
//! must never be sealed twice with different bytes**: with GCM that gives the authentication key
//! away.

mod cipher;
mod master;
mod opener;
mod sealer;

pub use master::{Master, Profile};
pub use opener::{Opener, OpenerState};
pub use sealer::{Plain, Sealer};

#[cfg(test)]
mod vectors;
