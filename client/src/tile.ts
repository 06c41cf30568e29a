// One place on the page where a person's picture is shown, independent of elements.
import type { Notices } from "./emitter.ts";
import type { Quality } from "./view.ts";
import type { Source, TileReason } from "./wire.ts";

/** Size on the screen in device pixels: CSS pixels × devicePixelRatio. The server sends the smallest layer that fills it. */
export interface TileSize {
  readonly width: number;
  readonly height: number;
}

/** State of a tile. */
export interface TileView {
  /** What was asked for. */
  readonly wanted: { readonly conferencecall_id: string; readonly source: Source } | null;
  /** What the picture really shows; lags behind `wanted` until the first key frame. null: nothing (yet). */
  readonly shown: { readonly conferencecall_id: string; readonly source: Source } | null;
  /** The picture is what was asked for: show it; else show the person's initials. */
  readonly is_showing: boolean;
  /** Why the picture is not as it was asked for; null: it is, or will be in a moment. `codec`: this browser cannot show the format in which it is sent. */
  readonly reason: TileReason | null;
  readonly quality: Quality;
}

/** What a tile tells. */
export interface TileNotices {
  change: TileView;
}

/** A video line of the conference. */
export interface Tile extends Notices<TileNotices> {
  /** For `element.srcObject`, once; it stays the same whatever is shown, also over reconnects. The element must be muted, autoplay and playsInline. */
  readonly media: MediaStream;
  readonly view: TileView;
  /** Shows somebody; null shows nothing. Repeated calls with equal values cost nothing. */
  show(conferencecall_id: string | null, source?: Source, size?: TileSize): void;
  /** Tells the new size. Not visible = 0 × 0: nothing is sent for it. */
  resize(size: TileSize): void;
  /** Gives the line back; the handle is dead afterwards. */
  release(): void;
}
