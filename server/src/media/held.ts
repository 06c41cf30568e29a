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
  opened(open: EndpointOpen): void;
  restarted(restart: EndpointRestart): void;
  published(state: EndpointPublish): void;
  wished(endpoint: EndpointId, tiles: readonly TileWish[]): void;
  entered(endpoint: EndpointId, entered: boolean): void;
  snapshot(snapshot: EndpointSnapshot): void;
  forget(endpoint: EndpointId): void;
  /** Forgets a room; the result names the endpoints that were in it. */
  forgetRoom(room: RoomId): EndpointId[];
  /** Everything as it would be opened now. Each snapshot is given away once: the indices of a second worker that
   *  went on from the same one would repeat those of the first, and a repeated nonce gives the keys away. */
  restore(): RestoredEndpoint[];
}

interface Entry {
  open: EndpointOpen;
  readonly tiles: Map<string, TileWish>;
  snapshot: EndpointSnapshot | null;
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
    opened(open) {
      endpoints.set(open.endpoint, { open, tiles: new Map(), snapshot: null });
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
    restore: () =>
      [...endpoints.values()].map((entry) => {
        const { open, tiles, snapshot } = entry;
        entry.snapshot = null;
        return { open, tiles: [...tiles.values()], snapshot };
      }),
  };
}
