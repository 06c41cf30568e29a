// The live socket: one socket shows one conference, in order, without loss, and takes commands (docs/design/live-socket.md).
import {
  type Conferencecalls,
  type Conferences,
  type MediaAttendance,
  readersOf,
  readSnapshot,
  type Showing,
  type Speakers,
} from "../domain/conference/index.ts";
import { type ConferencecallRow, conferencecallProblems } from "../domain/conferencecall/index.ts";
import { type Caller, mayHost, mayManage } from "../domain/customer/index.ts";
import type { Talk } from "../domain/talk/index.ts";
import type { Clock } from "../kernel/clock.ts";
import type { ConferencecallId, ConferenceId } from "../kernel/id.ts";
import type { Log } from "../kernel/log.ts";
import { writeTimestamp } from "../kernel/wire.ts";
import type { JournalEvent, Store } from "../store/index.ts";
import { type Commands, createCommands } from "./commands.ts";
import type { Connection } from "./connection.ts";
import { createFeed, type Feed, replaySlowly } from "./feed.ts";
import { type CommandType, command_types, eventFrame } from "./frames.ts";
import { close_codes, socket_limits } from "./limits.ts";

/** Ports of the live sockets. */
export interface LivePorts {
  readonly store: Store;
  readonly conferences: Pick<Conferences, "rowFor" | "end" | "idFor">;
  readonly conferencecalls: Pick<Conferencecalls, "rowFor" | "kick" | "update">;
  readonly talk: Talk;
  /** Whole states that are in no journal. */
  readonly attendance: Pick<MediaAttendance, "on" | "speakers" | "shown" | "seats" | "watched">;
  /** Commands that reach media. */
  readonly showing: Omit<Showing, "change">;
  readonly clock: Clock;
  readonly log: Log;
  /** Names this run of the server: media of an earlier run is gone. */
  readonly boot_id: string;
}

/** What a client asks for by opening a socket. */
export interface LiveRequest {
  readonly caller: Caller;
  readonly conference_id: ConferenceId;
  readonly conferencecall_id: ConferencecallId | null;
  /** The last sequence number that the client has. */
  readonly after: number | null;
}

/** All live sockets of this process. */
export interface LiveSockets {
  /** Serves a socket until it closes. Errors: CONFERENCE_NOT_FOUND, CONFERENCECALL_NOT_FOUND; the caller closes with 4404. */
  serve(request: LiveRequest, connection: Connection): Promise<void>;
  /** Sockets that are open, by conference and all together; for metrics. */
  readonly count: number;
  close(): void;
}

interface Live {
  readonly request: LiveRequest;
  readonly connection: Connection;
  readonly feed: Feed<JournalEvent>;
  /** Whose private messages it sees; null: everybody's. */
  readonly readers: ReadonlySet<ConferencecallId> | null;
  has_begun: boolean;
}

