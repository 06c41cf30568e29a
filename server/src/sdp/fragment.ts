// Trickled fragments (application/trickle-ice-sdpfrag, RFC 8840) as RFC 9725 uses them: candidates
// of the present ICE session, or the credentials of the next one.
import {
  fragment_bytes_max,
  fragment_candidates_max,
  mid_length_max,
  sdp_line_length_max,
} from "./limits.ts";
import { malformed, readIce } from "./offer.ts";
import type { HostCandidate, IceCredentials } from "./parameters.ts";
import { problems } from "./problems.ts";

/** What a fragment says. */
export interface Fragment {
  /** Credentials; differing from the present ones they ask for an ICE restart. */
  readonly ice: IceCredentials | null;
  /** The lines `candidate:…` that can be read; others are ignored. A lite agent answers whoever asks and needs none of them. */
  readonly candidates: readonly string[];
  readonly end_of_candidates: boolean;
}

// RFC 8839 section 5.1. Who knows no such transport, type or address, or cannot read the line, ignores it.
const candidate =
  /^candidate:[A-Za-z0-9+/]{1,32} \d{1,3} (?:udp|tcp) \d{1,10} [A-Za-z0-9.:%_-]{1,255} \d{1,5} typ (?:host|srflx|prflx|relay)(?: .*)?$/i;

/** Reads a fragment. Both credentials name the session that it is about; where it is the present one, its ufrag alone will do,
 *  as candidates of browsers carry it. Errors: SDP_MALFORMED, SDP_TOO_LARGE. Source: RFC 8840 section 9.
 *  @param present credentials of the session that the fragment is sent to. */
export function readFragment(text: string, present?: IceCredentials): Fragment {
  if (Buffer.byteLength(text) > fragment_bytes_max) {
    throw problems.SDP_TOO_LARGE({
      message: `a fragment has at most ${fragment_bytes_max} bytes`,
      details: [{ limit: "fragment_bytes_max", max: fragment_bytes_max }],
    });
  }
  let ufrag: string | undefined;
  let pwd: string | undefined;
  let end_of_candidates = false;
  const candidates: string[] = [];
  let number = 0;
  for (const raw of text.split("\n")) {
    number += 1;
    const line = raw.trimEnd();
    if (line === "") continue;
    if (line.length > sdp_line_length_max) throw malformed("a line is too long", { line: number });
    if (!/^[a-z]=/.test(line))
      throw malformed("a line is not of the form x=value", { line: number });
    if (line.startsWith("a=ice-ufrag:")) ufrag = line.slice(12);
    else if (line.startsWith("a=ice-pwd:")) pwd = line.slice(10);
    else if (line === "a=end-of-candidates") end_of_candidates = true;
    else if (line.startsWith("a=mid:") && line.length - 6 > mid_length_max) {
      throw malformed(`a mid has at most ${mid_length_max} characters`, { line: number });
    } else if (line.startsWith("a=candidate:")) {
      // Browsers write the end of candidates so, too.
      if (line === "a=candidate:") end_of_candidates = true;
      else if (candidate.test(line.slice(2)) && candidates.length < fragment_candidates_max) {
        candidates.push(line.slice(2));
      }
    }
  }
  const is_present = pwd === undefined && ufrag !== undefined && ufrag === present?.ufrag;
  return { ice: is_present ? null : readIce(ufrag, pwd), candidates, end_of_candidates };
}

/** Writes the fragment that answers an ICE restart: our new credentials and every candidate. Source: RFC 9725 section 4.3.2. */
export function writeFragment(given: {
  ice: IceCredentials;
  candidates: readonly HostCandidate[];
  /** First line of the bundle, for the pseudo `m=` line. */
  medium: string;
  mid: string | null;
}): string {
  const candidates = given.candidates.map(
    (each) =>
      `a=candidate:${each.foundation} 1 ${each.transport} ${each.priority} ${each.address} ${each.port} typ host` +
      (each.transport === "tcp" ? " tcptype passive" : ""),
  );
  return [
    "a=ice-lite",
    `a=ice-ufrag:${given.ice.ufrag}`,
    `a=ice-pwd:${given.ice.pwd}`,
    `m=${given.medium} 9 UDP/TLS/RTP/SAVPF 0`,
    ...(given.mid === null ? [] : [`a=mid:${given.mid}`]),
    ...candidates,
    "a=end-of-candidates",
    "",
  ].join("\r\n");
}
