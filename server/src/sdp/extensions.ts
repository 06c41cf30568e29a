// Header extensions: which of the offered ones are kept, with the ids of the offer.
import { malformed, type Offer, type OfferedExtension, type OfferedLine } from "./offer.ts";
import type { HeaderExtensions } from "./parameters.ts";

/** Names of the extensions that mean something to us. */
const names: ReadonlyMap<string, keyof HeaderExtensions> = new Map([
  ["urn:ietf:params:rtp-hdrext:sdes:mid", "mid"],
  ["urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", "rid"],
  ["urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", "repaired_rid"],
  ["urn:ietf:params:rtp-hdrext:ssrc-audio-level", "audio_level"],
  ["http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", "abs_send_time"],
  ["http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", "transport_cc"],
  ["http://www.webrtc.org/experiments/rtp-hdrext/playout-delay", "playout_delay"],
]);

// Make sense only on packets that come to us.
const only_received: ReadonlySet<keyof HeaderExtensions> = new Set([
  "rid",
  "repaired_rid",
  "audio_level",
]);

/** The extensions of an answer. */
export interface ExtensionPlan {
  readonly ids: HeaderExtensions;
  /** By position of the line in the offer. */
  readonly lines: readonly (readonly OfferedExtension[])[];
  readonly needs_two_bytes: boolean;
}

/** Keeps the extensions that the worker understands. One id space for the bundle (RFC 8843 section 9.2): where lines differ
 *  (aiortc 1.4, baresip), the first one's meaning stays and the other is answered without it, since each is optional.
 *  Errors: SDP_MALFORMED when one line uses an id twice. */
export function planExtensions(
  offer: Offer,
  usable: readonly OfferedLine[],
  understood: ReadonlySet<string>,
  line_facts: (line: OfferedLine) => { receives: boolean },
): ExtensionPlan {
  const ids: HeaderExtensions = {
    mid: null,
    rid: null,
    repaired_rid: null,
    audio_level: null,
    abs_send_time: null,
    transport_cc: null,
    playout_delay: null,
  };
  const uri_by_id = new Map<number, string>();
  const lines: OfferedExtension[][] = offer.lines.map(() => []);
  for (const line of usable) {
    const { receives } = line_facts(line);
    refuseDoubles(line);
    for (const extension of line.extensions) {
      const name = names.get(extension.uri);
      if (!name || !understood.has(extension.uri) || extension.direction === "inactive") continue;
      if (only_received.has(name) && !receives) continue;
      // One-byte headers end at 14 (RFC 8285 section 4.2).
      if (extension.id > 14 && !offer.extmap_allow_mixed) continue;
      const held = uri_by_id.get(extension.id);
      if (
        (held !== undefined && held !== extension.uri) ||
        (ids[name] ?? extension.id) !== extension.id
      ) {
        continue;
      }
      uri_by_id.set(extension.id, extension.uri);
      ids[name] = extension.id;
      lines[line.index]?.push(extension);
    }
  }
  return { ids, lines, needs_two_bytes: [...uri_by_id.keys()].some((id) => id > 14) };
}

// RFC 8285: an id has one meaning in a line.
function refuseDoubles(line: OfferedLine): void {
  if (new Set(line.extensions.map(({ id }) => id)).size === line.extensions.length) return;
  throw malformed("header extension ids are used twice in one line", {
    ...(line.mid === null ? { line: line.index } : { mid: line.mid }),
  });
}
