// Writes the answer of a plan.
import sdpTransform, { type MediaDescription, type SessionDescription } from "sdp-transform";
import type { OfferedExtension, OfferedLine } from "./offer.ts";
import type { DtlsRole, Fingerprint, HostCandidate, IceCredentials } from "./parameters.ts";
import { type AnswerPlan, isOldDataChannel, type PlannedLine } from "./plan.ts";

/** Our end of the transport, and what identifies this answer. */
export interface AnswerTransport {
  readonly ice: IceCredentials;
  readonly fingerprint: Fingerprint;
  /** One of the plan's. */
  readonly dtls_role: DtlsRole;
  /** Best first. */
  readonly candidates: readonly HostCandidate[];
  /** `o=` session id: decimal digits, the same for every answer to one endpoint. */
  readonly session_id: string;
  /** `o=` version, from 1; one more for every answer to one endpoint. */
  readonly session_version: number;
  readonly cname: string;
}

/** Writes an answer: ICE lite with every candidate in it, DTLS as the offer allows. Source: RFC 8829 section 5.3, 8839, 8842, 8843. */
export function writeAnswer(plan: AnswerPlan, transport: AnswerTransport): string {
  const candidates = transport.candidates.map(writeCandidate);
  const description: SessionDescription = {
    version: 0,
    origin: {
      username: "-",
      sessionId: transport.session_id,
      sessionVersion: transport.session_version,
      netType: "IN",
      ipVer: 4,
      address: "127.0.0.1",
    },
    name: "-",
    timing: { start: 0, stop: 0 },
    icelite: "ice-lite",
    msidSemantic: { semantic: "WMS", token: "*" },
    ...(plan.extmap_allow_mixed ? { extmapAllowMixed: "extmap-allow-mixed" } : {}),
    ...(plan.bundle ? { groups: [{ type: "BUNDLE", mids: plan.bundle.join(" ") }] } : {}),
    media: plan.planned.map((line) =>
      line.accepted
        ? writeLine(line, line.accepted, plan, transport, candidates)
        : line.is_closed_channel
          ? writeChannel(line, plan, transport, candidates)
          : refuse(line, transport),
    ),
  };
  return sdpTransform.write(description);
}

// RFC 3264 section 6: a refused line keeps its place, its medium and its formats.
// Transport facts are in it as well: aiortc refuses an answer that has a line without them.
function refuse({ offered }: PlannedLine, transport: AnswerTransport): MediaDescription {
  return {
    type: offered.medium,
    port: 0,
    protocol: offered.protocol,
    payloads: offered.formats_text,
    connection: { version: 4, ip: "0.0.0.0" },
    ...(offered.mid === null ? {} : { mid: offered.mid }),
    iceUfrag: transport.ice.ufrag,
    icePwd: transport.ice.pwd,
    fingerprint: { type: transport.fingerprint.algorithm, hash: transport.fingerprint.value },
    setup: setups[transport.dtls_role],
    ...(offered.medium === "application" ? {} : { rtcpMux: "rtcp-mux" }),
    direction: "inactive",
    rtp: [],
    fmtp: [],
  };
}

// RFC 8841 section 5 wants a port of each side. What is no longer than the default size is what nobody will send.
const sctp_port = 5000;
const message_bytes_max = 65_536;

// A data channel is never used, but the line carries the transport of all others.
function writeChannel(
  { offered }: PlannedLine,
  plan: AnswerPlan,
  transport: AnswerTransport,
  candidates: NonNullable<MediaDescription["candidates"]>,
): MediaDescription {
  return {
    type: offered.medium,
    protocol: offered.protocol,
    payloads: offered.formats_text,
    ...writeTransport(offered, plan, transport),
    ...(isOldDataChannel(offered)
      ? {
          sctpmap: {
            sctpmapNumber: Number(offered.formats_text),
            app: "webrtc-datachannel",
            maxMessageSize: message_bytes_max,
          },
        }
      : { sctpPort: sctp_port, maxMessageSize: message_bytes_max }),
    rtp: [],
    fmtp: [],
    candidates,
    endOfCandidates: "end-of-candidates",
  };
}

const setups = { server: "passive", client: "active", hold: "holdconn" } as const;

function writeLine(
  line: PlannedLine,
  accepted: NonNullable<PlannedLine["accepted"]>,
  plan: AnswerPlan,
  transport: AnswerTransport,
  candidates: NonNullable<MediaDescription["candidates"]>,
): MediaDescription {
  const { offered } = line;
  return {
    type: offered.medium,
    protocol: offered.protocol,
    ...writeTransport(offered, plan, transport),
    rtcpMux: "rtcp-mux",
    ...(offered.rtcp_rsize ? { rtcpRsize: "rtcp-rsize" } : {}),
    direction: accepted.source
      ? accepted.send
        ? "sendrecv"
        : "recvonly"
      : accepted.send
        ? "sendonly"
        : "inactive",
    ...writeFormats(accepted),
    ext: accepted.extensions.map(writeExtension),
    ...writeLayers(accepted.rids),
    ...writeFlow(line, accepted, transport.cname),
    // RFC 9143 section 7.3 wants transport facts in the first line of the group alone. Who looks for them elsewhere, as
    // aiortc does, would never connect, and everybody else reads the same thing again.
    candidates,
    endOfCandidates: "end-of-candidates",
  };
}

