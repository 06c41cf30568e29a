// What the media workers tell, turned into states of joins and into hints for live sockets; and
// what the rules of a conference ask of the workers.
import type { Clock, Instant, Timer } from "../../kernel/clock.ts";
import { type Actor, system } from "../../kernel/event.ts";
import type { ConferencecallId, ConferenceId, CustomerId } from "../../kernel/id.ts";
import { type Log, Pii } from "../../kernel/log.ts";
import { Problem } from "../../kernel/problem.ts";
import type { EndReason, Media } from "../../media/index.ts";
import type { Store } from "../../store/index.ts";
import type { LeaveReason } from "../conferencecall/index.ts";
import { type Conferencecalls, connect_timeout_ms } from "./conferencecalls.ts";
import type { Attendance } from "./room.ts";
import {
  type CodecsWanted,
  createSeats,
  type Seat,
  type Seats,
  type TileOf,
  type VoiceOf,
} from "./seat.ts";
import type { Conferences } from "./service.ts";

/** Milliseconds that a join keeps its seat after the server or its media worker was lost. */
export const seat_held_ms = 20_000;
// The journal says who speaks most at most this often.
const active_speaker_interval_ms = 1_000;
// A write that has to happen is tried again after this, doubled up to the second.
const retry_ms = 100;
const retry_ms_max = 5_000;

/** Who speaks in a conference; whole state. */
export interface Speakers {
  readonly conference_id: ConferenceId;
  readonly active: ConferencecallId | null;
  readonly speaking: readonly ConferencecallId[];
}

/** Hints for live sockets: whole state each time, in no journal. */
export interface LiveHints {
  speakers: Speakers;
  voices: { readonly conferencecall_id: ConferencecallId; readonly slots: readonly VoiceOf[] };
  tiles: { readonly conferencecall_id: ConferencecallId; readonly tiles: readonly TileOf[] };
  /** A published picture should be sent in another codec. */
  publish_codec_wanted: CodecsWanted & { readonly conferencecall_id: ConferencecallId };
  /** The media half of the join is gone: the client should POST it again with `resume`. */
  rejoin: {
    readonly conferencecall_id: ConferencecallId;
    readonly reason: "media_lost" | "room_failed";
  };
}

/** The media side of all conferences of this process. */
export interface MediaAttendance extends Attendance {
  readonly seats: Seats;
  /** Registers a listener for hints; the result removes it. */
  on<Name extends keyof LiveHints>(
    name: Name,
    listener: (hint: LiveHints[Name]) => void,
  ): () => void;
  /** The client of a join has a live socket: it will resume, and its seat is held for that while nothing comes from it. */
  watched(id: ConferencecallId): void;
  /** The media half of a join is gone for good; the seat is kept for its client to come back to. */
  lost(seat: Seat): void;
  /** A step of a join failed, and it is not known what was written: the row decides whether its endpoint stays. `is_unanswered`: its client knows nothing of the join, which then ends. */
  joinInDoubt(seat: Seat, is_unanswered: boolean): void;
  /** The last word on who speaks; nobody where nothing was said. */
  speakers(conference_id: ConferenceId): Speakers;
  /** The last word on a join's slots and tiles; empty where nothing was said. */
  shown(id: ConferencecallId): {
    readonly voices: readonly VoiceOf[];
    readonly tiles: readonly TileOf[];
    readonly codecs_wanted: readonly CodecsWanted[];
  };
  /** After a start: opens rooms again and holds the seats of who was joined. Call it once, before anybody can join. */
  recover(): Promise<void>;
  close(): void;
}

