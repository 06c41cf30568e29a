//! The messages between the server (TypeScript, decisions) and a media worker (Rust, packets).
//!
//! Transport: one JSON object a line; commands on the worker's standard input, messages on its
//! standard output; the worker ends when its standard input closes. The TypeScript types are
//! generated from this file into `server/src/media/wire.ts`; `contract/vectors/media.jsonl` holds
//! examples that both sides read in their tests.
//!
//! The server mints every id, ICE credential and SSRC, so that it can write the SDP answer before
//! the worker has answered, and so that a repeated command is harmless.

mod contract;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

pub use contract::typescript;

/// Version of this file's meaning. Sent in [`Hello`]; the server refuses a worker of another one.
pub const PROTOCOL_VERSION: u32 = 2;

/// The media half of a conference. Equal to the conference's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(transparent)]
pub struct RoomId(pub Uuid);

/// The media half of a call. Equal to the call's id (not the conferencecall's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(transparent)]
pub struct EndpointId(pub Uuid);

/// One line from the server.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Command {
    /// Chosen by the server, answered by exactly one [`Message::Reply`] or [`Message::Error`].
    #[ts(type = "number")]
    pub id: u64,
    /// What to do.
    pub request: Request,
}

/// What the server asks of the worker. Every request is answered, in order.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// First request; opens the sockets. Answered by [`Reply::Configured`].
    Configure(Configure),
    /// Opens a room. Opening an open room is answered like the first time.
    RoomOpen {
        /// The room.
        room: RoomId,
    },
    /// Closes a room and every endpoint in it. Idempotent.
    RoomClose {
        /// The room.
        room: RoomId,
    },
    /// Opens an endpoint in an open room.
    EndpointOpen(Box<EndpointOpen>),
    /// New ICE credentials (and, after a restart of the far side, a new DTLS fingerprint and known
    /// SSRCs) for a living endpoint. Old credentials stay valid until the first check with the new.
    EndpointRestart(EndpointRestart),
    /// The state of what an endpoint publishes: muted lines, layers that live.
    EndpointPublish(EndpointPublish),
    /// What an endpoint wants to see in its tiles.
    EndpointTiles(EndpointTiles),
    /// Enters the room (hears and is heard), or leaves it while the transport stays.
    EndpointEnter {
        /// The endpoint.
        endpoint: EndpointId,
        /// True: in the room. False: connected but alone.
        entered: bool,
    },
    /// Closes an endpoint: DTLS close_notify, RTCP BYE, all its tracks end. Idempotent.
    EndpointClose {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// Takes over the endpoints of a worker that died. Sent after `Configure`, before anything else.
    Restore {
        /// Every endpoint, in any order; rooms are opened as needed.
        endpoints: Vec<RestoredEndpoint>,
    },
    /// Answered by [`Reply::Stats`].
    Stats,
    /// Answered by [`Reply::Done`]; liveness.
    Ping,
    /// Sends BYE and close_notify everywhere, answers, and ends.
    Shutdown,
}

/// Sockets and identity.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Configure {
    /// UDP address to bind; port 0 = any.
    pub udp: SocketAddr,
    /// TCP address to bind for ICE-TCP (RFC 6544 passive, RFC 4571 framing); none = no TCP.
    pub tcp: Option<SocketAddr>,
    /// Certificate of an earlier worker of this server, so that answers already given stay true.
    pub certificate: Option<Certificate>,
    /// Seed for everything random that is not a secret. None: from the system.
    #[ts(type = "number | null")]
    pub seed: Option<u64>,
    /// Bounds that an operator sets.
    pub limits: WorkerLimits,
    /// What the worker gives up once its sockets are bound.
    pub confinement: Confinement,
}

/// What a worker gives up once its sockets are bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Confinement {
    /// User and group that it becomes where it was started as root. None: it stays root.
    pub uid: Option<u32>,
    /// On Linux: no new privileges, and system calls that a worker does not need end it.
    pub filter: bool,
}