/** Makes them; one reader of the journal serves all. */
export function createLiveSockets(ports: LivePorts): LiveSockets {
  const { store, attendance, clock } = ports;
  const rooms = new Map<ConferenceId, Set<Live>>();
  const owners = new Map<ConferencecallId, Live>();
  let count = 0;

  const toOwner = (id: ConferencecallId, frame: object): void => {
    const live = owners.get(id);
    if (live?.has_begun) live.connection.send(JSON.stringify(frame));
  };
  const stop = [
    store.journal.subscribe((event) => {
      for (const live of rooms.get(event.conference_id) ?? []) live.feed.hear(event);
    }),
    attendance.on("speakers", (hint) => {
      const text = speakersFrame(hint);
      for (const live of rooms.get(hint.conference_id) ?? []) {
        if (live.has_begun) live.connection.send(text);
      }
    }),
    attendance.on("voices", ({ conferencecall_id, slots }) =>
      toOwner(conferencecall_id, { type: "voices", slots }),
    ),
    attendance.on("tiles", ({ conferencecall_id, tiles }) =>
      toOwner(conferencecall_id, { type: "tiles", tiles }),
    ),
    attendance.on("publish_codec_wanted", ({ conferencecall_id, source, codecs }) =>
      toOwner(conferencecall_id, { type: "publish_codec_wanted", source, codecs }),
    ),
    attendance.on("rejoin", ({ conferencecall_id, reason }) =>
      toOwner(conferencecall_id, { type: "rejoin", reason }),
    ),
  ];
  const pinging = clock.every(socket_limits.ping_interval_ms, () => {
    const text = JSON.stringify({ type: "ping", tm: writeTimestamp(clock.now()) });
    for (const room of rooms.values()) {
      for (const live of room) if (live.has_begun) live.connection.send(text);
    }
  });

  const enter = (live: Live): void => {
    const { conference_id, conferencecall_id } = live.request;
    const room = rooms.get(conference_id) ?? new Set();
    rooms.set(conference_id, room);
    room.add(live);
    count += 1;
    if (conferencecall_id !== null) {
      // One socket per join: what its slots and tiles are told must have one reader.
      owners.get(conferencecall_id)?.connection.close(close_codes.taken_over);
      owners.set(conferencecall_id, live);
      attendance.watched(conferencecall_id);
    }
    live.connection.onClose(() => {
      room.delete(live);
      count -= 1;
      if (room.size === 0 && rooms.get(conference_id) === room) rooms.delete(conference_id);
      if (conferencecall_id !== null && owners.get(conferencecall_id) === live) {
        owners.delete(conferencecall_id);
      }
    });
  };

  /** Gives everything after what the client has; false where that is too much or unknown here. */
  const resume = async (live: Live, you: object): Promise<boolean> => {
    const { after, conference_id } = live.request;
    if (after === null) return false;
    const latest = await store.journal.latest(conference_id);
    if (after > latest || latest - after > socket_limits.resume_events_max) return false;
    live.connection.send(JSON.stringify({ type: "resumed", seq: after, ...greeting(ports, you) }));
    live.feed.begin(after);
    for (;;) {
      const { events, is_last } = await store.journal.readPage(conference_id, live.feed.last, {
        events_max: socket_limits.page_events,
        bytes_max: socket_limits.page_bytes,
      });
      await replaySlowly(live.feed, events, live.connection, sizeOf);
      if (is_last || !live.connection.is_open) return true;
    }
  };

  const snapshot = async (live: Live, you: object): Promise<string | null> => {
    const { conference_id } = live.request;
    const read = await store.view(async (view) => {
      const state = await readSnapshot(view, conference_id);
      const { snapshot_messages } = socket_limits;
      return (
        state && {
          state,
          messages: await ports.talk.tail(view.db, conference_id, live.readers, snapshot_messages),
        }
      );
    });
    if (!read) return null;
    const { seq, conference, conferencecalls } = read.state;
    live.feed.begin(seq);
    live.connection.send(
      JSON.stringify({
        type: "snapshot",
        seq,
        conference,
        conferencecalls,
        messages: read.messages,
        ...greeting(ports, you),
      }),
    );
    return conference.status;
  };

  /** Sends what stands beside the journal, as it is now. */
  const sendHints = (live: Live): void => {
    const { conference_id, conferencecall_id } = live.request;
    live.connection.send(speakersFrame(attendance.speakers(conference_id)));
    if (conferencecall_id === null) return;
    const { voices, tiles, codecs_wanted } = attendance.shown(conferencecall_id);
    live.connection.send(JSON.stringify({ type: "voices", slots: voices }));
    live.connection.send(JSON.stringify({ type: "tiles", tiles }));
    for (const wanted of codecs_wanted) {
      live.connection.send(JSON.stringify({ type: "publish_codec_wanted", ...wanted }));
    }
    const seat = attendance.seats.get(conferencecall_id);
    if (!seat || seat.state === "lost") {
      live.connection.send(JSON.stringify({ type: "rejoin", reason: "media_lost" }));
    }
  };

  return {
    get count() {
      return count;
    },
    async serve(given, connection) {
      const { caller, conferencecall_id } = given;
      const conference_id = ports.conferences.idFor(caller, given.conference_id);
      const request = { ...given, conference_id };
      await ports.conferences.rowFor(caller, conference_id);
      const own = conferencecall_id === null ? null : await ownRow(ports, request);
      if (own?.status === "leaved") {
        connection.close(closeCodeOf(own.leave_reason));
        return;
      }
      const readers = caller.type === "participant" ? await readersOf(store, caller) : null;
      const live: Live = {
        request,
        connection,
        readers,
        has_begun: false,
        feed: createFeed<JournalEvent>({
          orderOf: (event) => event.seq,
          emit: (event) => give(live, event),
          fault: (fault) =>
            connection.close(fault === "overflow" ? close_codes.too_slow : close_codes.fault),
          waiting_max: socket_limits.waiting_events_max,
          sizeOf,
          waiting_bytes_max: socket_limits.waiting_bytes_max,
          is_dense: true,
        }),
      };
      if (!connection.is_open) return;
      enter(live);
      const commands = createCommands({
        ...{ ...ports, request, own, may: mayOf(caller, own) },
        drained: connection.drained,
      });
      connection.onFrame((text) => takeFrame(commands, connection, text));
      const you = youOf(caller, own);
      const has_resumed = await resume(live, you);
      const status = has_resumed ? null : await snapshot(live, you);
      live.has_begun = true;
      live.feed.open();
      sendHints(live);
      if (status === "terminated") connection.close(close_codes.ended);
    },
    close() {
      pinging.cancel();
      for (const end of stop) end();
      for (const room of rooms.values()) {
        for (const live of room) live.connection.close(close_codes.restarting);
      }
    },
  };
}