/** Makes it; it listens to the media port from here on. */
export function createAttendance(ports: {
  media: Media;
  store: Store;
  conferences: Pick<Conferences, "open" | "endFailed" | "row">;
  conferencecalls: Pick<
    Conferencecalls,
    "markJoined" | "leave" | "setDeadline" | "presentAnywhere" | "row"
  >;
  clock: Clock;
  log: Log;
  /** Milliseconds that a silent join without a live socket is held. */
  vanished_hold_ms: number;
}): MediaAttendance {
  const { media, store, conferencecalls, clock, log } = ports;
  const seats = createSeats();
  const listeners: { [Name in keyof LiveHints]: Set<(hint: LiveHints[Name]) => void> } = {
    speakers: new Set(),
    voices: new Set(),
    tiles: new Set(),
    publish_codec_wanted: new Set(),
    rejoin: new Set(),
  };
  const emit = <Name extends keyof LiveHints>(name: Name, hint: LiveHints[Name]): void => {
    for (const listener of listeners[name]) listener(hint);
  };
  const persist = createPersist({ clock, log });
  const speakers = new Map<ConferenceId, Speakers>();
  /** Joins whose client has, or had, a live socket. */
  const watched = new Set<ConferencecallId>();
  /** Of silent joins without one. */
  const vanishing = new Map<ConferencecallId, Timer>();
  const announcer = createAnnouncer({ store, clock, persist });

  const idOf = (endpoint: string | null): ConferencecallId | null =>
    (endpoint === null ? null : seats.byEndpoint(endpoint)?.conferencecall_id) ?? null;
  const inSeconds = (wait_ms: number): Instant => clock.steady_now() + wait_ms * 1000;

  // The endpoint is gone for good, or never came: the seat goes, and the join with it.
  const give = (seat: Seat, reason: LeaveReason, actor: Actor): void => {
    seats.remove(seat);
    persist(`leave ${reason}`, () => conferencecalls.leave(seat.conferencecall_id, reason, actor));
  };

  const keep = (id: ConferencecallId): void => {
    vanishing.get(id)?.cancel();
    vanishing.delete(id);
  };
  // Nobody will resume it: the tile of somebody who is not there is not shown for longer than it must.
  const letVanish = (seat: Seat): void => {
    const id = seat.conferencecall_id;
    keep(id);
    const timer = clock.after(ports.vanished_hold_ms, () => {
      vanishing.delete(id);
      if (seats.get(id) !== seat || seat.state !== "silent") return;
      give(seat, "vanished", system);
      persist("close an endpoint", () => media.closeEndpoint(seat.endpoint));
    });
    vanishing.set(id, timer);
  };

  // The endpoint is gone, the person may not be: the seat is kept for a while.
  const hold = (seat: Seat, hint: LiveHints["rejoin"]["reason"], reason: LeaveReason): void => {
    seat.state = "lost";
    persist("hold a seat", () =>
      conferencecalls.setDeadline(seat.conferencecall_id, inSeconds(seat_held_ms), reason),
    );
    emit("rejoin", { conferencecall_id: seat.conferencecall_id, reason: hint });
  };

  const connected = (seat: Seat): void => {
    seat.state = "connected";
    persist("joined", async () => {
      const id = seat.conferencecall_id;
      // Null: it was joined before (a resume), and what is left to do is to let its deadline go.
      if ((await conferencecalls.markJoined(id)) === null) {
        const row = await conferencecalls.row(id);
        if (row?.status === "joined") await conferencecalls.setDeadline(id, null, "vanished");
      }
    });
  };

  const unsubscribe = [
    media.on("endpoint_connected", ({ endpoint, detail }) => {
      const seat = seats.byEndpoint(endpoint);
      if (!seat || seat.state === "replacing") return;
      log.info(
        // It names the far address.
        { conferencecall_id: seat.conferencecall_id, detail: new Pii(detail) },
        "endpoint connected",
      );
      if (seat.state === "connecting") connected(seat);
      else seat.state = "connected";
    }),
    media.on("endpoint_silent", ({ endpoint }) => {
      const seat = seats.byEndpoint(endpoint);
      if (seat?.state !== "connected") return;
      seat.state = "silent";
      if (!watched.has(seat.conferencecall_id)) letVanish(seat);
    }),
    media.on("endpoint_back", ({ endpoint }) => {
      const seat = seats.byEndpoint(endpoint);
      if (seat?.state !== "silent") return;
      seat.state = "connected";
      keep(seat.conferencecall_id);
    }),
    media.on("endpoint_ended", ({ endpoint, reason }) => {
      const seat = seats.byEndpoint(endpoint);
      if (!seat || seat.state === "replacing") return;
      log.info({ conferencecall_id: seat.conferencecall_id, reason }, "endpoint ended");
      const actor: Actor =
        reason === "closed_by_peer"
          ? { type: "conferencecall", id: seat.conferencecall_id }
          : system;
      give(seat, leave_reason_of[reason], actor);
    }),
    media.on("endpoints_lost", ({ endpoints }) => {
      for (const endpoint of endpoints) {
        const seat = seats.byEndpoint(endpoint);
        if (seat && seat.state !== "replacing") hold(seat, "media_lost", "node_lost");
      }
    }),
    media.on("room_failed", ({ room, message }) => {
      const conference_id = room as ConferenceId;
      log.error({ conference_id, detail: message }, "a room failed in its media worker");
      for (const seat of seats.of(conference_id)) hold(seat, "room_failed", "room_failed");
      persist("open a room again", () => media.openRoom(room));
    }),
    media.on("room_quarantined", ({ room }) => {
      // Opened again it would end the next worker: the conference is over, everybody leaves.
      persist("end a conference", () => ports.conferences.endFailed(room as ConferenceId));
    }),
    media.on("voice_slots", ({ endpoint, slots }) => {
      const seat = seats.byEndpoint(endpoint);
      if (!seat) return;
      seat.voices = slots.map((slot) => ({
        mid: slot.mid,
        conferencecall_id: idOf(slot.endpoint),
      }));
      emit("voices", { conferencecall_id: seat.conferencecall_id, slots: seat.voices });
    }),
    media.on("tiles", ({ endpoint, tiles }) => {
      const seat = seats.byEndpoint(endpoint);
      if (!seat) return;
      seat.tiles = tiles.map(({ mid, show, rid, reason }) => ({
        mid,
        conferencecall_id: idOf(show?.endpoint ?? null),
        source: show?.source ?? null,
        rid,
        reason,
      }));
      emit("tiles", { conferencecall_id: seat.conferencecall_id, tiles: seat.tiles });
    }),
    media.on("publish_codec_wanted", ({ endpoint, source, codecs }) => {
      const seat = seats.byEndpoint(endpoint);
      if (!seat) return;
      const wanted: CodecsWanted = { source, codecs };
      seat.codecs_wanted = [...seat.codecs_wanted.filter((one) => one.source !== source), wanted];
      emit("publish_codec_wanted", { conferencecall_id: seat.conferencecall_id, ...wanted });
    }),
    media.on("speakers", ({ room, active, speaking }) => {
      const conference_id = room as ConferenceId;
      const said: Speakers = {
        conference_id,
        active: idOf(active),
        speaking: speaking.flatMap((endpoint) => idOf(endpoint) ?? []),
      };
      speakers.set(conference_id, said);
      emit("speakers", said);
      const seat = active === null ? undefined : seats.byEndpoint(active);
      if (seat) announcer.active(seat);
    }),
    // However a join ended (its own DELETE, a deadline, the end of the conference), its endpoint goes.
    store.journal.subscribe((event) => {
      if (event.type !== "conferencecall_leaved") return;
      const { id } = event.data as { id: ConferencecallId };
      watched.delete(id);
      keep(id);
      const seat = seats.get(id);
      if (!seat) return;
      seats.remove(seat);
      persist("close an endpoint", () => media.closeEndpoint(seat.endpoint));
    }),
  ];

  return {
    seats,
    on(name, listener) {
      listeners[name].add(listener);
      return () => {
        listeners[name].delete(listener);
      };
    },
    watched(id) {
      watched.add(id);
      keep(id);
    },
    lost: (seat) => hold(seat, "media_lost", "node_lost"),
    joinInDoubt(seat, is_unanswered) {
      persist("close an endpoint in doubt", async () => {
        const id = seat.conferencecall_id;
        if (is_unanswered) await conferencecalls.leave(id, "connect_failed");
        const row = await conferencecalls.row(id);
        if (row && row.status !== "leaved") return;
        seats.remove(seat);
        await media.closeEndpoint(seat.endpoint);
      });
    },
    speakers: (conference_id) =>
      speakers.get(conference_id) ?? { conference_id, active: null, speaking: [] },
    shown: (id) => {
      const seat = seats.get(id);
      return {
        voices: seat?.voices ?? [],
        tiles: seat?.tiles ?? [],
        codecs_wanted: seat?.codecs_wanted ?? [],
      };
    },
    roomOpened: (conference_id) => media.openRoom(conference_id),
    async eject(conferencecall) {
      const seat = seats.get(conferencecall.id);
      if (seat) seats.remove(seat);
      await media.closeEndpoint(conferencecall.reference_id);
      await conferencecalls.leave(conferencecall.id, conferencecall.leave_reason || "ended");
    },
    roomInDoubt(conference_id) {
      persist("close a room in doubt", async () => {
        const row = await ports.conferences.row(conference_id);
        if (!row || row.status === "terminated") await media.closeRoom(conference_id);
      });
    },
    async roomClosed(conference_id) {
      for (const seat of seats.of(conference_id)) seats.remove(seat);
      speakers.delete(conference_id);
      announcer.forget(conference_id);
      await media.closeRoom(conference_id);
    },
    async recover() {
      const conferences = await ports.conferences.open();
      await Promise.all(
        conferences
          .filter(({ status }) => status !== "starting")
          .map(({ id }) => media.openRoom(id)),
      );
      for (const row of await conferencecalls.presentAnywhere()) {
        if (row.status === "joined") {
          await conferencecalls.setDeadline(row.id, inSeconds(seat_held_ms), "node_lost");
        } else if (row.status === "joining") {
          // Its offer is gone with the process; the client may still resume it while it tries to connect.
          await conferencecalls.setDeadline(row.id, inSeconds(connect_timeout_ms), "node_lost");
        } else {
          await conferencecalls.leave(row.id, row.leave_reason || "ended");
        }
      }
    },
    close() {
      for (const end of unsubscribe) end();
      for (const timer of vanishing.values()) timer.cancel();
      persist.close();
      announcer.close();
    },
  };
}

