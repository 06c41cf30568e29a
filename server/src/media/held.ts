// What the server knows of the endpoints of one worker: enough to set them up again on its successor.
import type {
  EndpointId,
  EndpointOpen,
  EndpointPublish,
  EndpointRestart,
  EndpointSnapshot,
  RestoredEndpoint,
  RoomId,
  TileWish,
} from "./wire.ts";

/** Rooms and endpoints of one worker. Holds keys: memory only. */
export interface Held {
  readonly rooms: Set<RoomId>;
  readonly endpoints: ReadonlyMap<EndpointId, { readonly open: EndpointOpen }>;
  /** It is being opened: whoever asks for that asks the successor, too, so it is not restored. */
  opening(open: EndpointOpen): void;
  /** It stands. False: it was forgotten meanwhile. */
  opened(endpoint: EndpointId): boolean;
  restarted(restart: EndpointRestart): void;
  published(state: EndpointPublish): void;
  wished(endpoint: EndpointId, tiles: readonly TileWish[]): void;
  entered(endpoint: EndpointId, entered: boolean): void;
  snapshot(snapshot: EndpointSnapshot): void;
  forget(endpoint: EndpointId): void;
  /** Forgets a room; the result names the endpoints that were in it. */
  forgetRoom(room: RoomId): EndpointId[];
  /** A room as it would be opened now. Each snapshot is given away once: the indices of a second worker that
   *  went on from the same one would repeat those of the first, and a repeated nonce gives the keys away. */
  restore(room: RoomId): Restoring;
}

/** Endpoints that are being handed to a worker. */
export interface Restoring {
  readonly endpoints: RestoredEndpoint[];
  /** The worker refused, and nothing changed there: their snapshots may be given to the next one. */
  refused(): void;
}

interface Entry {
  open: EndpointOpen;
  readonly tiles: Map<string, TileWish>;
  snapshot: EndpointSnapshot | null;
  is_opening: boolean;
}

/** Makes an empty {@link Held}. */
export function createHeld(): Held {
  const rooms = new Set<RoomId>();
  const endpoints = new Map<EndpointId, Entry>();
  const change = (id: EndpointId, make: (entry: Entry) => EndpointOpen): void => {
    const entry = endpoints.get(id);
    if (entry) entry.open = make(entry);
  };
  return {
    rooms,
    endpoints,
    opening(open) {
      endpoints.set(open.endpoint, { open, tiles: new Map(), snapshot: null, is_opening: true });
    },
    opened(endpoint) {
      const entry = endpoints.get(endpoint);
      if (entry) entry.is_opening = false;
      return entry !== undefined;
    },
    restarted({ endpoint, ice, dtls }) {
      change(endpoint, ({ open }) => ({ ...open, ice, dtls: dtls ?? open.dtls }));
    },
    published({ endpoint, lines }) {
      change(endpoint, ({ open }) => ({
        ...open,
        receive: open.receive.map((line) => {
          const state = lines.find(({ mid }) => mid === line.mid);
          return state ? { ...line, muted: state.muted } : line;
        }),
      }));
    },
    wished(endpoint, tiles) {
      const entry = endpoints.get(endpoint);
      for (const wish of tiles) entry?.tiles.set(wish.mid, wish);
    },
    entered(endpoint, entered) {
      change(endpoint, ({ open }) => ({ ...open, entered }));
    },
    snapshot(snapshot) {
      const entry = endpoints.get(snapshot.endpoint);
      if (entry) entry.snapshot = snapshot;
    },
    forget(endpoint) {
      endpoints.delete(endpoint);
    },
    forgetRoom(room) {
      rooms.delete(room);
      const gone = [...endpoints.values()].filter(({ open }) => open.room === room);
      for (const { open } of gone) endpoints.delete(open.endpoint);
      return gone.map(({ open }) => open.endpoint);
    },
    restore(room) {
      const given = [...endpoints.values()]
        .filter(({ open, is_opening }) => open.room === room && !is_opening)
        .map((entry) => {
          const { snapshot } = entry;
          entry.snapshot = null;
          return { entry, snapshot };
        });
      return {
        endpoints: given.map(({ entry, snapshot }) => ({
          open: entry.open,
          tiles: [...entry.tiles.values()],
          snapshot,
        })),
        refused() {
          for (const { entry, snapshot } of given) entry.snapshot ??= snapshot;
        },
      };
    },
  };
}
