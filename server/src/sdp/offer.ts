// Reads an offer: text to a checked value. sdp-transform splits attributes; everything it would let
// through (wrong ports, numbers where text belongs, lines it drops) is judged here before or after.
import sdpTransform, { type MediaDescription, type SessionDescription } from "sdp-transform";
import {
  fmtp_count_max,
  fmtp_length_max,
  layers_max,
  media_lines_max,
  mid_length_max,
  rid_length_max,
  sdp_bytes_max,
  sdp_line_length_max,
  sdp_lines_max,
} from "./limits.ts";
import type { Fingerprint, IceCredentials } from "./parameters.ts";
import { problems } from "./problems.ts";

/** Direction of a line, seen by who wrote it. */
export type Direction = "sendrecv" | "sendonly" | "recvonly" | "inactive";

/** One payload format of a line. */
export interface OfferedFormat {
  readonly payload_type: number;
  /** Lower case. */
  readonly name: string;
  readonly clock_rate: number;
  readonly channels: number;
  readonly parameters: ReadonlyMap<string, string>;
  /** RTCP feedback, such as `nack` or `nack pli`. */
  readonly feedback: ReadonlySet<string>;
}

/** One header extension of a line. */
export interface OfferedExtension {
  readonly id: number;
  readonly uri: string;
  readonly direction: Direction;
}

/** One `m=` line with what it inherits from the session. */
export interface OfferedLine {
  /** Position in the offer, from 0. */
  readonly index: number;
  /** As offered; null where the offer has none. */
  readonly mid: string | null;
  readonly medium: string;
  readonly port: number;
  readonly protocol: string;
  /** The format list as it was written. */
  readonly formats_text: string;
  readonly direction: Direction;
  readonly bundle_only: boolean;
  /** It names addresses of its own, so that its transport exists before it is known whether it is bundled. */
  readonly has_candidates: boolean;
  readonly rtcp_mux: boolean;
  readonly rtcp_rsize: boolean;
  readonly setup: string | null;
  readonly ice: IceCredentials | null;
  readonly fingerprints: readonly Fingerprint[];
  readonly formats: readonly OfferedFormat[];
  readonly extensions: readonly OfferedExtension[];
  /** Layers the offerer would send, in its order. */
  readonly rids: readonly string[];
  /** Flow of the line as declared by `a=ssrc`; null where it is left to mid and rid. */
  readonly ssrc: { readonly ssrc: number; readonly rtx_ssrc: number | null } | null;
}

/** A session description that is one, whatever can be done with it. */
export interface Offer {
  readonly lines: readonly OfferedLine[];
  /** Mids of each BUNDLE group, in its order; a mid counts in the first group that names it. */
  readonly bundles: readonly (readonly string[])[];
  readonly ice_lite: boolean;
  readonly trickles: boolean;
  readonly extmap_allow_mixed: boolean;
}

/** Refuses text that is not a session description.
 *  @param where position of the line in question, where there is one. */
export function malformed(message: string, where: { line?: number; mid?: string } = {}): Error {
  const details = Object.keys(where).length > 0 ? [{ ...where, problem: message }] : [];
  return problems.SDP_MALFORMED({ message, details });
}

/** Reads an offer. Cost: linear, under 5 ms for 64 KiB. Errors: SDP_MALFORMED, SDP_TOO_LARGE. Source: RFC 8866, 8829 section 5.8. */
export function readOffer(text: string): Offer {
  if (Buffer.byteLength(text) > sdp_bytes_max) {
    throw problems.SDP_TOO_LARGE({
      message: `a session description has at most ${sdp_bytes_max} bytes`,
      details: [{ limit: "sdp_bytes_max", max: sdp_bytes_max }],
    });
  }
  const scanned = scan(text);
  const { parsed, media } = parse(scanned.sections);
  const session: Inherited = {
    direction: parsed.direction ?? "sendrecv",
    setup: parsed.setup === undefined ? null : String(parsed.setup),
    ice: readIce(parsed.iceUfrag, parsed.icePwd),
    fingerprints: readFingerprints(scanned.sections[0]?.fingerprints ?? []),
    ext: parsed.ext ?? [],
  };
  // What lines have in common is read once.
  const read = new Map<MediaDescription, ReadMedia>();
  const lines = scanned.sections.slice(1).map((section, index) => {
    const described = media[index];
    if (!described) throw new Error("every media section that was scanned was parsed");
    const mid = readMid(section, index);
    const where = mid === null ? { line: index } : { mid };
    const known = read.get(described) ?? readMedia(described, section, session, where);
    read.set(described, known);
    return { index, mid, has_candidates: section.has_candidates, ...known };
  });
  const mids = new Set<string>();
  for (const line of lines) {
    if (line.mid === null) continue;
    if (mids.has(line.mid)) throw malformed("two lines have the same mid", { mid: line.mid });
    mids.add(line.mid);
  }
  return {
    lines,
    bundles: (parsed.groups ?? [])
      .filter((each) => String(each.type).toUpperCase() === "BUNDLE")
      .map((group) =>
        String(group.mids)
          .split(" ")
          .filter((mid) => mids.delete(mid)),
      )
      .filter((group) => group.length > 0),
    ice_lite: parsed.icelite !== undefined,
    trickles: scanned.trickles,
    extmap_allow_mixed:
      parsed.extmapAllowMixed !== undefined ||
      media.some((each) => each.extmapAllowMixed !== undefined),
  };
}

