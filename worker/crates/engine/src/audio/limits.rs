//! Every bound of the room's sound, with its unit and its reason.

use std::time::Duration;

/// The beat of a mix.
pub const FRAME: Duration = Duration::from_millis(parley_dsp::FRAME_MS as u64);

/// Voices forwarded to an endpoint that has slots for as many; slots beyond it stay free. A page asks
/// for three, which is what the ear can tell apart; others may have their reasons for more.
pub const VOICES_MAX: usize = 8;

/// Voices in one sum. Beyond it the quietest stay out: a decode and an own encode each is 0.8 % of
/// a core, and nobody follows eight speakers.
pub const MIX_VOICES_MAX: usize = 8;

/// Packets that a jitter buffer holds. 1.3 s of ordinary packets; more is not jitter.
pub const JITTER_PACKETS_MAX: usize = 64;

/// Largest payload that a jitter buffer takes; what fits a datagram on the usual Internet path.
/// Units: bytes.
pub const JITTER_PAYLOAD_BYTES_MAX: usize = 1_500;

/// Delay that a jitter buffer adds at least. It plays on the next beat after this, so 10 to 30 ms;
/// with the codec's 6.5 ms that keeps a mix below 40 ms.
pub const DELAY_MIN: Duration = Duration::from_millis(10);

/// Delay before anything is known of the path.
pub const DELAY_INITIAL: Duration = Duration::from_millis(20);

/// Delay that a jitter buffer adds at most; later packets are lost. Beyond it people interrupt each
/// other.
pub const DELAY_MAX: Duration = Duration::from_millis(200);

/// Longest guess at lost sound; then silence. A longer one sounds like a machine.
pub const CONCEAL_MAX: Duration = Duration::from_millis(100);

/// A backward step of sequence numbers from here on is a new start of the source, not disorder
/// (20 s of packets). Units: packets.
pub const RESTART_STEP: u64 = 1_000;

/// A forward jump of time from here on is a new start of the source.
pub const RESTART_JUMP: Duration = Duration::from_secs(10);

/// Beats that a mix may be late before it skips what it missed. Fewer are made up for.
pub const BEATS_LATE_MAX: u64 = 5;

/// Beats between two packets of a mix that is silent: enough for the far side to see that the line
/// lives, and as often as libopus itself refreshes silence (400 ms).
pub const SILENT_BEATS: u32 = 20;

/// Beats that a mix is still encoded after the last voice, for its end to ring out.
pub const TAIL_BEATS: u32 = 10;
