//! What the forwarder must know of payloads: where frames and key frames start, and how the counters
//! of VP8 go on across a switch.

pub mod h264;
pub mod opus;
pub mod vp8;

/// What a packet cache keeps of a payload, read once on arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing to rewrite.
    #[default]
    Plain,
    /// VP8: the counters of the descriptor.
    Vp8(vp8::Descriptor),
}
