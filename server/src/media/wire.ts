// Generated from worker/crates/wire by `npm run contract`. Do not edit.
/** The messages between the server and a media worker. Described in worker/crates/wire. */
export const PROTOCOL_VERSION = 2;

/**
 * The media half of a conference. Equal to the conference's id.
 */
export type RoomId = string;

/**
 * The media half of a call. Equal to the call's id (not the conferencecall's).
 */
export type EndpointId = string;

/**
 * One line from the server.
 */
export type Command = {
/**
 * Chosen by the server, answered by exactly one [`Message::Reply`] or [`Message::Error`].
 */
id: number,
/**
 * What to do.
 */
request: Request, };

/**
 * What the server asks of the worker. Every request is answered, in order.
 */
export type Request = { "type": "configure" } & Configure | { "type": "room_open",
/**
 * The room.
 */
room: RoomId, } | { "type": "room_close",
/**
 * The room.
 */
room: RoomId, } | { "type": "endpoint_open" } & EndpointOpen | { "type": "endpoint_restart" } & EndpointRestart | { "type": "endpoint_publish" } & EndpointPublish | { "type": "endpoint_tiles" } & EndpointTiles | { "type": "endpoint_enter",
/**
 * The endpoint.
 */
endpoint: EndpointId,
/**
 * True: in the room. False: connected but alone.
 */
entered: boolean, } | { "type": "endpoint_close",
/**
 * The endpoint.
 */
endpoint: EndpointId, } | { "type": "restore",
/**
 * Every endpoint, in any order; rooms are opened as needed.
 */
endpoints: Array<RestoredEndpoint>, } | { "type": "stats" } | { "type": "ping" } | { "type": "shutdown" };

/**
 * Sockets and identity.
 */
export type Configure = {
/**
 * UDP address to bind; port 0 = any.
 */
udp: string,
/**
 * TCP address to bind for ICE-TCP (RFC 6544 passive, RFC 4571 framing); none = no TCP.
 */
tcp: string | null,
/**
 * Certificate of an earlier worker of this server, so that answers already given stay true.
 */
certificate: Certificate | null,
/**
 * Seed for everything random that is not a secret. None: from the system.
 */
seed: number | null,
/**
 * Bounds that an operator sets.
 */
limits: WorkerLimits,
/**
 * What the worker gives up once its sockets are bound.
 */
confinement: Confinement, };

/**
 * Bounds of a worker that an operator sets.
 */
export type WorkerLimits = {
/**
 * Bytes that are begun to be sent to an address that has not proven that it wants them.
 */
unproven_bytes_max: number,
/**
 * TCP connections that have not passed an ICE check, of everybody. The oldest makes room.
 */
tcp_unconfirmed_max: number,
/**
 * The same, of one IP address (of one /64 with IPv6).
 */
tcp_unconfirmed_per_address_max: number, };

/**
 * What a worker gives up once its sockets are bound.
 */
export type Confinement = {
/**
 * User and group that it becomes where it was started as root. None: it stays root.
 */
uid: number | null,
/**
 * On Linux: no new privileges, and system calls that a worker does not need end it.
 */
filter: boolean, };

/**
 * A DTLS identity. Kept in the server's memory, never on disk.
 */
export type Certificate = {
/**
 * X.509 certificate, DER, base64.
 */
certificate: string,
/**
 * PKCS#8 private key, DER, base64.
 */
private_key: string, };

/**
 * A certificate fingerprint (RFC 8122).
 */
export type Fingerprint = {
/**
 * `sha-256`, `sha-384` or `sha-512`, lower case.
 */
algorithm: string,
/**
 * Upper-case hexadecimal bytes joined by colons.
 */
value: string, };

/**
 * Everything an endpoint is made of. Derived from one offer and one answer by the server.
 */
export type EndpointOpen = {
/**
 * The room it belongs to.
 */
room: RoomId,
/**
 * Its id.
 */
endpoint: EndpointId,
/**
 * ICE short-term credentials of both sides. We are ICE-lite.
 */
ice: IceParameters,
/**
 * DTLS identity of the far side, and who begins.
 */
dtls: DtlsParameters,
/**
 * Negotiated RTP header extension ids (one id space for the bundle).
 */
extensions: HeaderExtensions,
/**
 * Lines on which the endpoint may publish.
 */
receive: Array<ReceiveLine>,
/**
 * Lines that we fill: voice slots, one mix, tiles.
 */
send: Array<SendLine>,
/**
 * CNAME in our SDES for every line of this endpoint.
 */
cname: string,
/**
 * Whether it enters the room as soon as it is connected.
 */
entered: boolean, };

