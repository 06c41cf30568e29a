//! Every bound of this crate, with its unit and its reason.

use std::time::Duration;

/// Bytes of the longest RTP payload that is kept and forwarded: 1,500 bytes of Ethernet less IPv4
/// (20), UDP (8), the RTP header (12), and the shortest SRTP tag (10). Browsers stay below 1,200.
pub const PAYLOAD_BYTES_MAX: usize = 1_450;

/// Bytes of the longest RTP header that we write: fixed part, no CSRC, extensions of every kind.
pub const HEADER_BYTES_MAX: usize = 12 + 4 + 64;

/// Bytes of the longest packet that we write, so that a caller can size its send buffer:
/// header, RTX's original sequence number, payload, SRTP tag.
pub const PACKET_BYTES_MAX: usize = HEADER_BYTES_MAX + 2 + PAYLOAD_BYTES_MAX + 16;

/// Packets that one cache keeps at most: a second of the busiest camera layer (about 8 Mbit/s).
pub const CACHE_PACKETS_MAX: usize = 1_024;

/// Packets with which a cache starts, so that a silent or slow track costs little memory.
pub const CACHE_PACKETS_MIN: usize = 32;

/// Age up to which a cached packet is worth keeping; a cache that would overwrite a younger one
/// grows instead. Longer than any round trip at which a retransmission still helps.
pub const CACHE_AGE: Duration = Duration::from_millis(1_000);

/// Missing packets that are remembered per received track; beyond it a key frame is cheaper.
pub const MISSING_PACKETS_MAX: usize = 256;

/// Times a missing packet is asked for; later answers come after the receiver has given up.
pub const NACK_ATTEMPTS_MAX: u8 = 10;

/// Age at which a missing packet is given up: the longest that viewers wait before freezing.
pub const NACK_AGE_MAX: Duration = Duration::from_millis(1_000);

/// Wait before the first request, so that plain reordering is not taken for loss.
pub const NACK_DELAY: Duration = Duration::from_millis(5);

/// Shortest and longest wait between two requests for one packet; in between it is the round trip.
pub const NACK_INTERVAL_MIN: Duration = Duration::from_millis(20);
/// See [`NACK_INTERVAL_MIN`].
pub const NACK_INTERVAL_MAX: Duration = Duration::from_millis(250);
/// Wait between two requests while nothing is known of the path: longer than most round trips.
pub const NACK_INTERVAL_UNKNOWN: Duration = Duration::from_millis(100);

/// Sender SSRCs whose SRTCP replay windows are kept per endpoint; the one unused for longest goes.
pub const RTCP_SENDERS_MAX: usize = 64;

/// Steps that an RTP index jumps at a take-over. More packets than a line sends between two
/// snapshots, below 32,768 so that the far side's roll-over guess stays right (RFC 3711 3.3.1).
pub const TAKE_OVER_RTP_JUMP: u64 = 8_192;

/// Steps that a line's index may go up in a second, on its SSRC and on its RTX SSRC each: 14 Mbit/s
/// in packets of 1,200 bytes. The jump at a take-over (8,192) must exceed what a worker may have
/// sent since a snapshot of 3 s ago (four seconds begun, and one leap), and the 1,024 packets of a
/// replay window that may still come late.
pub const INDICES_PER_SECOND_MAX: u32 = 1_500;

/// A source that leaves more than this many indices out has started anew: its line goes on by one,
/// or a publisher could use up the indices that a take-over counts on.
pub const INDEX_LEAP_MAX: u64 = 1_024;

/// Steps that an SRTCP index jumps at a take-over.
pub const TAKE_OVER_RTCP_JUMP: u32 = 65_536;

/// Arrivals that one transport-wide feedback log holds before the oldest are given up
/// (0.1 s at 20,000 packets/s).
pub const ARRIVALS_MAX: usize = 2_048;

/// Packets that one transport-wide feedback message covers; a longer gap starts a new message.
pub const FEEDBACK_PACKETS_MAX: usize = 400;

/// Packets that the send history remembers: half a second at 2,000 packets/s, 16 KiB.
pub const SENT_PACKETS_MAX: usize = 1_024;

/// Bytes of the longest RTCP compound packet that we write.
pub const RTCP_BYTES_MAX: usize = 1_200;

/// Items read from one RTCP compound packet; what follows is counted as malformed.
pub const RTCP_ITEMS_MAX: usize = 64;

/// Packets waiting in one pacer; a full pacer refuses and says so.
pub const PACER_PACKETS_MAX: usize = 4_096;

/// Lowest bandwidth that an estimator reports: one Opus voice and its overhead. Bits a second.
pub const BANDWIDTH_MIN_BPS: u64 = 60_000;

/// Highest bandwidth that an estimator reports. Bits a second.
pub const BANDWIDTH_MAX_BPS: u64 = 50_000_000;

/// Bandwidth that is assumed before the first measurement. Bits a second.
pub const BANDWIDTH_START_BPS: u64 = 600_000;
