//! Sound as slices of numbers: codecs, resampling, levels, limiting, concealment.
//!
//! Samples are `f32`, mono, full scale = 1.0. Nothing here has a socket, a clock or a thread, and
//! nothing allocates once it is built: callers bring the buffers.

pub mod codec;
pub mod conceal;
pub mod g711;
pub mod g722;
pub mod level;
pub mod limiter;
pub mod opus;
pub mod resample;
pub mod tone;

pub use codec::{Codec, CodecError, CodecId, Decoder, Encoded, Encoder, EncoderSettings, codecs};

/// Length of the frames that all of Parley's audio is cut into.
/// Units: milliseconds.
pub const FRAME_MS: u32 = 20;

/// Rate at which voices are summed. Opus works at it natively.
/// Units: Hz.
pub const MIX_RATE: u32 = 48_000;

/// Samples of one frame at [`MIX_RATE`].
pub const MIX_FRAME: usize = 960;