/**
 * ICE credentials.
 */
export type IceParameters = {
/**
 * Ours, minted by the server, unique per worker.
 */
local_ufrag: string,
/**
 * Ours.
 */
local_pwd: string,
/**
 * Theirs.
 */
remote_ufrag: string,
/**
 * Theirs. A lite agent never sends checks, it is kept for the day it does.
 */
remote_pwd: string, };

/**
 * DTLS parameters of the far side.
 */
export type DtlsParameters = {
/**
 * The certificate must match one of them (RFC 8122 section 5).
 */
fingerprints: Array<Fingerprint>,
/**
 * Our side of the handshake.
 */
role: DtlsRole, };

/**
 * Our side of a DTLS handshake, as the answer's `a=setup` says it (RFC 8842 section 5.3).
 */
export type DtlsRole = "server" | "client" | "hold";

/**
 * Ids of RTP header extensions (RFC 8285), 1..=255; none where not negotiated.
 */
export type HeaderExtensions = {
/**
 * urn:ietf:params:rtp-hdrext:sdes:mid
 */
mid: number | null,
/**
 * urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
 */
rid: number | null,
/**
 * urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
 */
repaired_rid: number | null,
/**
 * urn:ietf:params:rtp-hdrext:ssrc-audio-level (RFC 6464)
 */
audio_level: number | null,
/**
 * http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
 */
abs_send_time: number | null,
/**
 * draft-holmer-rmcat-transport-wide-cc-extensions-01
 */
transport_cc: number | null,
/**
 * http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
 */
playout_delay: number | null, };

/**
 * Audio or video.
 */
export type Medium = "audio" | "video";

/**
 * What a published line shows or sounds.
 */
export type Source = "microphone" | "camera" | "screen";

/**
 * A codec the worker knows.
 */
export type Codec = "opus" | "pcmu" | "pcma" | "g722" | "vp8" | "h264";

/**
 * One negotiated codec of one line.
 */
export type CodecParameters = {
/**
 * The codec.
 */
codec: Codec,
/**
 * RTP payload type.
 */
payload_type: number,
/**
 * Payload type of its retransmissions (RFC 4588), where negotiated.
 */
rtx_payload_type: number | null,
/**
 * RTP clock in Hz.
 */
clock_rate: number,
/**
 * 1 or 2 for audio, 0 for video.
 */
channels: number,
/**
 * Format parameters as negotiated, e.g. `profile-level-id`, `usedtx`, `useinbandfec`.
 */
parameters: { [key in string]: string },
/**
 * Generic NACK negotiated.
 */
nack: boolean,
/**
 * PLI negotiated.
 */
pli: boolean,
/**
 * Transport-wide feedback negotiated.
 */
transport_cc: boolean, };

/**
 * Known SSRCs of a published line or layer.
 */
export type SsrcParameters = {
/**
 * RTP SSRC.
 */
ssrc: number,
/**
 * SSRC of its retransmissions.
 */
rtx_ssrc: number | null,
/**
 * Its layer, for simulcast.
 */
rid: string | null, };

/**
 * A line on which the endpoint may publish.
 */
export type ReceiveLine = {
/**
 * SDP mid.
 */
mid: string,
/**
 * Audio or video.
 */
medium: Medium,
/**
 * What it is.
 */
source: Source,
/**
 * In order of preference.
 */
codecs: Array<CodecParameters>,
/**
 * Declared simulcast layers, smallest picture first; empty = one stream without rid.
 */
rids: Array<string>,
/**
 * SSRCs known from SDP or from an earlier connection; the rest is learned from mid and rid.
 */
ssrcs: Array<SsrcParameters>,
/**
 * Not published at the moment (muted, camera off): its packets are dropped.
 */
muted: boolean, };

/**
 * What fills a sending line.
 */
export type SendRole = "voice" | "mix" | "tile" | "active_speaker";

/**
 * A line that we fill. Its SSRCs stay the same for the life of the endpoint.
 */
export type SendLine = {
/**
 * SDP mid.
 */
mid: string,
/**
 * Audio or video.
 */
medium: Medium,
/**
 * What fills it.
 */
role: SendRole,
/**
 * Codecs the endpoint can render here; a source in another codec cannot be shown.
 */
codecs: Array<CodecParameters>,
/**
 * Our SSRC.
 */
ssrc: number,
/**
 * Our SSRC for retransmissions.
 */
rtx_ssrc: number | null, };

