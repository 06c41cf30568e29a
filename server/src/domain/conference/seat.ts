// A seat: the media side of one join, as long as this process knows it. Memory only; what must
// survive a restart is in the rows of the join.
import type { CallId, ConferencecallId, ConferenceId, CustomerId } from "../../kernel/id.ts";
import type { Codec, TileReason, TileSource } from "../../media/index.ts";
import type { DtlsRole, Fingerprint, IceCredentials, SendLine, Source } from "../../sdp/index.ts";

/** What is known of one join's media side. */
export interface Seat {
  readonly conferencecall_id: ConferencecallId;
  readonly conference_id: ConferenceId;
  readonly customer_id: CustomerId;
  /** Names the endpoint in the media worker; the same for every answer to this join. */
  readonly endpoint: CallId;
  /** Identifies the present ICE session (RFC 9725 section 4.3.1), with its quotes. */
  etag: string;
  local_ice: IceCredentials;
  remote_ice: IceCredentials;
  remote_fingerprints: readonly Fingerprint[];
  /** Our side of the DTLS handshake; stays as long as the association does (RFC 8842 section 5.5). */
  readonly dtls_role: DtlsRole;
  /** `o=` of our answers. */
  readonly session_id: string;
  session_version: number;
  readonly cname: string;
  /** The line that carries the bundle's transport. */
  tagged: { readonly medium: string; readonly mid: string | null };
  /** Lines on which the join may publish. */
  sources: ReadonlyMap<Source, string>;
  /** Lines that we fill, by mid. */
  send: ReadonlyMap<string, SendLine>;
  /** `replacing`: what the worker tells of it belongs to the endpoint that is being replaced. */
  state: "connecting" | "connected" | "silent" | "lost" | "replacing";
  /** Last told: whose voice fills which slot, what the tiles show. */
  voices: readonly VoiceOf[];
  tiles: readonly TileOf[];
  /** Last asked: in which codecs its pictures should be sent; by source. */
  codecs_wanted: readonly CodecsWanted[];
  /** Ends when what was last asked of this seat is done; one thing at a time. */
  queue: Promise<unknown>;
}

/** Whose voice fills a slot. */
export interface VoiceOf {
  readonly mid: string;
  readonly conferencecall_id: ConferencecallId | null;
}

/** What a tile shows. */
export interface TileOf {
  readonly mid: string;
  readonly conferencecall_id: ConferencecallId | null;
  readonly source: TileSource["source"] | null;
  readonly rid: string | null;
  /** Why it does not show what it should; null: it does, or will at the next key frame. */
  readonly reason: TileReason | null;
}

/** Codecs, best first, of which a published picture should be sent in one, since somebody who looks cannot show the one it is sent in. */
export interface CodecsWanted {
  readonly source: Source;
  readonly codecs: readonly Codec[];
}

/** All seats of this process. */
export interface Seats {
  add(seat: Seat): void;
  remove(seat: Seat): void;
  get(id: ConferencecallId): Seat | undefined;
  byEndpoint(endpoint: string): Seat | undefined;
  /** Who sits in a conference. */
  of(conference_id: ConferenceId): Seat[];
  readonly size: number;
  /** Seats whose media side has stood at least once: who is only on the way in is not in a call. */
  readonly connected: number;
}

/** Makes an empty collection. */
export function createSeats(): Seats {
  const seats = new Map<ConferencecallId, Seat>();
  const endpoints = new Map<string, Seat>();
  return {
    add(seat) {
      seats.set(seat.conferencecall_id, seat);
      endpoints.set(seat.endpoint, seat);
    },
    remove(seat) {
      if (seats.get(seat.conferencecall_id) === seat) seats.delete(seat.conferencecall_id);
      if (endpoints.get(seat.endpoint) === seat) endpoints.delete(seat.endpoint);
    },
    get: (id) => seats.get(id),
    byEndpoint: (endpoint) => endpoints.get(endpoint),
    of: (conference_id) =>
      [...seats.values()].filter((seat) => seat.conference_id === conference_id),
    get size() {
      return seats.size;
    },
    get connected() {
      let count = 0;
      for (const { state } of seats.values()) if (state !== "connecting") count += 1;
      return count;
    },
  };
}

/** Runs one thing after the other on a seat. */
export function inTurn<T>(seat: Seat, run: () => Promise<T>): Promise<T> {
  const turn = seat.queue.then(run, run);
  // Whoever asked hears of the failure; the next in line only waits for the end.
  seat.queue = turn.catch(() => undefined);
  return turn;
}
