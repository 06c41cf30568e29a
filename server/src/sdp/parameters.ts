// What an offer and its answer come down to, in the words of the media worker. The worker's own
// types are generated (media/wire.ts); these have the same shape, and the compiler compares both
// where the domain hands one to the other, because ports do not import each other.

/** Audio or video. */
export type Medium = "audio" | "video";

/** A codec we negotiate. */
export type Codec = "opus" | "pcmu" | "pcma" | "g722" | "vp8" | "h264";

/** What a published line carries. */
export type Source = "microphone" | "camera" | "screen";

/** What fills a line that we send on. */
export type SendRole = "voice" | "mix" | "tile" | "active_speaker";

/** What became of one line of an offer; a line that sends and receives has both roles. */
export type LineRole =
  | Source
  | SendRole
  | `${Source}+${SendRole}`
  /** Answered with port 0 or as inactive. */
  | "rejected";

/** A certificate fingerprint (RFC 8122): algorithm in lower case, value in upper-case hexadecimal. */
export interface Fingerprint {
  algorithm: string;
  value: string;
}

/** Our side of the DTLS handshake: we wait, we begin, or nobody does. */
export type DtlsRole = "server" | "client" | "hold";

/** ICE user name fragment and password of one side. */
export interface IceCredentials {
  ufrag: string;
  pwd: string;
}

/** Ids of RTP header extensions, one id space for the bundle; null where not negotiated. */
export interface HeaderExtensions {
  mid: number | null;
  rid: number | null;
  repaired_rid: number | null;
  audio_level: number | null;
  abs_send_time: number | null;
  transport_cc: number | null;
  playout_delay: number | null;
}

/** One negotiated codec of one line. */
export interface CodecParameters {
  codec: Codec;
  payload_type: number;
  rtx_payload_type: number | null;
  /** Hz. */
  clock_rate: number;
  /** 1 or 2 for audio, 0 for video. */
  channels: number;
  parameters: { [name: string]: string };
  nack: boolean;
  pli: boolean;
  transport_cc: boolean;
}

/** SSRCs of a published line or of one of its layers. */
export interface SsrcParameters {
  ssrc: number;
  rtx_ssrc: number | null;
  rid: string | null;
}

/** A line on which the offerer may publish. */
export interface ReceiveLine {
  mid: string;
  medium: Medium;
  source: Source;
  codecs: CodecParameters[];
  /** Simulcast layers, smallest picture first; empty = one picture without rid. */
  rids: string[];
  ssrcs: SsrcParameters[];
  muted: boolean;
}

/** A line that we fill. */
export interface SendLine {
  mid: string;
  medium: Medium;
  role: SendRole;
  codecs: CodecParameters[];
  ssrc: number;
  rtx_ssrc: number | null;
}

/** One of our ICE candidates: a host address and port, UDP or passive TCP (RFC 6544). */
export interface HostCandidate {
  transport: "udp" | "tcp";
  address: string;
  port: number;
  priority: number;
  foundation: string;
}