interface Section {
  /** The three fixed fields and the formats of `m=`; null for the session section. */
  readonly m: { medium: string; port: number; protocol: string; formats: string } | null;
  /** `a=fingerprint` as it was written, and on which line of the text. */
  readonly fingerprints: { readonly text: string; readonly line: number }[];
  /** What is left for sdp-transform. */
  readonly kept: string[];
  mid: string | null;
  has_candidates: boolean;
}

// Lines that differ in nothing but their mid and candidates, such as the 25 tiles of a page, are parsed once: that
// is most of what a join costs this process.
function parse([session, ...sections]: readonly Section[]): {
  parsed: SessionDescription;
  /** One for each line; the same object for lines of the same text. */
  media: MediaDescription[];
} {
  const kinds = new Map<string, number>();
  const kind_of = sections.map(({ kept, fingerprints }) => {
    const key = [...kept, ...fingerprints.map(({ text }) => text)].join("\n");
    const known = kinds.get(key);
    if (known !== undefined) return { kind: known, text: "" };
    kinds.set(key, kinds.size);
    return { kind: kinds.size - 1, text: `${kept.join("\r\n")}\r\n` };
  });
  const distinct = kind_of.map(({ text }) => text).join("");
  const parsed = sdpTransform.parse(
    `${["v=0", ...(session?.kept ?? [])].join("\r\n")}\r\n${distinct}`,
  );
  const media = kind_of.map(({ kind }) => {
    const described = parsed.media[kind];
    if (!described) throw new Error("every media section that was scanned was parsed");
    return described;
  });
  return { parsed, media };
}

// Only these reach sdp-transform: the rest is not used, and a line it has no rule for costs it
// forty regular expressions.
const used_attributes = new Set([
  "bundle-only",
  "extmap",
  "extmap-allow-mixed",
  "fmtp",
  "group",
  "ice-lite",
  "ice-pwd",
  "ice-ufrag",
  "inactive",
  "recvonly",
  "rid",
  "rtcp-fb",
  "rtcp-mux",
  "rtcp-rsize",
  "rtpmap",
  "sendonly",
  "sendrecv",
  "setup",
  "simulcast",
  "ssrc",
  "ssrc-group",
]);

const media_line = /^([a-zA-Z0-9-]{1,32}) (\d{1,5})(?:\/\d{1,3})? ([A-Za-z0-9/]{1,32}) ([^\s].*)$/;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u0008\u000b-\u001f\u007f]/;

