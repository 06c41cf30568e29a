// The codec list of an offer, slimmed to what the server speaks: fewer lines of SDP, faster joins.

/** What is needed of RTCRtpCodec. */
export interface Codec {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string;
}

// What a decoder of the profile reads besides its own: each of these reads those before it (H.264 annex A.2).
const reaching = ["4d", "64", "6e", "7a", "f4"];

// Place among the profiles of H.264 in packetization mode 1: 0 is constrained baseline, -1 what is not offered.
function reachOf({ sdpFmtpLine = "" }: Codec): number {
  if (!/packetization-mode=1/.test(sdpFmtpLine)) return -1;
  const [, idc = "", constraints = ""] = /profile-level-id=(..)(.)/i.exec(sdpFmtpLine) ?? [];
  if (idc === "42") return /[ce]/i.test(constraints) ? 0 : -1;
  return reaching.indexOf(idc.toLowerCase()) + 1 || -1;
}

/** Keeps Opus; of a video list VP8 and H.264 with packetization mode 1, and retransmission. Order as given, VP8 first. Of H.264 that is
 *  constrained baseline, and on a line that only `takes` also the profile that decodes most: cameras and encoders send High.
 *  Gives the whole list back where nothing would be left: an odd browser then still offers what it has. */
export function slimCodecs<C extends Codec>(
  kind: "audio" | "video",
  codecs: readonly C[],
  takes = false,
): C[] {
  const is_h264 = ({ mimeType }: Codec): boolean => mimeType.toLowerCase() === "video/h264";
  const widest = Math.max(...codecs.filter(is_h264).map(reachOf));
  const wanted = (codec: Codec): boolean => {
    const name = codec.mimeType.toLowerCase();
    if (kind === "audio") return name === "audio/opus";
    if (name === "video/vp8" || name === "video/rtx") return true;
    if (!is_h264(codec)) return false;
    const reach = reachOf(codec);
    return reach === 0 || (takes && reach > 0 && reach === widest);
  };
  const kept = codecs.filter(wanted);
  const carriers = kept.filter((codec) => !codec.mimeType.toLowerCase().endsWith("/rtx"));
  if (carriers.length === 0) return [...codecs];
  const rank = (codec: Codec): number =>
    ["video/vp8", "video/h264", "video/rtx"].indexOf(codec.mimeType.toLowerCase()) +
    (is_h264(codec) && reachOf(codec) > 0 ? 0.5 : 0);
  return kept.toSorted((a, b) => rank(a) - rank(b));
}