/// Bounds of a worker that an operator sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct WorkerLimits {
    /// Bytes that are begun to be sent to an address that has not proven that it wants them.
    pub unproven_bytes_max: u32,
    /// TCP connections that have not passed an ICE check, of everybody. The oldest makes room.
    pub tcp_unconfirmed_max: u32,
    /// The same, of one IP address (of one /64 with IPv6).
    pub tcp_unconfirmed_per_address_max: u32,
}

/// A DTLS identity. Kept in the server's memory, never on disk.
#[derive(Clone, Serialize, Deserialize, TS)]
pub struct Certificate {
    /// X.509 certificate, DER, base64.
    pub certificate: String,
    /// PKCS#8 private key, DER, base64.
    pub private_key: String,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate(***)")
    }
}

/// A certificate fingerprint (RFC 8122).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Fingerprint {
    /// `sha-256`, `sha-384` or `sha-512`, lower case.
    pub algorithm: String,
    /// Upper-case hexadecimal bytes joined by colons.
    pub value: String,
}

/// Everything an endpoint is made of. Derived from one offer and one answer by the server.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct EndpointOpen {
    /// The room it belongs to.
    pub room: RoomId,
    /// Its id.
    pub endpoint: EndpointId,
    /// ICE short-term credentials of both sides. We are ICE-lite.
    pub ice: IceParameters,
    /// DTLS identity of the far side, and who begins.
    pub dtls: DtlsParameters,
    /// Negotiated RTP header extension ids (one id space for the bundle).
    pub extensions: HeaderExtensions,
    /// Lines on which the endpoint may publish.
    pub receive: Vec<ReceiveLine>,
    /// Lines that we fill: voice slots, one mix, tiles.
    pub send: Vec<SendLine>,
    /// CNAME in our SDES for every line of this endpoint.
    pub cname: String,
    /// Whether it enters the room as soon as it is connected.
    pub entered: bool,
}

/// ICE credentials.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct IceParameters {
    /// Ours, minted by the server, unique per worker.
    pub local_ufrag: String,
    /// Ours.
    pub local_pwd: String,
    /// Theirs.
    pub remote_ufrag: String,
    /// Theirs. A lite agent never sends checks, it is kept for the day it does.
    pub remote_pwd: String,
}

/// DTLS parameters of the far side.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct DtlsParameters {
    /// The certificate must match one of them (RFC 8122 section 5).
    pub fingerprints: Vec<Fingerprint>,
    /// Our side of the handshake.
    pub role: DtlsRole,
}

/// Our side of a DTLS handshake, as the answer's `a=setup` says it (RFC 8842 section 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DtlsRole {
    /// The far side begins: `passive`.
    Server,
    /// We begin: `active`.
    Client,
    /// Nobody begins, until a restart says otherwise: `holdconn`.
    Hold,
}

/// Ids of RTP header extensions (RFC 8285), 1..=255; none where not negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct HeaderExtensions {
    /// urn:ietf:params:rtp-hdrext:sdes:mid
    pub mid: Option<u8>,
    /// urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
    pub rid: Option<u8>,
    /// urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
    pub repaired_rid: Option<u8>,
    /// urn:ietf:params:rtp-hdrext:ssrc-audio-level (RFC 6464)
    pub audio_level: Option<u8>,
    /// http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
    pub abs_send_time: Option<u8>,
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01
    pub transport_cc: Option<u8>,
    /// http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
    pub playout_delay: Option<u8>,
}

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// What a published line shows or sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A voice.
    Microphone,
    /// A camera, possibly with simulcast layers.
    Camera,
    /// A shared screen.
    Screen,
}

/// A codec the worker knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// RFC 3551, mu-law.
    Pcmu,
    /// RFC 3551, A-law.
    Pcma,
    /// RFC 3551, 16 kHz sampled, 8 kHz clock.
    G722,
    /// RFC 7741.
    Vp8,
    /// RFC 6184.
    H264,
}

