//! The media engine: rooms, endpoints and every packet between them. No socket, clock or thread.
//!
//! An [`Engine`] has three verbs. [`Engine::handle`] takes packets, commands and time;
//! [`Engine::poll`] gives packets to send and messages to the server; [`Engine::deadline`] says when
//! time is wanted next. After each `handle`, drain `poll`. Randomness that is no secret comes from
//! a seed, so that a run of simulated minutes is repeatable.
//!
//! Inside: a transport per endpoint (`transport`: ICE-lite, DTLS, SRTP keys), a room with its
//! endpoints and published layers (`room`), the sound of a room ([`audio`]), one flat send buffer
//! (`outbox`) and a timer wheel (`wheel`).

mod address;
pub mod audio;
mod commands;
mod counters;
mod engine;
pub mod limits;
mod outbox;
mod room;
mod shared;
mod slab;
mod transport;
mod wheel;

pub use address::Address;
pub use engine::{Engine, Input, Limits, Output, Setup};
pub use outbox::{Batch, Run};
pub use shared::Epoch;
pub use transport::dtls::{Identity, IdentityError};
