// The tiles of a joined conference: handles for pages on top of the pool of video lines.
import { createEmitter, type Emitter } from "./emitter.ts";
import { Problem } from "./problem.ts";
import { measureQuality, type StatsSample, unknown_quality } from "./quality.ts";
import type { Tile, TileNotices, TileSize, TileView } from "./tile.ts";
import { createTileLines, type TileOrder } from "./tile-lines.ts";
import type { Timer, Timing } from "./timing.ts";
import type { Quality } from "./view.ts";
import type { TileShown } from "./wire.ts";

/** All tiles. */
export interface Tiles {
  take(): Tile;
  /** Names the lines and gives their tracks, at the first connection and at each new one. */
  connect(mids: readonly string[], tracks: readonly MediaStreamTrack[]): void;
  showing(shown: readonly TileShown[]): void;
  measure(before: StatsSample, now: StatsSample): void;
  /** Sends everything again, after a reconnect. */
  sendAll(): void;
  /** Lines that show a picture now. */
  busyLines(): number[];
  close(): void;
}

interface Taken {
  readonly line: number;
  readonly emitter: Emitter<TileNotices>;
  view: TileView;
}

/** Wishes of one layout are sent together: those of one task at once, those that follow within this as one. */
const gather_ms = 20;
/** A wish that is not fulfilled is told again, since the server may not have known the person yet: after this, then ever more rarely. */
const remind_ms = 250;
const remind_ms_max = 16_000;

const first_size: TileSize = { width: 320, height: 180 };

/** Makes the tiles; `order` sends the `tiles` command. */
export function createTiles(
  count: number,
  timing: Timing,
  order: (orders: readonly TileOrder[]) => void,
): Tiles {
  const lines = createTileLines(count);
  const media = Array.from({ length: count }, () => new MediaStream());
  const taken = new Map<number, Taken>();
  let gathering: Timer | null = null;
  let reminding: Timer | null = null;
  let pause_ms = remind_ms;

  let sent_ms = Number.NEGATIVE_INFINITY;

  const send = (): void => {
    sent_ms = timing.now_ms();
    order(lines.orders());
    reminding?.cancel();
    reminding = timing.after(pause_ms, () => {
      const is_pending = [...taken.values()].some(({ view }) => view.wanted && !view.is_showing);
      if (!is_pending) return;
      pause_ms = Math.min(pause_ms * 2, remind_ms_max);
      send();
    });
  };
  const sendSoon = (): void => {
    pause_ms = remind_ms;
    const is_first = timing.now_ms() - sent_ms > gather_ms;
    gathering ??= timing.after(is_first ? 0 : gather_ms, () => {
      gathering = null;
      send();
    });
  };
  const refresh = (tile: Taken, quality: Quality = tile.view.quality): void => {
    const wish = lines.wished(tile.line);
    const shown = lines.shown(tile.line);
    const is_showing =
      wish !== null &&
      shown !== null &&
      shown.conferencecall_id === wish.conferencecall_id &&
      shown.source === wish.source;
    const is_something = shown?.conferencecall_id != null && shown.source !== null;
    tile.view = {
      wanted: wish && { conferencecall_id: wish.conferencecall_id, source: wish.source },
      shown: is_something
        ? {
            conferencecall_id: shown.conferencecall_id ?? "",
            source: shown.source ?? "camera",
          }
        : null,
      is_showing,
      // What is said before the wish is known to the server is about another one.
      reason: wish === null ? null : (shown?.reason ?? null),
      quality,
    };
    tile.emitter.emit("change", tile.view);
  };

  const handle = (tile: Taken): Tile => {
    let is_released = false;
    const wish = (
      conferencecall_id: string | null,
      source: "camera" | "screen",
      size: TileSize,
    ): void => {
      if (is_released) return;
      const changed = lines.wish(
        tile.line,
        conferencecall_id === null ? null : { conferencecall_id, source, size },
      );
      if (!changed) return;
      refresh(tile);
      sendSoon();
    };
    return {
      on: tile.emitter.on,
      media: media[tile.line] ?? new MediaStream(),
      get view() {
        return tile.view;
      },
      show(conferencecall_id, source = "camera", size) {
        const known = size ?? lines.wished(tile.line)?.size ?? first_size;
        wish(conferencecall_id, source, known);
      },
      resize(size) {
        const wished = lines.wished(tile.line);
        if (wished) wish(wished.conferencecall_id, wished.source, size);
      },
      release() {
        if (is_released) return;
        is_released = true;
        lines.release(tile.line);
        taken.delete(tile.line);
        sendSoon();
      },
    };
  };

  return {
    take() {
      const line = lines.take();
      if (line === null) {
        throw new Problem("TILES_EXHAUSTED", `All ${count} tiles are in use`, {
          details: [{ tile_count: count }],
        });
      }
      const tile: Taken = {
        line,
        emitter: createEmitter<TileNotices>(),
        view: {
          wanted: null,
          shown: null,
          is_showing: false,
          reason: null,
          quality: unknown_quality,
        },
      };
      taken.set(line, tile);
      return handle(tile);
    },
    connect(mids, tracks) {
      lines.negotiated(mids);
      sendSoon();
      for (const [line, track] of tracks.entries()) {
        const home = media[line];
        if (!home || home.getTracks().includes(track)) continue;
        const old = home.getTracks();
        // First the new one: an element without any track would go blank.
        home.addTrack(track);
        for (const stale of old) home.removeTrack(stale);
      }
    },
    showing(shown) {
      for (const line of lines.showing(shown)) {
        const tile = taken.get(line);
        if (tile) refresh(tile);
      }
    },
    measure(before, now) {
      for (const tile of taken.values()) {
        const mid = lines.midOf(tile.line);
        if (mid === null) continue;
        const quality = tile.view.shown ? measureQuality(before, now, mid, true) : unknown_quality;
        if (JSON.stringify(quality) !== JSON.stringify(tile.view.quality)) refresh(tile, quality);
      }
    },
    sendAll() {
      if (lines.orders().length > 0) sendSoon();
    },
    busyLines: () =>
      [...taken.values()].filter((tile) => tile.view.is_showing).map((tile) => tile.line),
    close() {
      gathering?.cancel();
      reminding?.cancel();
    },
  };
}
