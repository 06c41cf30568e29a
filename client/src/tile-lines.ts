// Which video line shows whom: the pool of lines, and what is told to the server. Pure.
import type { TileSize } from "./tile.ts";
import type { Source, TileShown } from "./wire.ts";

/** What one line was asked to show. */
export interface TileWish {
  readonly conferencecall_id: string;
  readonly source: Source;
  readonly size: TileSize;
}

/** One entry of the `tiles` command. */
export interface TileOrder {
  readonly mid: string;
  readonly conferencecall_id: string | null;
  readonly source: Source;
  readonly width: number;
  readonly height: number;
}

/** The pool. */
export interface TileLines {
  /** Takes a free line; null when all are in use. */
  take(): number | null;
  /** Gives it back and stops what it shows. */
  release(line: number): void;
  /** Sets what a line shows; false when nothing changes. */
  wish(line: number, wish: TileWish | null): boolean;
  wished(line: number): TileWish | null;
  /** Names the lines as they were negotiated, in the order of the offer. */
  negotiated(mids: readonly string[]): void;
  midOf(line: number): string | null;
  /** Notes what the server shows; gives the lines that changed. */
  showing(shown: readonly TileShown[]): number[];
  shown(line: number): TileShown | null;
  /** The whole of what the server has to know: every line. */
  orders(): TileOrder[];
}

/** Makes a pool of `count` lines. */
export function createTileLines(count: number): TileLines {
  const wishes: (TileWish | null)[] = Array.from({ length: count }, () => null);
  const showns: (TileShown | null)[] = Array.from({ length: count }, () => null);
  const is_taken: boolean[] = Array.from({ length: count }, () => false);
  const is_told: boolean[] = Array.from({ length: count }, () => false);
  let mids: readonly string[] = [];
  return {
    take() {
      // The line that was idle longest would be best for the last picture; the first free one keeps mids readable.
      const line = is_taken.indexOf(false);
      if (line < 0) return null;
      is_taken[line] = true;
      return line;
    },
    release(line) {
      is_taken[line] = false;
      wishes[line] = null;
    },
    wish(line, wish) {
      const old = wishes[line] ?? null;
      const is_equal =
        old === wish ||
        (old !== null &&
          wish !== null &&
          old.conferencecall_id === wish.conferencecall_id &&
          old.source === wish.source &&
          old.size.width === wish.size.width &&
          old.size.height === wish.size.height);
      if (is_equal) return false;
      wishes[line] = wish;
      return true;
    },
    wished: (line) => wishes[line] ?? null,
    negotiated(named) {
      mids = named;
      // Each line is told of at least once: lines of which nobody ever speaks are filled by the server.
      is_told.fill(true);
    },
    midOf: (line) => mids[line] ?? null,
    showing(shown) {
      const byMid = new Map(shown.map((entry) => [entry.mid, entry]));
      const changed: number[] = [];
      for (let line = 0; line < count; line += 1) {
        const entry = byMid.get(mids[line] ?? "") ?? null;
        const old = showns[line] ?? null;
        if (
          entry?.conferencecall_id !== old?.conferencecall_id ||
          entry?.source !== old?.source ||
          entry?.rid !== old?.rid ||
          entry?.reason !== old?.reason
        ) {
          showns[line] = entry;
          changed.push(line);
        }
      }
      return changed;
    },
    shown: (line) => showns[line] ?? null,
    orders() {
      const orders: TileOrder[] = [];
      for (const [line, mid] of mids.slice(0, count).entries()) {
        const wish = wishes[line] ?? null;
        if (wish) is_told[line] = true;
        else if (!is_told[line]) continue;
        orders.push({
          mid,
          conferencecall_id: wish?.conferencecall_id ?? null,
          source: wish?.source ?? "camera",
          width: Math.round(wish?.size.width ?? 0),
          height: Math.round(wish?.size.height ?? 0),
        });
      }
      return orders;
    },
  };
}
