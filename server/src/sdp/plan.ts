// Judges an offer: what each line becomes, what the worker is told, what the answer will say.
// docs/design/join.md says which line is what.
import {
  answerFeedback,
  type ChosenFormat,
  chooseFormats,
  oneOfEach,
  showFormat,
} from "./codecs.ts";
import { type ExtensionPlan, planExtensions } from "./extensions.ts";
import type { Offer, OfferedLine } from "./offer.ts";
import type {
  Codec,
  DtlsRole,
  Fingerprint,
  HeaderExtensions,
  IceCredentials,
  LineRole,
  ReceiveLine,
  SendLine,
  SendRole,
  Source,
} from "./parameters.ts";
import { problems } from "./problems.ts";

/** SSRCs that the offerer goes on using, where its packets no longer carry mid and rid (join.md, resume). */
export interface KnownSsrc {
  readonly mid: string;
  readonly rid: string | null;
  readonly ssrc: number;
  readonly rtx_ssrc: number | null;
}

/** What may be answered. */
export interface AnswerPolicy {
  /** Codecs that can be mixed, forwarded; header extensions understood. From the worker's hello. */
  readonly mix: readonly Codec[];
  readonly forward: readonly Codec[];
  readonly extensions: readonly string[];
  /** False: lines are answered so that they do not send. */
  readonly may_publish: boolean;
  /** How an endpoint with several receiving audio lines hears: each voice alone, or the mix on the first. */
  readonly audio: "voices" | "mix";
  /** Which published lines start as not live. */
  readonly muted: Readonly<Record<Source, boolean>>;
  readonly known: readonly KnownSsrc[];
}

/** Chance, as an argument. */
export interface Mint {
  /** A random SSRC, 1 to 2^32-1. */
  ssrc(): number;
}

/** What one line of the offer became. */
export interface RoleOfLine {
  readonly mid: string;
  readonly role: LineRole;
}

/** One line of the answer to be. */
export interface PlannedLine {
  readonly offered: OfferedLine;
  /** The offer's mid, or the line's position where it has none. */
  readonly mid: string;
  /** Null: answered with port 0, or a data channel. */
  readonly accepted: {
    readonly formats: readonly ChosenFormat[];
    readonly feedback: readonly (readonly string[])[];
    readonly source: Source | null;
    readonly send: SendLine | null;
    readonly rids: readonly string[];
    readonly extensions: ExtensionPlan["lines"][number];
  } | null;
  /** A data channel that stands in the answer, because the offerer needs its transport. Whatever is opened on it is closed
   *  at once by the worker. */
  readonly is_closed_channel: boolean;
}

/** An offer that can be answered: parameters for the worker, roles for the client, lines for the answer. */
export interface AnswerPlan {
  /** Theirs. */
  readonly ice: IceCredentials;
  readonly fingerprints: readonly Fingerprint[];
  /** Our sides of the DTLS handshake that the offer allows, best first; never empty. */
  readonly dtls_roles: readonly [DtlsRole, ...DtlsRole[]];
  readonly extensions: HeaderExtensions;
  readonly receive: readonly ReceiveLine[];
  readonly send: readonly SendLine[];
  readonly lines: readonly RoleOfLine[];
  readonly planned: readonly PlannedLine[];
  /** The BUNDLE group of the answer: mids of accepted lines in the order of the offered group; null where none was offered. */
  readonly bundle: readonly string[] | null;
  /** The accepted line whose transport carries all. */
  readonly tagged: { readonly medium: string; readonly mid: string | null };
  readonly trickles: boolean;
  /** Whether an id above 14 was taken, which needs two-byte headers (RFC 8285). */
  readonly extmap_allow_mixed: boolean;
}