const sizeOf = (event: JournalEvent): number => eventFrame(event).length;

const speakersFrame = ({ active, speaking }: Speakers): string =>
  JSON.stringify({ type: "speakers", active, speaking });

const greeting = (ports: LivePorts, you: object): object => ({
  you,
  boot_id: ports.boot_id,
  ping_interval_ms: socket_limits.ping_interval_ms,
});

/** Sends an event to one reader, and closes the socket where the event ends what it shows. */
function give(live: Live, event: JournalEvent): void {
  const { readers, connection, request } = live;
  const is_visible =
    event.audience === null || readers === null || event.audience.some((id) => readers.has(id));
  if (!is_visible) return;
  connection.send(eventFrame(event));
  if (event.type === "conference_deleted") {
    connection.close(close_codes.ended);
    return;
  }
  const call = event.data as { readonly id?: string; readonly leave_reason?: string };
  if (request.conferencecall_id === null || call.id !== request.conferencecall_id) return;
  const { leave_reason = "" } = call;
  if (event.type === "conferencecall_leaved") connection.close(closeCodeOf(leave_reason));
  // Who is removed learns it at once, not when the media side has confirmed.
  if (event.type === "conferencecall_leaving" && leave_reason === "kicked") {
    connection.close(close_codes.removed);
  }
}

function closeCodeOf(leave_reason: string): number {
  if (leave_reason === "kicked") return close_codes.removed;
  if (leave_reason === "ended" || leave_reason === "timeout" || leave_reason === "ejected") {
    return close_codes.ended;
  }
  return close_codes.not_found;
}

/** The join that the socket is tied to: it must be of this conference and made with this credential. */
async function ownRow(ports: LivePorts, request: LiveRequest): Promise<ConferencecallRow> {
  const { caller, conference_id, conferencecall_id } = request;
  const row = await ports.conferencecalls.rowFor(caller, conferencecall_id as ConferencecallId);
  const is_own =
    caller.type === "participant" ? row.token_jti === caller.jti : row.token_jti === null;
  if (row.conference_id !== conference_id || !is_own)
    throw conferencecallProblems.CONFERENCECALL_NOT_FOUND();
  return row;
}

/** Commands that this caller may give. */
export function mayOf(
  caller: Caller,
  own: Pick<ConferencecallRow, "role"> | null,
): ReadonlySet<CommandType> {
  const may = new Set<CommandType>(["messages"]);
  const add = (...types: CommandType[]): void => {
    for (const type of types) may.add(type);
  };
  if (own) add("tiles", "chat", "react", "delete_message", "hand", "rename");
  if (own && own.role !== "listener") add("publish");
  if (mayManage(caller)) add("chat", "react", "delete_message");
  if (mayHost(caller)) add("mute", "kick", "end");
  // In the order of the manual, whatever the order of the rules.
  return new Set(command_types.filter((type) => may.has(type)));
}

function youOf(caller: Caller, own: ConferencecallRow | null): object {
  return {
    conferencecall_id: own?.id ?? null,
    role: own?.role ?? (caller.type === "participant" ? caller.role : "host"),
    name: own?.name ?? (caller.type === "participant" ? caller.name : ""),
    may: [...mayOf(caller, own)],
  };
}

function takeFrame(commands: Commands, connection: Connection, text: string): void {
  const verdict = commands.take(text, (answer) => connection.send(answer));
  if (verdict === "bad_frame") connection.close(close_codes.bad_frame);
}