/**
 * New credentials for a living endpoint.
 */
export type EndpointRestart = {
/**
 * The endpoint.
 */
endpoint: EndpointId,
/**
 * New credentials of both sides.
 */
ice: IceParameters,
/**
 * Where the far side made a new DTLS association. None: keys stay.
 */
dtls: DtlsParameters | null, };

/**
 * The state of what an endpoint publishes.
 */
export type EndpointPublish = {
/**
 * The endpoint.
 */
endpoint: EndpointId,
/**
 * Lines that changed.
 */
lines: Array<PublishState>, };

/**
 * State of one published line.
 */
export type PublishState = {
/**
 * SDP mid.
 */
mid: string,
/**
 * Not published: packets dropped, tiles that show it go idle.
 */
muted: boolean,
/**
 * Layers the client says it sends; none = unknown, judge by packets.
 */
rids: Array<string> | null, };

/**
 * What an endpoint wants to see. Lines not named keep what they show.
 */
export type EndpointTiles = {
/**
 * The endpoint.
 */
endpoint: EndpointId,
/**
 * One wish a line.
 */
tiles: Array<TileWish>, };

/**
 * One tile.
 */
export type TileWish = {
/**
 * The tile's line.
 */
mid: string,
/**
 * Whose picture; none = nothing.
 */
show: TileSource | null,
/**
 * Width in device pixels in which it is shown; chooses the layer.
 */
width: number,
/**
 * Height in device pixels.
 */
height: number, };

/**
 * A published picture.
 */
export type TileSource = {
/**
 * Who publishes it.
 */
endpoint: EndpointId,
/**
 * Camera or screen.
 */
source: Source, };

/**
 * One endpoint of a dead worker: how it was opened (brought up to date by restarts, publish states
 * and tiles since) and its last [`EndpointSnapshot`].
 */
export type RestoredEndpoint = {
/**
 * As it would be opened now.
 */
open: EndpointOpen,
/**
 * Its tiles.
 */
tiles: Array<TileWish>,
/**
 * None: it never got as far as keys, or they were handed to a worker that died at once. It is
 * lost: whether the far side still has keys cannot be known, so it must join anew.
 */
snapshot: EndpointSnapshot | null, };

/**
 * Keys and counters of a connected endpoint: master keys and salts, address, last index of each
 * out-stream, replay tops of each in-stream. Opaque to the server. Contains secrets: memory only.
 */
export type EndpointSnapshot = {
/**
 * The endpoint.
 */
endpoint: EndpointId,
/**
 * When it was taken, microseconds of the machine's monotonic clock.
 */
taken_us: number,
/**
 * Opaque.
 */
state: unknown, };

/**
 * One line from the worker.
 */
export type Message = { "type": "hello" } & Hello | { "type": "reply",
/**
 * The command's id.
 */
id: number,
/**
 * What came of it.
 */
reply: Reply, } | { "type": "error",
/**
 * The command's id.
 */
id: number,
/**
 * Why, for programs.
 */
code: ErrorCode,
/**
 * Why, for the log.
 */
message: string, } | { "type": "event",
/**
 * Counts events of this worker from 1, without gaps.
 */
seq: number,
/**
 * What.
 */
event: Event, };

/**
 * First line of a worker.
 */
export type Hello = {
/**
 * [`PROTOCOL_VERSION`].
 */
protocol_version: number,
/**
 * The worker's own version.
 */
worker_version: string,
/**
 * What SDP may promise.
 */
capabilities: Capabilities, };

/**
 * What SDP may promise on behalf of a worker.
 */
export type Capabilities = {
/**
 * Codecs that can be mixed (decoded and encoded).
 */
mix: Array<Codec>,
/**
 * Codecs that can be forwarded.
 */
forward: Array<Codec>,
/**
 * Header extension URIs understood.
 */
extensions: Array<string>, };

/**
 * Answers.
 */
export type Reply = { "type": "done" } | { "type": "configured" } & Configured | { "type": "stats" } & Stats | { "type": "restored",
/**
 * Went on.
 */
resumed: Array<EndpointId>,
/**
 * Their snapshot was missing, too old or damaged.
 */
lost: Array<EndpointId>, };