const leave_reason_of: Readonly<Record<EndReason, LeaveReason>> = {
  connect_timeout: "connect_failed",
  dtls_failed: "connect_failed",
  fingerprint_mismatch: "connect_failed",
  closed_by_peer: "left",
  vanished: "vanished",
};

interface Persist {
  /** Does it until it is done: the database or the worker may be away for a while. */
  (what: string, run: () => Promise<unknown>): void;
  close(): void;
}

function createPersist({ clock, log }: { clock: Clock; log: Log }): Persist {
  const waiting = new Set<Timer>();
  let is_closed = false;
  const attempt = (what: string, run: () => Promise<unknown>, delay_ms: number): void => {
    if (is_closed) return;
    run().catch((cause: unknown) => {
      const is_passing =
        cause instanceof Problem &&
        (cause.kind.status === "UNAVAILABLE" || cause.reason === "STORAGE_FULL");
      if (!is_passing) {
        log.error({ err: cause, what }, "a step of a join failed");
        return;
      }
      log.warn({ err: cause, what, delay_ms }, "a step of a join has to wait");
      const timer = clock.after(delay_ms, () => {
        waiting.delete(timer);
        attempt(what, run, Math.min(delay_ms * 2, retry_ms_max));
      });
      waiting.add(timer);
    });
  };
  return Object.assign(
    (what: string, run: () => Promise<unknown>) => attempt(what, run, retry_ms),
    {
      close() {
        is_closed = true;
        for (const timer of waiting) timer.cancel();
      },
    },
  );
}

