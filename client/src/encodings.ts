// Which simulcast layers a camera of some size sends. Pure; the browser edge applies it to its sender.

/** Layers as negotiated at the join, smallest first. They stay negotiated for ever; only their parameters change. */
export const camera_rids: readonly string[] = ["q", "h", "f"];

/** One layer's parameters, named as in RTCRtpEncodingParameters. */
export interface Encoding {
  readonly rid: string;
  readonly active: boolean;
  readonly scaleResolutionDownBy: number;
  /** Bits per second. */
  readonly maxBitrate: number;
}

/** Bits per second that a picture of so many pixels deserves at 30 frames a second: VP8's usual ladder, bounded below and above. */
export function bitrateForPixels(pixels: number): number {
  const kbps = 1_700 * (pixels / (1280 * 720)) ** 0.75;
  return Math.round(Math.min(Math.max(kbps, 120), 3_000)) * 1_000;
}

/** Layers for a camera picture: three from 960 × 540, two from 640 × 360, else one; the smallest is the first rid.
 *  Unused rids are inactive. Portrait pictures count by their longer side. */
export function planCameraEncodings(width: number, height: number): Encoding[] {
  const long = Math.max(width, height);
  const short = Math.min(width, height);
  const count = long >= 960 && short >= 540 ? 3 : long >= 640 && short >= 360 ? 2 : 1;
  return camera_rids.map((rid, index) => {
    const active = index < count;
    const scaleResolutionDownBy = active ? 2 ** (count - 1 - index) : 1;
    const pixels = (width * height) / scaleResolutionDownBy ** 2;
    return { rid, active, scaleResolutionDownBy, maxBitrate: bitrateForPixels(pixels) };
  });
}

/** Rids that carry packets under these encodings, for the `publish` command. */
export const liveRids = (encodings: readonly Encoding[]): string[] =>
  encodings.filter((encoding) => encoding.active).map((encoding) => encoding.rid);
