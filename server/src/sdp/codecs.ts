// Which offered formats we take, and how each stands in the answer. A codec is added by a row here
// and the worker announcing it.
import type { OfferedFormat, OfferedLine } from "./offer.ts";
import type { Codec, CodecParameters, Medium } from "./parameters.ts";

/** A format that we take: what the worker is told, and the parameters of either direction. */
export interface ChosenFormat {
  readonly codec: Codec;
  readonly offered: OfferedFormat;
  readonly rtx: OfferedFormat | null;
  /** What we say that we want to receive; stands in the answer. */
  readonly answered: Readonly<Record<string, string>>;
}

interface Rule {
  readonly codec: Codec;
  readonly medium: Medium;
  readonly clock_rate: number;
  readonly channels: number;
  /** Higher is taken first among audio formats; video keeps the order of the offer. */
  readonly rank: number;
  /** Parameters of the answer; null refuses the format. */
  answer(offered: ReadonlyMap<string, string>): Record<string, string> | null;
}

const nothing = (): Record<string, string> => ({});

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  [
    "opus",
    {
      codec: "opus",
      medium: "audio",
      clock_rate: 48000,
      channels: 2,
      rank: 3,
      // DTX has to be asked for by who receives (RFC 7587 section 6.1): silence then costs 8 packets in 3 s.
      answer: () => ({ minptime: "10", useinbandfec: "1", usedtx: "1" }),
    },
  ],
  // RFC 3551 section 4.5.2: the clock of G.722 says 8000 although it samples at 16,000.
  [
    "g722",
    { codec: "g722", medium: "audio", clock_rate: 8000, channels: 1, rank: 2, answer: nothing },
  ],
  [
    "pcmu",
    { codec: "pcmu", medium: "audio", clock_rate: 8000, channels: 1, rank: 1, answer: nothing },
  ],
  [
    "pcma",
    { codec: "pcma", medium: "audio", clock_rate: 8000, channels: 1, rank: 1, answer: nothing },
  ],
  [
    "vp8",
    { codec: "vp8", medium: "video", clock_rate: 90000, channels: 0, rank: 0, answer: nothing },
  ],
  [
    "h264",
    { codec: "h264", medium: "video", clock_rate: 90000, channels: 0, rank: 0, answer: answerH264 },
  ],
]);

/** Formats of a line that we take, best first: one a codec, of H.264 also the profile that decodes most. */
export function chooseFormats(line: OfferedLine, allowed: ReadonlySet<Codec>): ChosenFormat[] {
  const chosen = new Map<Codec, (ChosenFormat & { rank: number })[]>();
  for (const offered of line.formats) {
    const rule = rules.get(offered.name);
    if (!rule || rule.medium !== line.medium || !allowed.has(rule.codec)) continue;
    if (offered.clock_rate !== rule.clock_rate) continue;
    if (rule.channels > 0 && offered.channels !== rule.channels) continue;
    const answered = rule.answer(offered.parameters);
    if (!answered) continue;
    const held = chosen.get(rule.codec) ?? [];
    if (held.length > 0 && rule.codec !== "h264") continue;
    const format = {
      codec: rule.codec,
      offered,
      rtx: findRtx(line, offered),
      answered,
      rank: rule.rank,
    };
    chosen.set(rule.codec, [...held, format]);
  }
  return [...chosen.values()]
    .flatMap((formats) => (formats[0]?.codec === "h264" ? chooseProfiles(formats) : formats))
    .toSorted((a, b) => b.rank - a.rank);
}

/** The first format of each codec, for a line on which we only receive. */
export const oneOfEach = (formats: readonly ChosenFormat[]): ChosenFormat[] =>
  formats.filter(({ codec }, at) => formats.findIndex((each) => each.codec === codec) === at);