/** Judges an offer. The same offer, policy and mint give the same plan. Errors: OFFER_UNSUPPORTED, SDP_MALFORMED. Source: RFC 3264, 8829, 8843, 8853; docs/design/join.md. */
export function planAnswer(offer: Offer, policy: AnswerPolicy, mint: Mint): AnswerPlan {
  if (offer.lines.length === 0) throw unsupported("the offer has no media lines");
  if (offer.ice_lite) {
    throw unsupported("both sides are ICE lite, so that nobody would begin (RFC 8445 section 2.5)");
  }
  const refusals = new Map<OfferedLine, string>();
  const { group, usable, roles } = chooseGroup(offer, policy, refusals);
  const tagged = group.lines.find((line) => usable.includes(line));
  const transport = judgeTransport(tagged, group);
  if (roles.size === 0 || !tagged) throw nothingUsable(offer, refusals);
  const media = usable.filter(({ medium }) => medium !== "application");
  const extensions = planExtensions(offer, media, new Set(policy.extensions), (line) => ({
    receives: roles.get(line)?.source !== undefined,
  }));
  const planned = offer.lines.map((line): PlannedLine => {
    const mid = midOf(line);
    const is_refused = refusals.has(line);
    if (is_refused || line.medium === "application") {
      return { offered: line, mid, accepted: null, is_closed_channel: !is_refused };
    }
    const role = roles.get(line);
    const formats = role?.formats ?? chooseFormats(line, allCodecs(policy)).slice(0, 1);
    const send = role?.send ? planSend(line, role.send, formats, mint) : null;
    return {
      offered: line,
      mid,
      accepted: {
        formats,
        feedback: formats.map(answerFeedback),
        source: role?.source ?? null,
        send,
        rids: role?.source ? orderLayers(line.rids) : [],
        extensions: extensions.lines[line.index] ?? [],
      },
      is_closed_channel: false,
    };
  });
  return {
    ...transport,
    extensions: extensions.ids,
    receive: planned.flatMap((line) => planReceive(line, policy)),
    send: planned.flatMap((line) => (line.accepted?.send ? [line.accepted.send] : [])),
    lines: planned.map((line) => ({ mid: line.mid, role: roleName(line) })),
    planned,
    bundle: group.is_bundle ? group.lines.filter((line) => usable.includes(line)).map(midOf) : null,
    tagged: { medium: tagged.medium, mid: tagged.mid },
    trickles: offer.trickles,
    extmap_allow_mixed: extensions.needs_two_bytes,
  };
}

const midOf = (line: OfferedLine): string => line.mid ?? String(line.index);

const allCodecs = (policy: AnswerPolicy): ReadonlySet<Codec> =>
  new Set([...policy.mix, ...policy.forward]);

const unsupported = (message: string, details: { [key: string]: string | number }[] = []): Error =>
  problems.OFFER_UNSUPPORTED({ message, details });

const strong_digests: ReadonlySet<string> = new Set(["sha-256", "sha-384", "sha-512"]);

// What the whole offer rests on: one ICE and DTLS transport that we can be the other end of.
function judgeTransport(
  tagged: OfferedLine | undefined,
  { lines }: TransportGroup,
): Pick<AnswerPlan, "ice" | "fingerprints" | "dtls_roles"> {
  // RFC 9143 section 7.3.1: the first accepted line of the group speaks for all. What it does not say itself,
  // as a bundle-only line, is said by the others.
  const group = tagged ? [tagged, ...lines] : lines;
  const ice = group.find((line) => line.ice)?.ice;
  if (!ice) throw unsupported("no a=ice-ufrag and a=ice-pwd: WebRTC needs ICE");
  const offered = group.find((line) => line.fingerprints.length > 0)?.fingerprints;
  if (!offered) throw unsupported("no a=fingerprint: only DTLS-SRTP is accepted");
  const fingerprints = offered.filter(({ algorithm }) => strong_digests.has(algorithm));
  if (fingerprints.length === 0) {
    throw unsupported("a=fingerprint needs sha-256, sha-384 or sha-512 (RFC 8826)");
  }
  const dtls_roles = rolesFor(group.find((line) => line.setup !== null)?.setup ?? "actpass");
  return { ice, fingerprints, dtls_roles };
}

// RFC 8842 section 5.3 with the table of RFC 4145 section 4.1. Where both are free the far side
// begins: it is the one that knows when the answer has arrived.
function rolesFor(setup: string): AnswerPlan["dtls_roles"] {
  switch (setup.toLowerCase()) {
    case "actpass":
      return ["server", "client"];
    case "active":
      return ["server"];
    case "passive":
      return ["client"];
    case "holdconn":
      return ["hold"];
    default:
      throw unsupported("a=setup is none of actpass, active, passive and holdconn (RFC 8842)");
  }
}

const rtp_protocol = /^(?:(?:UDP|TCP)\/TLS\/)?RTP\/S?AVPF?$/;

interface TransportGroup {
  /** In the order of the group. */
  readonly lines: readonly OfferedLine[];
  readonly is_bundle: boolean;
}

// Lines that share a transport: each BUNDLE group, and each line outside of them by itself.
function transportGroups(offer: Offer): TransportGroup[] {
  const by_mid = new Map(offer.lines.map((line) => [line.mid, line]));
  const groups = offer.bundles.map((mids) => ({
    lines: mids.flatMap((mid) => by_mid.get(mid) ?? []),
    is_bundle: true,
  }));
  const grouped = new Set(groups.flatMap(({ lines }) => lines));
  const alone = offer.lines.filter((line) => !grouped.has(line));
  return [...groups, ...alone.map((line) => ({ lines: [line], is_bundle: false }))];
}

