//! Every bound of the engine, with its unit and its reason.

/// Rooms of one worker. A room without endpoints costs about 1 KiB.
pub const ROOMS_MAX: usize = 10_000;
/// Endpoints of one worker. At 64 KiB each this is 640 MiB.
pub const ENDPOINTS_MAX: usize = 10_000;
/// Lines of one endpoint in each direction. The largest meeting page has 3 + 2 + 25.
pub const LINES_MAX: usize = 64;
/// Simulcast layers of one line. Browsers send three.
pub const LAYERS_MAX: usize = 4;
/// SSRCs learned by one endpoint. Each layer has two; browsers change them at a restart.
pub const SSRCS_MAX: usize = 64;
/// Bytes of an SDP mid, as many as the server takes (`sdp/limits.ts`). Those above 16 do not fit a
/// one-byte header extension (RFC 8285) and are not sent: SSRCs are signalled.
pub const MID_BYTES_MAX: usize = 32;
/// Bytes of an SDP rid, as many as the server takes.
pub const RID_BYTES_MAX: usize = 16;
/// Codecs of one line: no more than there are payload types.
pub const CODECS_MAX: usize = 128;

/// Addresses of one endpoint that have passed an ICE check. Browsers use one per interface.
pub const PATHS_MAX: usize = 8;
/// A path other than the nominated one is taken when that has been silent for this long, us.
pub const PATH_STALE_US: u64 = 3_000_000;
/// Bytes that an address without proof gets at most for each that came from it (RFC 9000 section 8.1).
pub const UNPROVEN_FACTOR: usize = 3;
/// Our checks to an address that has not answered: one each this long, us, and so many for each
/// check from there.
pub const CHECK_BACK_INTERVAL_US: u64 = 100_000;
/// See [`CHECK_BACK_INTERVAL_US`].
pub const CHECKS_BACK_MAX: u32 = 5;
/// A handshake that begins before its address is proven waits for the proof this long, us. The
/// answer to our check is on its way beside it; who never answers loses no more than this.
pub const HANDSHAKE_HELD_US: u64 = 100_000;
/// Of what an address without proof may get, so many bytes are kept for the handshake.
pub const HANDSHAKE_RESERVE_BYTES: usize = 600;
/// An address that a packet has proven must answer a check within this time, us, where the far
/// side is known to answer checks.
pub const PROOF_BY_PACKET_US: u64 = 2_000_000;
/// ICE passwords and names, bytes (RFC 8839 allows up to 256).
pub const ICE_CREDENTIAL_BYTES_MAX: usize = 256;

/// No transport this long after the open: the endpoint ends, us. Chromium gives up after 15 s.
pub const CONNECT_TIMEOUT_US: u64 = 30_000_000;
/// Nothing valid for this long: the endpoint is silent and nothing is written to it, us. Chromium
/// checks each 2.5 s, so two checks may be lost.
pub const SILENT_AFTER_US: u64 = 6_000_000;
/// The seat of a silent endpoint is held for this long, us; then it has vanished.
pub const SEAT_HELD_US: u64 = 20_000_000;
/// How often an endpoint's consent is looked at, its reports sent and its snapshot taken, us.
pub const REPORT_INTERVAL_US: u64 = 1_000_000;
/// Reports of all endpoints fall on multiples of this, us: fifty groups in a second.
pub const REPORT_GROUP_US: u64 = 20_000;

/// First retransmission of a DTLS flight, ms. Browsers use 50; the RFC's second would cost every
/// lossy join a second.
pub const DTLS_RETRANSMIT_MS: u64 = 150;
/// Retransmissions of one flight; each waits twice as long as the last.
pub const DTLS_RETRIES_MAX: usize = 7;
/// Largest DTLS packet we write, bytes: below every path's limit.
pub const DTLS_PACKET_BYTES_MAX: usize = 1150;
/// Packets by which data channels of one endpoint are refused, in each [`CHANNEL_ANSWERS_INTERVAL_US`]:
/// three refuse one attempt. Who is not answered asks again after a second.
pub const CHANNEL_ANSWERS_MAX: u32 = 6;
/// See [`CHANNEL_ANSWERS_MAX`]. Units: us.
pub const CHANNEL_ANSWERS_INTERVAL_US: u64 = 1_000_000;

/// Transport-wide feedback goes out this often, us, while packets come in.
pub const FEEDBACK_INTERVAL_US: u64 = 50_000;