// Constrained baseline first, since everybody decodes it; then the profile that decodes most: what is sent in any other
// profile fits one of the two. Mode 1 carries what mode 0 does, so that mode 0 is for who has nothing else.
function chooseProfiles<Format extends ChosenFormat>(formats: readonly Format[]): Format[] {
  const fragmenting = formats.filter(({ answered }) => answered["packetization-mode"] === "1");
  const able = fragmenting.length > 0 ? fragmenting : formats;
  const plain = able.filter(({ offered }) => reachOf(offered) === 0);
  const first = plain.find(({ offered }) => isConstrained(offered)) ?? plain[0] ?? able[0];
  if (!first) return [];
  let widest = first;
  for (const each of able) if (reachOf(each.offered) > reachOf(widest.offered)) widest = each;
  return widest === first ? [first] : [first, widest];
}

/** What the worker is told about a chosen format.
 *  @param towards `us`: the far side sends it, as answered; `them`: we send it, as they asked. */
export function showFormat(format: ChosenFormat, towards: "us" | "them"): CodecParameters {
  const { offered, rtx } = format;
  const is_video = offered.clock_rate === 90000;
  return {
    codec: format.codec,
    payload_type: offered.payload_type,
    rtx_payload_type: rtx?.payload_type ?? null,
    clock_rate: offered.clock_rate,
    channels: is_video ? 0 : offered.channels,
    parameters: towards === "us" ? { ...format.answered } : Object.fromEntries(offered.parameters),
    nack: is_video && offered.feedback.has("nack"),
    pli: is_video && offered.feedback.has("nack pli"),
    transport_cc: offered.feedback.has("transport-cc"),
  };
}

/** RTCP feedback that stands in the answer: what was offered and we know. */
export function answerFeedback(format: ChosenFormat): string[] {
  const known =
    format.offered.clock_rate === 90000
      ? ["nack", "nack pli", "ccm fir", "transport-cc"]
      : ["transport-cc"];
  return known.filter((name) => format.offered.feedback.has(name));
}

function findRtx(line: OfferedLine, offered: OfferedFormat): OfferedFormat | null {
  const is_apt = (each: OfferedFormat): boolean =>
    each.name === "rtx" &&
    each.clock_rate === offered.clock_rate &&
    each.parameters.get("apt") === String(offered.payload_type);
  // Retransmission without NACK would never be asked for (RFC 4588 section 8).
  return offered.feedback.has("nack") ? (line.formats.find(is_apt) ?? null) : null;
}

// RFC 6184 section 8.1: the default profile is baseline at level 1.
const profileOf = (parameters: ReadonlyMap<string, string>): string =>
  (parameters.get("profile-level-id") ?? "420010").toLowerCase();

// RFC 6184 table 5. Who decodes constrained baseline decodes it under each of its three names.
function isConstrained(offered: OfferedFormat): boolean {
  const profile = profileOf(offered.parameters);
  const idc = profile.slice(0, 2);
  const iop = Number.parseInt(profile.slice(2, 4), 16);
  return (
    (idc === "42" && (iop & 0x40) !== 0) ||
    (idc === "4d" && (iop & 0x80) !== 0) ||
    (idc === "58" && (iop & 0xc0) === 0xc0)
  );
}

// What a decoder of the profile reads besides its own: each of these reads those before it (H.264 annex A.2).
const reaching = ["4d", "64", "6e", "7a", "f4"];

function reachOf(offered: OfferedFormat): number {
  const idc = profileOf(offered.parameters).slice(0, 2);
  return idc === "42" || isConstrained(offered) ? 0 : reaching.indexOf(idc) + 1 || 0.5;
}

// RFC 6184 section 8.2.2: profile and packetization mode are answered as they were offered. What is sent in them is
// forwarded as it is, so that every profile will do.
function answerH264(offered: ReadonlyMap<string, string>): Record<string, string> | null {
  const mode = offered.get("packetization-mode") ?? "0";
  // Mode 2 sends units out of their order, which nobody here would put back.
  if (mode !== "0" && mode !== "1") return null;
  const profile = profileOf(offered);
  if (!/^[0-9a-f]{6}$/.test(profile)) return null;
  return {
    // Only where it was offered may the two directions differ in level.
    ...(offered.get("level-asymmetry-allowed") === "1" ? { "level-asymmetry-allowed": "1" } : {}),
    "packetization-mode": mode,
    "profile-level-id": profile,
  };
}