// An endpoint has one transport: the group of which most lines get a role, the first of equals. Lines of other
// groups are refused alone.
function chooseGroup(
  offer: Offer,
  policy: AnswerPolicy,
  refusals: Map<OfferedLine, string>,
): { group: TransportGroup; usable: OfferedLine[]; roles: Map<OfferedLine, Role> } {
  let best: ReturnType<typeof chooseGroup> | null = null;
  for (const group of transportGroups(offer)) {
    // RFC 9143 section 9.3.1: bundle-only lines need not repeat it.
    const is_muxed = group.lines.some((line) => line.rtcp_mux && !isOff(line));
    for (const line of group.lines) {
      const refusal = takesChannel(line, group) ? null : judgeLine(line, is_muxed, policy);
      if (refusal) refusals.set(line, refusal);
    }
    const members = new Set(group.lines);
    const usable = offer.lines.filter((line) => members.has(line) && !refusals.has(line));
    const roles = assignRoles(usable, policy);
    if (!best || roles.size > best.roles.size) best = { group, usable, roles };
  }
  if (!best) throw unsupported("the offer has no media lines");
  const chosen = new Set(best.group.lines);
  for (const line of offer.lines) {
    if (!chosen.has(line) && !refusals.has(line)) {
      refusals.set(line, "not in the BUNDLE group: an endpoint has one transport");
    }
  }
  return best;
}

// A data channel is refused by the answer, if that can be: to libdatachannel the end of its association is the end of the
// connection. It cannot where the line's transport is one that the offerer already relies on:
// - it is the first of its group: with a `max-bundle` policy libwebrtc has no other transport, and takes no answer that
//   refuses the line;
// - it has candidates of its own: aiortc goes on connecting to what the answer leaves outside of the group, and is
//   never `connected`.
function takesChannel(line: OfferedLine, group: TransportGroup): boolean {
  if (!group.is_bundle || !isDataChannel(line) || isOff(line)) return false;
  return line.has_candidates || line === group.lines.find((each) => !isOff(each));
}

const isDataChannel = (line: OfferedLine): boolean =>
  line.medium === "application" &&
  (/^(?:UDP|TCP)\/DTLS\/SCTP$/.test(line.protocol)
    ? line.formats_text === "webrtc-datachannel"
    : isOldDataChannel(line));

/** Whether it is written as before RFC 8841, with the port as its format (aiortc before 1.5). */
export const isOldDataChannel = (line: OfferedLine): boolean =>
  line.protocol === "DTLS/SCTP" && /^\d{1,5}$/.test(line.formats_text);

const isOff = (line: OfferedLine): boolean => line.port === 0 && !line.bundle_only;

// Why a line cannot be used at all, or null.
function judgeLine(line: OfferedLine, is_muxed: boolean, policy: AnswerPolicy): string | null {
  if (isOff(line)) return "offered with port 0";
  if (line.medium !== "audio" && line.medium !== "video") {
    return line.medium === "application" ? "data channels are not offered" : "unknown medium";
  }
  if (!rtp_protocol.test(line.protocol)) return "not an RTP protocol";
  if (!line.rtcp_mux && !(line.bundle_only && is_muxed)) return "needs a=rtcp-mux";
  if (chooseFormats(line, allCodecs(policy)).length === 0) {
    const known = line.medium === "audio" ? "opus, G.722, G.711" : "VP8, H.264 (mode 0 or 1)";
    return `no codec in common (${known})`;
  }
  return null;
}

interface Role {
  readonly source?: Source;
  readonly send?: SendRole;
  readonly formats: readonly ChosenFormat[];
}

const sends = (line: OfferedLine): boolean =>
  line.direction === "sendrecv" || line.direction === "sendonly";
const receives = (line: OfferedLine): boolean =>
  line.direction === "sendrecv" || line.direction === "recvonly";