/// One negotiated codec of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CodecParameters {
    /// The codec.
    pub codec: Codec,
    /// RTP payload type.
    pub payload_type: u8,
    /// Payload type of its retransmissions (RFC 4588), where negotiated.
    pub rtx_payload_type: Option<u8>,
    /// RTP clock in Hz.
    pub clock_rate: u32,
    /// 1 or 2 for audio, 0 for video.
    pub channels: u8,
    /// Format parameters as negotiated, e.g. `profile-level-id`, `usedtx`, `useinbandfec`.
    pub parameters: BTreeMap<String, String>,
    /// Generic NACK negotiated.
    pub nack: bool,
    /// PLI negotiated.
    pub pli: bool,
    /// Transport-wide feedback negotiated.
    pub transport_cc: bool,
}

/// Known SSRCs of a published line or layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SsrcParameters {
    /// RTP SSRC.
    pub ssrc: u32,
    /// SSRC of its retransmissions.
    pub rtx_ssrc: Option<u32>,
    /// Its layer, for simulcast.
    pub rid: Option<String>,
}

/// A line on which the endpoint may publish.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct ReceiveLine {
    /// SDP mid.
    pub mid: String,
    /// Audio or video.
    pub medium: Medium,
    /// What it is.
    pub source: Source,
    /// In order of preference.
    pub codecs: Vec<CodecParameters>,
    /// Declared simulcast layers, smallest picture first; empty = one stream without rid.
    pub rids: Vec<String>,
    /// SSRCs known from SDP or from an earlier connection; the rest is learned from mid and rid.
    pub ssrcs: Vec<SsrcParameters>,
    /// Not published at the moment (muted, camera off): its packets are dropped.
    pub muted: bool,
}

/// What fills a sending line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SendRole {
    /// One of several forwarded voices (speaker selection).
    Voice,
    /// The mix of everybody else.
    Mix,
    /// A picture that the client chooses ([`TileWish`]).
    Tile,
    /// The picture of the active speaker (endpoints with one video line).
    ActiveSpeaker,
}

/// A line that we fill. Its SSRCs stay the same for the life of the endpoint.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct SendLine {
    /// SDP mid.
    pub mid: String,
    /// Audio or video.
    pub medium: Medium,
    /// What fills it.
    pub role: SendRole,
    /// Codecs the endpoint can render here; a source in another codec cannot be shown.
    pub codecs: Vec<CodecParameters>,
    /// Our SSRC.
    pub ssrc: u32,
    /// Our SSRC for retransmissions.
    pub rtx_ssrc: Option<u32>,
}

/// New credentials for a living endpoint.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct EndpointRestart {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// New credentials of both sides.
    pub ice: IceParameters,
    /// Where the far side made a new DTLS association. None: keys stay.
    pub dtls: Option<DtlsParameters>,
}

/// The state of what an endpoint publishes.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct EndpointPublish {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Lines that changed.
    pub lines: Vec<PublishState>,
}

/// State of one published line.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct PublishState {
    /// SDP mid.
    pub mid: String,
    /// Not published: packets dropped, tiles that show it go idle.
    pub muted: bool,
    /// Layers the client says it sends; none = unknown, judge by packets.
    pub rids: Option<Vec<String>>,
}

/// What an endpoint wants to see. Lines not named keep what they show.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct EndpointTiles {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// One wish a line.
    pub tiles: Vec<TileWish>,
}

/// One tile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TileWish {
    /// The tile's line.
    pub mid: String,
    /// Whose picture; none = nothing.
    pub show: Option<TileSource>,
    /// Width in device pixels in which it is shown; chooses the layer.
    pub width: u32,
    /// Height in device pixels.
    pub height: u32,
}

/// A published picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TileSource {
    /// Who publishes it.
    pub endpoint: EndpointId,
    /// Camera or screen.
    pub source: Source,
}

