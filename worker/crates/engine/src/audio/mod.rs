//! The sound of a room: who is heard by whom, and the mix for those who hear through one line.
//!
//! Three machines without a clock, fed by the room:
//!
//! - [`SpeakerSelector`] takes the level of every voice packet and says whose voices are forwarded,
//!   who speaks, and who is the active speaker; a [`VoiceSlots`] per endpoint puts those voices on
//!   its lines so that a voice stays where it is.
//! - [`Mixer`] takes the voice packets of everybody while somebody listens to a mix: per voice a
//!   [`JitterBuffer`] and one decoder, one sum, one encoder per format for all who are silent, an
//!   encoder of their own for those whose voice is in the sum.
//!
//! The caller calls `tick` at each machine's `deadline` and sends what comes of it.

mod delay;
mod input;
mod jitter_buffer;
mod lane;
pub mod limits;
mod mixer;
mod packet_ring;
mod speakers;
mod voice_slots;

pub use jitter_buffer::{Arrival, JitterBuffer, JitterCounters, Refused, Step};
pub use mixer::{Audience, MixFormat, MixPacket, Mixer, MixerCounters, PushError, VoicePacket};
pub use speakers::{SpeakerChange, SpeakerSelector};
pub use voice_slots::VoiceSlots;

/// One endpoint's voice or ear inside a room; the room chooses the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VoiceId(pub u32);

/// What the sender says about a packet's loudness (RFC 6464).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// 0 is as loud as can be, 127 is silence. Units: -dBov.
    pub minus_dbov: u8,
    /// The sender believes that it is speech.
    pub voice: bool,
}

impl AudioLevel {
    /// Reads the one byte of the header extension.
    pub fn from_byte(byte: u8) -> Self {
        Self {
            minus_dbov: byte & 0x7f,
            voice: byte & 0x80 != 0,
        }
    }
}