function writeTransport(offered: OfferedLine, plan: AnswerPlan, transport: AnswerTransport) {
  const default_candidate = transport.candidates.find(({ transport }) => transport === "udp");
  const is_v6 = default_candidate?.address.includes(":") ?? false;
  return {
    port: default_candidate?.port ?? 9,
    connection: {
      version: is_v6 ? 6 : 4,
      ip: default_candidate?.address ?? "0.0.0.0",
    },
    ...(offered.mid === null ? {} : { mid: offered.mid }),
    iceUfrag: transport.ice.ufrag,
    icePwd: transport.ice.pwd,
    ...(plan.trickles ? { iceOptions: "trickle" } : {}),
    fingerprint: { type: transport.fingerprint.algorithm, hash: transport.fingerprint.value },
    setup: setups[transport.dtls_role],
  };
}

function writeFormats(
  accepted: NonNullable<PlannedLine["accepted"]>,
): Pick<MediaDescription, "payloads" | "rtp" | "fmtp" | "rtcpFb"> {
  const rtp: MediaDescription["rtp"] = [];
  const fmtp: MediaDescription["fmtp"] = [];
  const rtcpFb: NonNullable<MediaDescription["rtcpFb"]> = [];
  accepted.formats.forEach((format, position) => {
    const { offered, rtx, answered } = format;
    const payload = offered.payload_type;
    rtp.push({
      payload,
      codec: offered.name === "opus" ? "opus" : offered.name.toUpperCase(),
      rate: offered.clock_rate,
      ...(offered.channels > 1 ? { encoding: offered.channels } : {}),
    });
    const config = Object.entries(answered)
      .map(([name, value]) => `${name}=${value}`)
      .join(";");
    if (config !== "") fmtp.push({ payload, config });
    for (const name of accepted.feedback[position] ?? []) {
      const [type = "", subtype] = name.split(" ");
      rtcpFb.push({ payload, type, ...(subtype ? { subtype } : {}) });
    }
    if (rtx) {
      rtp.push({ payload: rtx.payload_type, codec: "rtx", rate: rtx.clock_rate });
      fmtp.push({ payload: rtx.payload_type, config: `apt=${payload}` });
    }
  });
  return { payloads: rtp.map(({ payload }) => payload).join(" "), rtp, fmtp, rtcpFb };
}

const reversed = { sendonly: "recvonly", recvonly: "sendonly" } as const;

function writeExtension({ id, uri, direction }: OfferedExtension): {
  value: number;
  uri: string;
  direction?: string;
} {
  return direction === "sendonly" || direction === "recvonly"
    ? { value: id, uri, direction: reversed[direction] }
    : { value: id, uri };
}

function writeLayers(rids: readonly string[]): Partial<MediaDescription> {
  if (rids.length === 0) return {};
  return {
    rids: rids.map((id) => ({ id, direction: "recv" })),
    simulcast: { dir1: "recv", list1: rids.join(";") },
  };
}

function writeFlow(
  line: PlannedLine,
  accepted: NonNullable<PlannedLine["accepted"]>,
  cname: string,
): Partial<MediaDescription> {
  const send = accepted.send;
  if (!send) return {};
  const flows = [send.ssrc, ...(send.rtx_ssrc === null ? [] : [send.rtx_ssrc])];
  // The mix and the active speaker belong together for a player that shows one of each; slots and
  // tiles are changed one by one, so each is a stream of its own.
  const together = send.role === "mix" || send.role === "active_speaker";
  const id = together ? "room" : `slot-${line.offered.index}`;
  const msid = { id, appdata: `track-${line.offered.index}` };
  return {
    // Pion takes the layers that we receive for layers that we send, and then forgets our SSRC, but only where the track has a
    // name of its own. RFC 8830 section 2 lets it be left out, and sdp-transform has no rule for that.
    ...(accepted.rids.length > 0 ? { invalid: [{ value: `msid:${id}` }] } : { msid: [msid] }),
    ssrcs: flows.map((ssrc) => ({ id: ssrc, attribute: "cname", value: cname })),
    ...(flows.length > 1 ? { ssrcGroups: [{ semantics: "FID", ssrcs: flows.join(" ") }] } : {}),
  };
}

/** One of our candidates as sdp-transform prints it. */
export function writeCandidate(
  candidate: HostCandidate,
): NonNullable<MediaDescription["candidates"]>[number] {
  return {
    foundation: candidate.foundation,
    component: 1,
    transport: candidate.transport,
    priority: candidate.priority,
    ip: candidate.address,
    port: candidate.port,
    type: "host",
    ...(candidate.transport === "tcp" ? { tcptype: "passive" } : {}),
  };
}
