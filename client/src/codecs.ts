// The codec list of an offer, slimmed to what the server speaks: fewer lines of SDP, faster joins.

/** What is needed of RTCRtpCodec. */
export interface Codec {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string;
}

/** Keeps Opus; of a video list VP8 and constrained-baseline H.264 with packetization mode 1, and retransmission. Order as given, VP8 first.
 *  Gives the whole list back where nothing would be left: an odd browser then still offers what it has. */
export function slimCodecs<C extends Codec>(kind: "audio" | "video", codecs: readonly C[]): C[] {
  const wanted = (codec: Codec): boolean => {
    const name = codec.mimeType.toLowerCase();
    if (kind === "audio") return name === "audio/opus";
    if (name === "video/vp8" || name === "video/rtx") return true;
    const format = codec.sdpFmtpLine ?? "";
    return (
      name === "video/h264" &&
      /packetization-mode=1/.test(format) &&
      /profile-level-id=42[ce]0/i.test(format)
    );
  };
  const kept = codecs.filter(wanted);
  const carriers = kept.filter((codec) => !codec.mimeType.toLowerCase().endsWith("/rtx"));
  if (carriers.length === 0) return [...codecs];
  const rank = (codec: Codec): number =>
    ["video/vp8", "video/h264", "video/rtx"].indexOf(codec.mimeType.toLowerCase());
  return kept.toSorted((a, b) => rank(a) - rank(b));
}