/**
 * Where the worker listens and who it is.
 */
export type Configured = {
/**
 * Bound UDP address.
 */
udp: string,
/**
 * Bound TCP address.
 */
tcp: string | null,
/**
 * Fingerprint of the certificate in use.
 */
fingerprint: Fingerprint,
/**
 * The certificate in use, for the next worker on this port.
 */
certificate: Certificate, };

/**
 * Why a request was refused.
 */
export type ErrorCode = "malformed" | "wrong_state" | "address_unavailable" | "room_not_found" | "endpoint_not_found" | "line_not_found" | "already_exists" | "limit_reached" | "invalid_parameters";

/**
 * Things that happen by themselves.
 */
export type Event = { "type": "endpoint_connected",
/**
 * The endpoint.
 */
endpoint: EndpointId,
/**
 * DTLS version, SRTP profile and far address, for the log.
 */
detail: string, } | { "type": "endpoint_silent",
/**
 * The endpoint.
 */
endpoint: EndpointId, } | { "type": "endpoint_back",
/**
 * The endpoint.
 */
endpoint: EndpointId, } | { "type": "endpoint_ended",
/**
 * The endpoint.
 */
endpoint: EndpointId,
/**
 * Why.
 */
reason: EndReason, } | { "type": "voice_slots",
/**
 * The endpoint.
 */
endpoint: EndpointId,
/**
 * All slots.
 */
slots: Array<VoiceSlot>, } | { "type": "tiles",
/**
 * The endpoint.
 */
endpoint: EndpointId,
/**
 * All tiles.
 */
tiles: Array<TileState>, } | { "type": "publish_codec_wanted",
/**
 * The publisher.
 */
endpoint: EndpointId,
/**
 * Its line.
 */
mid: string,
/**
 * Camera or screen.
 */
source: Source,
/**
 * All were negotiated on the line; the publisher's favourite first.
 */
codecs: Array<Codec>, } | { "type": "speakers",
/**
 * The room.
 */
room: RoomId,
/**
 * Active speaker with hysteresis; stays on the last one while nobody speaks.
 */
active: EndpointId | null,
/**
 * Everybody who speaks now.
 */
speaking: Array<EndpointId>, } | { "type": "room_failed",
/**
 * The room.
 */
room: RoomId,
/**
 * For the log.
 */
message: string, } | { "type": "snapshot",
/**
 * Keys and counters; memory only.
 */
endpoints: Array<EndpointSnapshot>, } | { "type": "heartbeat" };

/**
 * Why an endpoint ended by itself.
 */
export type EndReason = "connect_timeout" | "dtls_failed" | "fingerprint_mismatch" | "closed_by_peer" | "vanished";

/**
 * One voice slot.
 */
export type VoiceSlot = {
/**
 * Its line.
 */
mid: string,
/**
 * Whose voice; none = free.
 */
endpoint: EndpointId | null, };

/**
 * Why a tile is not as it should be.
 */
export type TileReason = "none" | "paused" | "codec" | "bandwidth";

/**
 * One tile as it is.
 */
export type TileState = {
/**
 * Its line.
 */
mid: string,
/**
 * What it shows; none = nothing flows.
 */
show: TileSource | null,
/**
 * Layer shown.
 */
rid: string | null,
/**
 * Why it does not show, or not as large as wished, what it should; none = it does, or will at
 * the next key frame.
 */
reason: TileReason | null, };

/**
 * Counters of a worker.
 */
export type Stats = {
/**
 * User plus system CPU time of the process, microseconds.
 */
cpu_us: number,
/**
 * Resident memory, bytes.
 */
memory_bytes: number,
/**
 * Named counters: packets, bytes and each kind of dropped input.
 */
counters: Record<string, number>,
/**
 * One entry per endpoint.
 */
endpoints: Array<EndpointStats>, };

/**
 * Counters of an endpoint.
 */
export type EndpointStats = {
/**
 * The endpoint.
 */
endpoint: EndpointId,
/**
 * Its room.
 */
room: RoomId,
/**
 * Whether its keys are in place.
 */
connected: boolean,
/**
 * Far address in use.
 */
address: string | null,
/**
 * Last round trip by RTCP, microseconds.
 */
round_trip_us: number | null,
/**
 * Estimated bits per second toward it, where estimated.
 */
estimate_bps: number | null,
/**
 * Named counters, as in [`Stats::counters`].
 */
counters: Record<string, number>, };