// First pass: line by line, what sdp-transform would accept although it is wrong, drop although it
// matters (every fingerprint but the last), or spend time on for nothing.
function scan(text: string): { sections: Section[]; trickles: boolean } {
  const first: Section = { m: null, fingerprints: [], kept: [], mid: null, has_candidates: false };
  const sections = [first];
  let section = first;
  let trickles = false;
  let kept = 0;
  let number = 0;
  // Once for all lines; which one it is matters only where there is one.
  const has_control = control.test(text.replaceAll("\r\n", "\n"));
  for (const raw of text.split("\n")) {
    number += 1;
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (line === "") continue;
    if (line.length > sdp_line_length_max) {
      throw malformed(`a line has more than ${sdp_line_length_max} characters`, { line: number });
    }
    const type = line.charCodeAt(0);
    if (line[1] !== "=" || type < 0x61 || type > 0x7a) {
      throw malformed("a line is not of the form x=value", { line: number });
    }
    if (has_control && control.test(line)) {
      throw malformed("a line contains a control character", { line: number });
    }
    if (number === 1 && line !== "v=0") throw malformed("the first line is not v=0", { line: 1 });
    if (line.startsWith("m=")) {
      section = {
        m: scanMediaLine(line.slice(2), number),
        fingerprints: [],
        kept: [line],
        mid: null,
        has_candidates: false,
      };
      kept += 1;
      sections.push(section);
      if (sections.length - 1 > media_lines_max) {
        throw problems.SDP_TOO_LARGE({
          message: `an offer has at most ${media_lines_max} media lines`,
          details: [{ limit: "media_lines_max", max: media_lines_max }],
        });
      }
    } else if (line.startsWith("a=mid:")) {
      section.mid = line.slice(6);
      kept += 1;
    } else if (line.startsWith("a=candidate:")) {
      section.has_candidates = true;
    } else if (line.startsWith("a=fingerprint:")) {
      section.fingerprints.push({ text: line.slice(14), line: number });
    } else if (line.startsWith("a=ice-options:")) {
      trickles ||= line.slice(14).split(/[ ,]/).includes("trickle");
    } else if (line.startsWith("a=")) {
      const name = line.slice(2).split(":", 1)[0] ?? "";
      if (used_attributes.has(name)) {
        section.kept.push(line);
        kept += 1;
      }
    }
    if (kept > sdp_lines_max) {
      throw problems.SDP_TOO_LARGE({
        message: `an offer has at most ${sdp_lines_max} lines`,
        details: [{ limit: "sdp_lines_max", max: sdp_lines_max }],
      });
    }
  }
  if (number === 0 || !text.startsWith("v=0"))
    throw malformed("the first line is not v=0", { line: 1 });
  return { sections, trickles };
}

function scanMediaLine(value: string, number: number): NonNullable<Section["m"]> {
  const match = media_line.exec(value);
  if (!match) {
    throw malformed("m= needs a medium, a port, a protocol and formats", { line: number });
  }
  const [, medium = "", port = "", protocol = "", formats = ""] = match;
  if (Number(port) > 65535) throw malformed("a port is above 65535", { line: number });
  return { medium, port: Number(port), protocol, formats };
}

const digest_bytes: Readonly<Record<string, number>> = {
  "sha-1": 20,
  "sha-224": 28,
  "sha-256": 32,
  "sha-384": 48,
  "sha-512": 64,
  md5: 16,
  md2: 16,
};

const readFingerprints = (written: Section["fingerprints"]): Fingerprint[] =>
  written.map(({ text, line }) => readFingerprint(text, line));

function readFingerprint(text: string, number: number): Fingerprint {
  const [name = "", hash = "", ...rest] = text.trim().split(/ +/);
  const algorithm = name.toLowerCase();
  if (rest.length > 0 || !/^([0-9A-Fa-f]{2}:)*[0-9A-Fa-f]{2}$/.test(hash)) {
    throw malformed("a=fingerprint needs a hash function and hexadecimal bytes", { line: number });
  }
  const bytes = Object.hasOwn(digest_bytes, algorithm) ? digest_bytes[algorithm] : undefined;
  if (bytes !== undefined && hash.length !== bytes * 3 - 1) {
    throw malformed(`a ${algorithm} fingerprint has ${bytes} bytes`, { line: number });
  }
  return { algorithm, value: hash.toUpperCase() };
}

interface Inherited {
  readonly direction: Direction;
  readonly setup: string | null;
  readonly ice: IceCredentials | null;
  readonly fingerprints: readonly Fingerprint[];
  readonly ext: NonNullable<MediaDescription["ext"]>;
}

const token = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/;
const ice_characters = /^[A-Za-z0-9+/]+$/;

/** Checks ICE credentials (RFC 8839 section 5.4); null where both are absent. Errors: SDP_MALFORMED. */
export function readIce(ufrag: unknown, pwd: unknown): IceCredentials | null {
  if (ufrag === undefined && pwd === undefined) return null;
  const ice = { ufrag: String(ufrag ?? ""), pwd: String(pwd ?? "") };
  if (ice.ufrag.length < 4 || ice.ufrag.length > 256 || !ice_characters.test(ice.ufrag)) {
    throw malformed("a=ice-ufrag needs 4 to 256 characters of A-Z a-z 0-9 + /");
  }
  if (ice.pwd.length < 22 || ice.pwd.length > 256 || !ice_characters.test(ice.pwd)) {
    throw malformed("a=ice-pwd needs 22 to 256 characters of A-Z a-z 0-9 + /");
  }
  return ice;
}

