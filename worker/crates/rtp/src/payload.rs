//! What the forwarder must know of payloads: where frames and key frames start, and how the
//! counters of VP8 go on across a switch.

pub mod h264;
pub mod opus;
pub mod vp8;

use crate::error::RtpError;

/// What a packet cache keeps of a payload, read once on arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing to rewrite.
    #[default]
    Plain,
    /// VP8: the counters of the descriptor.
    Vp8(vp8::Descriptor),
}

/// How the payloads of a codec are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Every packet stands alone: all sound.
    #[default]
    Independent,
    /// RFC 7741.
    Vp8,
    /// RFC 6184.
    H264,
}

/// Reads what a packet cache keeps of a payload, and whether a decoder can start with it. An empty
/// payload is padding: nothing to rewrite, nothing to start with.
///
/// Errors: `Truncated` where a descriptor ends early.
pub fn inspect(format: Format, payload: &[u8]) -> Result<(Detail, bool), RtpError> {
    if payload.is_empty() {
        return Ok((Detail::Plain, false));
    }
    Ok(match format {
        Format::Independent => (Detail::Plain, true),
        Format::H264 => (Detail::Plain, h264::is_key_frame(payload)),
        Format::Vp8 => {
            let descriptor = vp8::Descriptor::parse(payload)?;
            (Detail::Vp8(descriptor), descriptor.is_key_frame)
        }
    })
}

#[cfg(test)]
mod tests;