/// One endpoint of a dead worker: how it was opened (brought up to date by restarts, publish states
/// and tiles since) and its last [`EndpointSnapshot`].
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct RestoredEndpoint {
    /// As it would be opened now.
    pub open: EndpointOpen,
    /// Its tiles.
    pub tiles: Vec<TileWish>,
    /// None: it never got as far as keys, or they were handed to a worker that died at once. It is
    /// lost: whether the far side still has keys cannot be known, so it must join anew.
    pub snapshot: Option<EndpointSnapshot>,
}

/// Keys and counters of a connected endpoint: master keys and salts, address, last index of each
/// out-stream, replay tops of each in-stream. Opaque to the server. Contains secrets: memory only.
#[derive(Clone, Serialize, Deserialize, TS)]
pub struct EndpointSnapshot {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// When it was taken, microseconds of the machine's monotonic clock.
    #[ts(type = "number")]
    pub taken_us: u64,
    /// Opaque.
    #[ts(type = "unknown")]
    pub state: serde_json::Value,
}

impl std::fmt::Debug for EndpointSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EndpointSnapshot({:?}, ***)", self.endpoint)
    }
}

/// One line from the worker.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// First line.
    Hello(Hello),
    /// The request was done.
    Reply {
        /// The command's id.
        #[ts(type = "number")]
        id: u64,
        /// What came of it.
        reply: Reply,
    },
    /// The request was refused; nothing changed.
    Error {
        /// The command's id.
        #[ts(type = "number")]
        id: u64,
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for the log.
        message: String,
    },
    /// Something happened.
    Event {
        /// Counts events of this worker from 1, without gaps.
        #[ts(type = "number")]
        seq: u64,
        /// What.
        event: Event,
    },
}

/// First line of a worker.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`].
    pub protocol_version: u32,
    /// The worker's own version.
    pub worker_version: String,
    /// What SDP may promise.
    pub capabilities: Capabilities,
}

/// What SDP may promise on behalf of a worker.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Capabilities {
    /// Codecs that can be mixed (decoded and encoded).
    pub mix: Vec<Codec>,
    /// Codecs that can be forwarded.
    pub forward: Vec<Codec>,
    /// Header extension URIs understood.
    pub extensions: Vec<String>,
}

/// Answers.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    /// Nothing to tell.
    Done,
    /// To `Configure`.
    Configured(Configured),
    /// To `Stats`.
    Stats(Box<Stats>),
    /// To `Restore`: the endpoints that go on with their keys, and those that must join anew.
    Restored {
        /// Went on.
        resumed: Vec<EndpointId>,
        /// Their snapshot was missing, too old or damaged.
        lost: Vec<EndpointId>,
    },
}

/// Where the worker listens and who it is.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Configured {
    /// Bound UDP address.
    pub udp: SocketAddr,
    /// Bound TCP address.
    pub tcp: Option<SocketAddr>,
    /// Fingerprint of the certificate in use.
    pub fingerprint: Fingerprint,
    /// The certificate in use, for the next worker on this port.
    pub certificate: Certificate,
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The line was not a command.
    Malformed,
    /// `Configure` has not been done, or was done already.
    WrongState,
    /// The address could not be bound.
    AddressUnavailable,
    /// No such room.
    RoomNotFound,
    /// No such endpoint.
    EndpointNotFound,
    /// No such line.
    LineNotFound,
    /// An id, ufrag or SSRC is in use with other parameters.
    AlreadyExists,
    /// A limit of `engine::limits` was reached; the message names it.
    LimitReached,
    /// Parameters that cannot work; the message says which.
    InvalidParameters,
}