function readMid({ mid, m, kept }: Section, line: number): string | null {
  if (mid === null || (mid.length <= mid_length_max && token.test(mid))) return mid;
  // Nobody speaks of a line that nobody uses.
  if (m?.port === 0 && !kept.includes("a=bundle-only")) return null;
  throw malformed(`a mid has 1 to ${mid_length_max} token characters`, { line });
}

type ReadMedia = Omit<OfferedLine, "index" | "mid" | "has_candidates">;

const unused = {
  direction: "inactive",
  rtcp_mux: false,
  rtcp_rsize: false,
  setup: null,
  ice: null,
  fingerprints: [],
  formats: [],
  extensions: [],
  rids: [],
  ssrc: null,
} as const;

function readMedia(
  media: MediaDescription,
  section: Section,
  session: Inherited,
  where: Where,
): ReadMedia {
  const m = section.m;
  if (!m) throw new Error("every media section was scanned with its m= line");
  const is_rtp = /(^|\/)RTP\//.test(m.protocol);
  const named = {
    medium: m.medium,
    port: m.port,
    protocol: m.protocol,
    formats_text: m.formats,
    bundle_only: media.bundleOnly !== undefined,
  };
  // Port 0 without bundle-only is a line that nobody uses (RFC 9143 section 6), whatever stands in it.
  if (m.port === 0 && !named.bundle_only) return { ...named, ...unused };
  return {
    ...named,
    direction: media.direction ?? session.direction,
    rtcp_mux: media.rtcpMux !== undefined,
    rtcp_rsize: media.rtcpRsize !== undefined,
    setup: media.setup === undefined ? session.setup : String(media.setup),
    ice: readIce(media.iceUfrag, media.icePwd) ?? session.ice,
    fingerprints:
      section.fingerprints.length > 0
        ? readFingerprints(section.fingerprints)
        : session.fingerprints,
    formats: is_rtp ? readFormats(media, m.formats, where) : [],
    extensions: readExtensions([...(media.ext ?? []), ...session.ext], where),
    rids: readRids(media, where),
    ssrc: readSsrc(media, where),
  };
}

type Where = { line?: number; mid?: string };

// Formats that RFC 3551 lets stand without a=rtpmap.
const static_formats: ReadonlyMap<number, { name: string; clock_rate: number }> = new Map([
  [0, { name: "pcmu", clock_rate: 8000 }],
  [8, { name: "pcma", clock_rate: 8000 }],
  [9, { name: "g722", clock_rate: 8000 }],
]);

function readFormats(media: MediaDescription, list: string, where: Where): OfferedFormat[] {
  const maps = new Map<number, { name: string; clock_rate: number; channels: number }>();
  for (const { payload, codec, rate, encoding } of media.rtp) {
    const clock_rate = Number(rate ?? Number.NaN);
    const channels = Number(encoding ?? 1);
    const is_good =
      Number.isInteger(clock_rate) &&
      clock_rate >= 1000 &&
      clock_rate <= 1_000_000 &&
      Number.isInteger(channels) &&
      channels >= 1 &&
      channels <= 255;
    if (!is_good) throw malformed(`a=rtpmap:${Number(payload)} is not name/clock/channels`, where);
    maps.set(Number(payload), { name: String(codec).toLowerCase(), clock_rate, channels });
  }
  const parameters = new Map<number, ReadonlyMap<string, string>>();
  for (const { payload, config } of media.fmtp) {
    parameters.set(Number(payload), readParameters(String(config), where));
  }
  const feedback = readFeedback(media);
  const formats: OfferedFormat[] = [];
  const seen = new Set<number>();
  for (const text of list.trim().split(/ +/)) {
    const payload_type = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
    if (!(payload_type <= 127)) throw malformed("an RTP payload type is 0 to 127", where);
    if (seen.has(payload_type)) continue;
    seen.add(payload_type);
    const map = maps.get(payload_type) ?? static_formats.get(payload_type);
    // RFC 3264 section 6: a format nobody can name is not chosen. RFC 5761 section 4: 64-95 would
    // be taken for RTCP on a muxed transport.
    if (!map || (payload_type >= 64 && payload_type <= 95)) continue;
    formats.push({
      channels: 1,
      ...map,
      payload_type,
      parameters: parameters.get(payload_type) ?? new Map(),
      feedback: new Set([...(feedback.get("*") ?? []), ...(feedback.get(text) ?? [])]),
    });
  }
  return formats;
}