// Lines without a role here are usable but idle: answered as inactive.
function assignRoles(usable: readonly OfferedLine[], policy: AnswerPolicy): Map<OfferedLine, Role> {
  const audio = usable.filter((line) => line.medium === "audio");
  const video = usable.filter((line) => line.medium === "video");
  const sources = new Map<OfferedLine, Source>();
  if (policy.may_publish) {
    const microphone = audio.find(sends);
    if (microphone) sources.set(microphone, "microphone");
    const [camera, screen] = video.filter(sends);
    if (camera) sources.set(camera, "camera");
    if (screen) sources.set(screen, "screen");
  }
  const targets = new Map<OfferedLine, SendRole>([
    ...assignAudio(audio.filter(receives), policy),
    ...assignVideo(video.filter(receives), policy),
  ]);
  const roles = new Map<OfferedLine, Role>();
  for (const line of usable) {
    const source = sources.get(line);
    const send = targets.get(line);
    if (!source && !send) continue;
    const formats = chooseFormats(line, send ? codecsFor(send, policy) : allCodecs(policy));
    roles.set(line, {
      ...(source ? { source } : {}),
      ...(send ? { send } : {}),
      // One audio codec, so that the far side cannot change it under a voice slot.
      formats: line.medium === "audio" ? formats.slice(0, 1) : send ? formats : oneOfEach(formats),
    });
  }
  return roles;
}

const codecsFor = (role: SendRole, policy: AnswerPolicy): ReadonlySet<Codec> =>
  new Set(role === "mix" ? policy.mix : policy.forward);

const canCarry = (line: OfferedLine, role: SendRole, policy: AnswerPolicy): boolean =>
  chooseFormats(line, codecsFor(role, policy)).length > 0;

function assignAudio(
  lines: readonly OfferedLine[],
  policy: AnswerPolicy,
): [OfferedLine, SendRole][] {
  const voices = lines.filter((line) => canCarry(line, "voice", policy));
  if (policy.audio === "voices" && lines.length > 1 && voices.length > 0) {
    return voices.map((line) => [line, "voice"]);
  }
  const mix = lines.find((line) => canCarry(line, "mix", policy));
  return mix ? [[mix, "mix"]] : [];
}

function assignVideo(
  lines: readonly OfferedLine[],
  policy: AnswerPolicy,
): [OfferedLine, SendRole][] {
  const tiles = lines.filter((line) => canCarry(line, "tile", policy));
  return tiles.map((line) => [line, lines.length === 1 ? "active_speaker" : "tile"]);
}

function planSend(
  line: OfferedLine,
  role: SendRole,
  formats: readonly ChosenFormat[],
  mint: Mint,
): SendLine {
  return {
    mid: midOf(line),
    medium: line.medium === "audio" ? "audio" : "video",
    role,
    codecs: formats.map((format) => showFormat(format, "them")),
    ssrc: mint.ssrc(),
    rtx_ssrc: formats.some((format) => format.rtx) ? mint.ssrc() : null,
  };
}

function planReceive({ offered, mid, accepted }: PlannedLine, policy: AnswerPolicy): ReceiveLine[] {
  if (!accepted?.source) return [];
  const known = policy.known.filter((each) => each.mid === mid);
  const declared =
    accepted.rids.length === 0 && offered.ssrc ? [{ ...offered.ssrc, rid: null }] : [];
  return [
    {
      mid,
      medium: offered.medium === "audio" ? "audio" : "video",
      source: accepted.source,
      codecs: accepted.formats.map((format) => showFormat(format, "us")),
      rids: [...accepted.rids],
      ssrcs:
        known.length > 0
          ? known.map(({ ssrc, rtx_ssrc, rid }) => ({ ssrc, rtx_ssrc, rid }))
          : declared,
      muted: policy.muted[accepted.source],
    },
  ];
}

// SDP does not say which layer is the small one; these names do by custom, else the order stays.
const customary_layers = [
  ["q", "h", "f"],
  ["l", "m", "h"],
  ["low", "mid", "high"],
  ["low", "medium", "high"],
];

function orderLayers(rids: readonly string[]): string[] {
  const custom = customary_layers.find((names) => rids.every((rid) => names.includes(rid)));
  return custom ? custom.filter((rid) => rids.includes(rid)) : [...rids];
}

function roleName({ accepted }: PlannedLine): LineRole {
  const source = accepted?.source;
  const send = accepted?.send?.role;
  if (source && send) return `${source}+${send}`;
  return source ?? send ?? "rejected";
}

function nothingUsable(offer: Offer, refusals: ReadonlyMap<OfferedLine, string>): Error {
  const why = (line: OfferedLine): string =>
    refusals.get(line) ??
    (line.medium === "application" ? "data channels are not offered" : null) ??
    (line.direction === "inactive" ? "offered as inactive" : "this token may not publish");
  return unsupported(
    `no line of the offer can be used: ${offer.lines
      .slice(0, 4)
      .map((line) => `line ${midOf(line)}: ${why(line)}`)
      .join("; ")}`,
    offer.lines.map((line) => ({ mid: midOf(line), problem: why(line) })),
  );
}
