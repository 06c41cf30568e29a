//! Simulated runs of the media engine, for tests and measurements only: far ends that behave like
//! browsers, a network that loses and scatters by seed, virtual time.
//!
//! [`stage::Stage`] puts an engine, its far ends and the network together; minutes of it cost
//! milliseconds, and a run depends on its seed alone.

pub mod chance;
pub mod far;
pub mod network;
pub mod offer;
pub mod sense;
pub mod source;
pub mod stage;