/** Reads `name=value;name=value`; a name without value maps to "". Errors: SDP_MALFORMED. */
function readParameters(config: string, where: Where): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  if (config.length > fmtp_length_max) {
    throw malformed(`format parameters have at most ${fmtp_length_max} characters`, where);
  }
  for (const part of config.split(";")) {
    const at = part.indexOf("=");
    const name = (at < 0 ? part : part.slice(0, at)).trim().toLowerCase();
    if (name === "") continue;
    parameters.set(name, at < 0 ? "" : part.slice(at + 1).trim());
    if (parameters.size > fmtp_count_max) {
      throw malformed(`a payload type has at most ${fmtp_count_max} format parameters`, where);
    }
  }
  return parameters;
}

function readFeedback(media: MediaDescription): ReadonlyMap<string, string[]> {
  const feedback = new Map<string, string[]>();
  for (const { payload, type, subtype } of media.rtcpFb ?? []) {
    const name = subtype ? `${type} ${subtype}` : String(type);
    const list = feedback.get(String(payload));
    if (list) list.push(name);
    else feedback.set(String(payload), [name]);
  }
  return feedback;
}

const directions: ReadonlySet<string> = new Set(["sendrecv", "sendonly", "recvonly", "inactive"]);

function readExtensions(
  offered: NonNullable<MediaDescription["ext"]>,
  where: Where,
): OfferedExtension[] {
  const by_uri = new Map<string, OfferedExtension>();
  for (const each of offered) {
    // An encrypted extension (RFC 6904) is one that we do not know.
    if (each["encrypt-uri"]) continue;
    const id = Number(each.value);
    const direction = each.direction ?? "sendrecv";
    if (!Number.isInteger(id) || id < 1 || id > 4351 || !directions.has(direction)) {
      throw malformed("a=extmap needs an id of 1 to 4351 and a direction", where);
    }
    const uri = String(each.uri);
    // Ids above 255 exist only to be renumbered by an answerer (RFC 8285 section 5).
    if (id > 255 || by_uri.has(uri)) continue;
    by_uri.set(uri, { id, uri, direction: direction as Direction });
  }
  return [...by_uri.values()];
}

function readRids(media: MediaDescription, where: Where): string[] {
  const simulcast = media.simulcast;
  if (!simulcast) return [];
  const list =
    simulcast.dir1 === "send"
      ? simulcast.list1
      : simulcast.dir2 === "send"
        ? simulcast.list2
        : undefined;
  if (list === undefined) return [];
  const declared = new Set(
    (media.rids ?? []).filter((rid) => rid.direction === "send").map((rid) => String(rid.id)),
  );
  const rids: string[] = [];
  for (const alternatives of String(list).split(";")) {
    // The first alternative is the preferred one; ~ says that it starts paused (RFC 8853).
    const rid = (alternatives.split(",")[0] ?? "").replace(/^~/, "");
    if (rid === "" || rid.length > rid_length_max) {
      throw malformed(`a rid has 1 to ${rid_length_max} characters`, where);
    }
    if (declared.has(rid) && !rids.includes(rid)) rids.push(rid);
  }
  return rids.slice(0, layers_max);
}

const isSsrc = (value: number): boolean => Number.isInteger(value) && value > 0 && value < 2 ** 32;

function readSsrc(media: MediaDescription, where: Where): OfferedLine["ssrc"] {
  const declared = [...new Set((media.ssrcs ?? []).map((each) => Number(each.id)))];
  if (!declared.every(isSsrc)) throw malformed("an SSRC is 1 to 4294967295", where);
  const pair = (media.ssrcGroups ?? [])
    .find((group) => group.semantics === "FID")
    ?.ssrcs.split(" ")
    .map(Number);
  if (pair) {
    const [ssrc, rtx_ssrc] = pair;
    if (pair.length !== 2 || !pair.every(isSsrc) || !ssrc || !rtx_ssrc || ssrc === rtx_ssrc) {
      throw malformed("a=ssrc-group:FID needs two SSRCs", where);
    }
    return { ssrc, rtx_ssrc };
  }
  const [ssrc] = declared;
  return ssrc === undefined ? null : { ssrc, rtx_ssrc: null };
}