/// Key frame requests to one layer go out at most this often, us.
pub const KEY_FRAME_REQUEST_INTERVAL_US: u64 = 500_000;
/// Chromium's encoder ignores requests this close to its last key frame, us.
pub const KEY_FRAME_QUIET_US: u64 = 300_000;
/// A cached key frame up to this age is what a new viewer begins with, us. As long as caches keep
/// packets; an older one would have more behind it than a new one costs.
pub const REPLAY_AGE_MAX_US: u64 = 1_000_000;
/// Packets, and bytes of payload, that a new viewer gets out of the cache at most: a key frame and
/// most of a second of a large camera. Where it would be more, a new key frame is asked for.
pub const REPLAY_PACKETS_MAX: u64 = 192;
/// See [`REPLAY_PACKETS_MAX`].
pub const REPLAY_BYTES_MAX: usize = 150_000;
/// A replay goes out in parts at this distance, us, of about so many bytes each: 38 Mbit/s, half of
/// what a browser's own key frames come with.
pub const REPLAY_STEP_US: u64 = 5_000;
/// See [`REPLAY_STEP_US`].
pub const REPLAY_STEP_BYTES: usize = 24_000;

/// Pictures of others for which key frames are asked while somebody new is still connecting: as many
/// as a page shows large.
pub const FORESEEN_PICTURES_MAX: usize = 4;

/// A layer silent for this long is not wanted any more, us: layers vanish with the camera's size.
pub const LAYER_SILENT_US: u64 = 1_000_000;
/// A voice that has not sent for this long leaves its slot's viewers alone, us. With DTX a packet
/// comes each 400 ms.
pub const VOICE_SILENT_US: u64 = 2_000_000;
/// So long after it was opened an endpoint that has never said what it wants to see gets
/// what its tiles have room for, us. Who says so does it earlier.
pub const TILES_UNASKED_US: u64 = 1_000_000;
/// How often it is judged in which codec a publisher should send, us.
pub const CODECS_JUDGED_US: u64 = 1_000_000;
/// How often tiles are looked at (layers, sources that went), us.
pub const TILE_INTERVAL_US: u64 = 200_000;
/// A layer that was lowered because the path did not carry more stays low for this long, us.
pub const LAYER_UP_HOLD_US: u64 = 5_000_000;

/// Bits a second that a path is thought to carry before anything is measured. Two good pictures:
/// on most paths that is true, and starting low would let every join begin with poor ones.
pub const ESTIMATE_START_BPS: u64 = 1_500_000;
/// Parts of a bandwidth probe follow each other at this distance, us. Two of the wheel's slots.
pub const PROBE_STEP_US: u64 = 2_500;
/// Bytes of one probe: it is sent twice as fast as the path is thought to be.
pub const PROBE_BYTES_MAX: usize = 200_000;

/// Retransmissions to one viewer, bytes a second: RTX turns one small request into many packets.
pub const RTX_BYTES_PER_SECOND: u64 = 500_000;
/// Retransmissions to one viewer at once, bytes: a lost key frame.
pub const RTX_BURST_BYTES: u64 = 200_000;

/// What a retransmission costs of the cap at least, bytes: small packets cost work too, and their
/// number is what the jump of the RTX index at a take-over has to cover.
pub const RTX_PACKET_BYTES_MIN: u64 = 400;

/// `speakers` events of one room go out at most this often, us.
pub const SPEAKERS_EVENT_INTERVAL_US: u64 = 250_000;

/// Heartbeat to the server, us.
pub const HEARTBEAT_INTERVAL_US: u64 = 100_000;
/// Endpoints in one snapshot message: about 2 KiB each in JSON.
pub const SNAPSHOT_CHUNK: usize = 32;
/// A snapshot older than this is not used, us. A worker that hangs is ended after 0.4 s and the
/// next one starts in less than one; this leaves as much again.
pub const SNAPSHOT_AGE_MAX_US: u64 = 3_000_000;
/// Transport-wide numbers jump by this after a take-over; they protect nothing, and only keep a
/// late feedback from meaning a new packet.
pub const TRANSPORT_CC_JUMP: u16 = 4_096;

// No nonce is ever used twice: what a line may have sent since the oldest snapshot that is used (the
// seconds begun, and one leap) stays below what its index jumps at the take-over.
const _: () = assert!(
    (SNAPSHOT_AGE_MAX_US / 1_000_000 + 1) * parley_rtp::limits::INDICES_PER_SECOND_MAX as u64
        + parley_rtp::limits::INDEX_LEAP_MAX
        < parley_rtp::limits::TAKE_OVER_RTP_JUMP
);