/// Things that happen by themselves.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// DTLS done, the certificate is the offered one; media flows. Also after a restart.
    EndpointConnected {
        /// The endpoint.
        endpoint: EndpointId,
        /// DTLS version, SRTP profile and far address, for the log.
        detail: String,
    },
    /// Nothing valid has come from it for a while (no consent, RFC 7675); writing has stopped.
    EndpointSilent {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// It is back after `EndpointSilent`.
    EndpointBack {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// It ended by itself. The worker has forgotten it.
    EndpointEnded {
        /// The endpoint.
        endpoint: EndpointId,
        /// Why.
        reason: EndReason,
    },
    /// Whose voice fills which slot of this endpoint; every slot, each time something changed.
    VoiceSlots {
        /// The endpoint.
        endpoint: EndpointId,
        /// All slots.
        slots: Vec<VoiceSlot>,
    },
    /// What each tile of this endpoint really shows now; every tile, each time something changed.
    Tiles {
        /// The endpoint.
        endpoint: EndpointId,
        /// All tiles.
        tiles: Vec<TileState>,
    },
    /// Somebody cannot see a published picture because of its codec: the publisher should send it in
    /// one of these, which all who look at it can show. Said once, and again when the list changes.
    PublishCodecWanted {
        /// The publisher.
        endpoint: EndpointId,
        /// Its line.
        mid: String,
        /// Camera or screen.
        source: Source,
        /// All were negotiated on the line; the publisher's favourite first.
        codecs: Vec<Codec>,
    },
    /// Who speaks in a room; at most a few times a second.
    Speakers {
        /// The room.
        room: RoomId,
        /// Active speaker with hysteresis; stays on the last one while nobody speaks.
        active: Option<EndpointId>,
        /// Everybody who speaks now.
        speaking: Vec<EndpointId>,
    },
    /// A panic ended this room; its endpoints are gone. Other rooms are unharmed.
    RoomFailed {
        /// The room.
        room: RoomId,
        /// For the log.
        message: String,
    },
    /// Once a second, all connected endpoints (in several messages when there are many).
    Snapshot {
        /// Keys and counters; memory only.
        endpoints: Vec<EndpointSnapshot>,
    },
    /// Every 100 ms.
    Heartbeat,
}

/// Why an endpoint ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// No transport within the time allowed after the join.
    ConnectTimeout,
    /// DTLS failed.
    DtlsFailed,
    /// The certificate is not the one of the offer.
    FingerprintMismatch,
    /// DTLS close_notify from the far side.
    ClosedByPeer,
    /// Silent for longer than the seat is held.
    Vanished,
}

/// One voice slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct VoiceSlot {
    /// Its line.
    pub mid: String,
    /// Whose voice; none = free.
    pub endpoint: Option<EndpointId>,
}

/// One tile as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TileState {
    /// Its line.
    pub mid: String,
    /// What it shows; none = nothing flows.
    pub show: Option<TileSource>,
    /// Layer shown.
    pub rid: Option<String>,
    /// Why it does not show, or not as large as wished, what it should; none = it does, or will at
    /// the next key frame.
    pub reason: Option<TileReason>,
}

/// Why a tile is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum TileReason {
    /// Nothing was asked for, or nobody publishes it.
    None,
    /// It is published, but off or without packets at the moment.
    Paused,
    /// It comes in a codec that this line cannot carry.
    Codec,
    /// The path carries only a smaller layer than the size asks for.
    Bandwidth,
}

/// Counters of a worker.
#[derive(Clone, Debug, Default, Serialize, Deserialize, TS)]
pub struct Stats {
    /// User plus system CPU time of the process, microseconds.
    #[ts(type = "number")]
    pub cpu_us: u64,
    /// Resident memory, bytes.
    #[ts(type = "number")]
    pub memory_bytes: u64,
    /// Named counters: packets, bytes and each kind of dropped input.
    #[ts(type = "Record<string, number>")]
    pub counters: BTreeMap<String, u64>,
    /// One entry per endpoint.
    pub endpoints: Vec<EndpointStats>,
}

/// Counters of an endpoint.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct EndpointStats {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Its room.
    pub room: RoomId,
    /// Whether its keys are in place.
    pub connected: bool,
    /// Far address in use.
    pub address: Option<SocketAddr>,
    /// Last round trip by RTCP, microseconds.
    pub round_trip_us: Option<u32>,
    /// Estimated bits per second toward it, where estimated.
    pub estimate_bps: Option<u32>,
    /// Named counters, as in [`Stats::counters`].
    #[ts(type = "Record<string, number>")]
    pub counters: BTreeMap<String, u64>,
}