interface Announcer {
  active(seat: Seat): void;
  forget(conference_id: ConferenceId): void;
  close(): void;
}

// Writes who speaks most into the journal: each change once, no two within a second, the last one
// always.
function createAnnouncer(ports: { store: Store; clock: Clock; persist: Persist }): Announcer {
  const { store, clock, persist } = ports;
  interface Said {
    said: ConferencecallId | null;
    next: { id: ConferencecallId; customer_id: CustomerId } | null;
    timer: Timer | null;
  }
  const rooms = new Map<ConferenceId, Said>();
  const write = (conference_id: ConferenceId, room: Said): void => {
    room.timer = null;
    const next = room.next;
    room.next = null;
    if (next === null || next.id === room.said) return;
    room.said = next.id;
    room.timer = clock.after(active_speaker_interval_ms, () => write(conference_id, room));
    persist("active speaker", () =>
      store.transaction(async (tx) => {
        tx.append({
          customer_id: next.customer_id,
          conference_id,
          type: "conference_active_speaker",
          data: { conference_id, conferencecall_id: next.id },
          actor: system,
        });
      }),
    );
  };
  return {
    active({ conference_id, conferencecall_id, customer_id }) {
      const room = rooms.get(conference_id) ?? { said: null, next: null, timer: null };
      rooms.set(conference_id, room);
      room.next = { id: conferencecall_id, customer_id };
      if (room.timer === null) write(conference_id, room);
    },
    forget(conference_id) {
      rooms.get(conference_id)?.timer?.cancel();
      rooms.delete(conference_id);
    },
    close() {
      for (const room of rooms.values()) room.timer?.cancel();
    },
  };
}
