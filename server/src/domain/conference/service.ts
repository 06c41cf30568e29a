// Use cases of conferences.
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../kernel/clock.ts";
import { system } from "../../kernel/event.ts";
import type { ConferenceId, CustomerId, Ids } from "../../kernel/id.ts";
import { limits as bounds } from "../../kernel/limits.ts";
import type { Log } from "../../kernel/log.ts";
import { cutPage, type Page, type PageQuery } from "../../kernel/page.ts";
import { problems } from "../../kernel/problem.ts";
import type { JournalEvent, Store, Tx } from "../../store/index.ts";
import { createCalls } from "../call/index.ts";
import { conferencecallStore } from "../conferencecall/index.ts";
import {
  actorOf,
  type Caller,
  mayHost,
  type Revocations,
  requireManager,
  seesConference,
  type Tokens,
} from "../customer/index.ts";
import { readActions } from "../flow/index.ts";
import { type Conferencecalls, createConferencecalls } from "./conferencecalls.ts";
import { createDeadlines } from "./deadlines.ts";
import {
  type ConferenceChanges,
  data_bytes_max,
  type NewConference,
  requireBytes,
} from "./input.ts";
import { createJoinTokens, type JoinTokenLimits, type JoinTokens } from "./join-tokens.ts";
import { conferenceMachine } from "./machine.ts";
import { conferenceProblems } from "./problems.ts";
import { type Conference, type ConferenceRow, showConference } from "./record.ts";
import type { Attendance } from "./room.ts";
import { createShownCache, type Shown } from "./shown-cache.ts";
import { type Aftermath, createSteps, emptyAftermath } from "./steps.ts";
import * as conferenceStore from "./store.ts";

/** Milliseconds that a create waits for its room before it answers `starting` (conference.md A1). */
const allocation_patience_ms = 500;
/** Milliseconds until a room that could not be opened is asked for again. */
const allocation_retry_ms = 1_000;
/** Conferences kept ready to send, about 2 kB each. */
const shown_max = 10_000;
const due_batch_max = 100;

/** Use cases of conferences. A foreign id answers as an unknown one. */
export interface Conferences {
  /** The joins of all conferences. */
  readonly conferencecalls: Conferencecalls;
  /** Makes a conference and its room. Errors: PERMISSION_DENIED, INVALID_ARGUMENT, INVALID_ACTION_TYPE, CONFERENCE_EXISTS. Emits: conference_created. */
  create(
    caller: Caller,
    input: NewConference,
    sealed?: (tx: Tx, shown: Conference) => Promise<void>,
  ): Promise<Conference>;
  /** Errors: CONFERENCE_NOT_FOUND. */
  get(caller: Caller, id: ConferenceId): Promise<Conference>;
  /** As {@link get}, as JSON text; without a wait where it was read before. Errors: CONFERENCE_NOT_FOUND. */
  getText(caller: Caller, id: ConferenceId): string | Promise<string>;
  /** Newest first, without those that were ended. Errors: PERMISSION_DENIED. */
  list(
    caller: Caller,
    query: PageQuery,
    only: conferenceStore.ConferenceFilter,
  ): Promise<Page<Conference>>;
  /** Changes what is given. `timeout` counts from now. Errors: CONFERENCE_NOT_FOUND, STATE_INVALID, INVALID_ARGUMENT, INVALID_ACTION_TYPE. Emits: conference_updated. */
  update(caller: Caller, id: ConferenceId, changes: ConferenceChanges): Promise<Conference>;
  /** No new joins, everybody is removed, then `terminated`. Idempotent. Errors: CONFERENCE_NOT_FOUND, PERMISSION_DENIED. Emits: conference_updated, conferencecall_leaving, conferencecall_leaved, conference_deleted. */
  end(caller: Caller, id: ConferenceId): Promise<Conference>;
  /** The links into conferences. */
  readonly joinTokens: JoinTokens;
  /** Its media side cannot go on: ends it as {@link end} does, with `room_failed`. Idempotent. Emits: as {@link end}. */
  endFailed(id: ConferenceId): Promise<void>;
  /** The journal, oldest first. Private events only to who may see them. Errors: CONFERENCE_NOT_FOUND. */
  events(
    caller: Caller,
    id: ConferenceId,
    after_seq: number,
    limit: number,
  ): Promise<{ events: readonly JournalEvent[]; next_seq: number | null }>;
  /** The row if the caller may see it. Errors: CONFERENCE_NOT_FOUND. */
  rowFor(caller: Caller, id: ConferenceId): Promise<ConferenceRow>;
  /** The id inside, for one that this caller's customer may know by their own. */
  idFor(caller: Caller, id: ConferenceId): ConferenceId;
  /** The row, whoever's it is; null when there is none. For the server's own decisions. */
  row(id: ConferenceId): Promise<ConferenceRow | null>;
  /** Conferences that people can be in; for recovery after a restart. */
  open(): Promise<ConferenceRow[]>;
  /** Connects the media side. Before it, joins that are removed leave at once. */
  attach(attendance: Attendance): void;
  /** Goes on with what a restart interrupted and arms the timers; call it once, after {@link attach}. */
  start(): Promise<void>;
  /** Stops the timers. */
  close(): Promise<void>;
}

/** How much of each there may be (`limits.*`). */
export interface ConferenceLimits extends JoinTokenLimits {
  /** People in one conference at once. */
  readonly conference_calls_max: number;
  /** Conferences of one customer that have not ended. */
  readonly conferences_max: number;
}

/** Makes the use cases of conferences and their joins. */
export function createConferences(ports: {
  store: Store;
  clock: Clock;
  ids: Ids;
  log: Log;
  tokens: Tokens;
  /** Where others reach this server; known once it listens. */
  publicUrl: () => string;
  revocations: Revocations;
  limits: ConferenceLimits;
}): Conferences {
  const { store, clock, ids, log, tokens, revocations, limits } = ports;
  const calls = createCalls({ clock });
  const steps = createSteps({ clock, calls });
  const cache = createShownCache(shown_max);
  const names = createGivenIds();
  const unsubscribe = store.journal.subscribe((event) => cache.forget(event.conference_id));
  let is_closed = false;

  const settle = (after: Aftermath): void => {
    for (const id of after.changed) cache.forget(id);
    for (const at of after.deadlines) deadlines.noticed(at);
    for (const row of after.eject) {
      attendance.eject(row).catch((cause: unknown) => {
        // Its deadline ends the join all the same.
        log.warn({ err: cause, conferencecall_id: row.id }, "a join could not be taken out");
      });
    }
    for (const row of after.left) {
      joinTokens.left(row).catch((cause: unknown) => {
        // It stays barred for joins.
        log.warn({ err: cause, conferencecall_id: row.id }, "a token could not be taken back");
      });
    }
    for (const conference_id of after.closed) {
      attendance.roomClosed(conference_id).catch((cause: unknown) => {
        log.warn({ err: cause, conference_id }, "a room could not be closed");
      });
    }
  };

  const conferencecalls = createConferencecalls({
    store,
    clock,
    ids,
    calls,
    steps,
    settle,
    revocations,
    joinTokens: () => joinTokens,
    conference_calls_max: limits.conference_calls_max,
  });

  let attendance: Attendance = {
    roomOpened: async () => undefined,
    eject: async (row) => {
      await conferencecalls.leave(row.id, row.leave_reason || "ended");
    },
    roomClosed: async () => undefined,
  };

  const deadlines = createDeadlines({
    clock,
    log,
    async next() {
      const found = await Promise.all([
        conferenceStore.nextDeadline(store.db),
        conferencecallStore.nextDeadline(store.db),
      ]);
      const known = found.filter((at) => at !== null);
      return known.length === 0 ? null : Math.min(...known);
    },
    shift: (by_us) =>
      store.transaction(async (tx) => {
        await conferenceStore.shiftDeadlines(tx.db, by_us);
        await conferencecallStore.shiftDeadlines(tx.db, by_us);
      }),
    async run() {
      const now = clock.steady_now();
      await conferencecalls.workOff(now);
      for (const row of await conferenceStore.due(store.db, now, due_batch_max)) {
        await expire(row.id);
      }
    },
  });

  // The deadline of a running conference is its timeout, that of an ending one the forced end. The row is read again
  // inside: a PUT may have moved the deadline since.
  const expire = async (id: ConferenceId): Promise<void> => {
    const after = await store.transaction(async (tx) => {
      const after = emptyAftermath();
      const row = await conferenceStore.lock(tx.db, id);
      if (!row || row.tm_deadline === null || row.tm_deadline > clock.steady_now()) return after;
      if (conferenceMachine.allows(row.status, "terminating")) {
        await steps.end(tx, row, { actor: system, cause: "timeout", reason: "timeout" }, after);
        return after;
      }
      for (const call of await conferencecallStore.present(tx.db, id)) {
        const room = (await conferenceStore.lock(tx.db, id)) ?? row;
        await steps.leave(tx, room, call.id, { actor: system, reason: "ended" }, after);
        after.eject.push(call);
      }
      const emptied = (await conferenceStore.lock(tx.db, id)) ?? row;
      await steps.finishIfEmpty(tx, emptied, system, after);
      return after;
    });
    settle(after);
  };

  const rowFor: Conferences["rowFor"] = async (caller, id) => {
    const row = await conferenceStore.findOwn(store.db, caller.customer_id, id);
    if (!row || !seesConference(caller, row)) throw conferenceProblems.CONFERENCE_NOT_FOUND();
    return row;
  };

  const joinTokens = createJoinTokens({
    ...{ store, clock, tokens, revocations, steps, settle, rowFor, limits },
    publicUrl: ports.publicUrl,
  });

  // Another's is looked for as one that is nowhere: who asks cannot tell the two apart by the time it takes.
  const load = (customer_id: CustomerId, id: ConferenceId) => async (): Promise<Shown | null> => {
    const row = await conferenceStore.findOwn(store.db, customer_id, id);
    return row && { customer_id, text: JSON.stringify(showConference(row)) };
  };

  const getText: Conferences["getText"] = (caller, id) => {
    const { customer_id } = caller;
    const judge = (found: Shown | null): string => {
      if (!found || !seesConference(caller, { id, customer_id: found.customer_id })) {
        throw conferenceProblems.CONFERENCE_NOT_FOUND();
      }
      return found.text;
    };
    const shown = cache.get(id, customer_id);
    return shown ? judge(shown) : cache.read(id, customer_id, load(customer_id, id)).then(judge);
  };

  // Lets a `starting` conference go on once its room stands; asks again while the media side is away.
  const finishStarting = async (id: ConferenceId, opening: Promise<void>): Promise<void> => {
    for (let open = opening; !is_closed; open = attendance.roomOpened(id)) {
      try {
        await open;
        break;
      } catch (cause) {
        log.warn({ err: cause, conference_id: id }, "no room yet, trying again");
        await clock.sleep(allocation_retry_ms);
      }
      const row = await conferenceStore.find(store.db, id);
      if (row?.status !== "starting") return;
    }
    const after = await store.transaction(async (tx) => {
      const after = emptyAftermath();
      const row = await conferenceStore.lock(tx.db, id);
      if (!row || !conferenceMachine.allows(row.status, "progressing")) return after;
      const started = await steps.change(tx, row, { status: "progressing" }, after);
      steps.announce(tx, started, "conference_updated", system);
      return after;
    });
    settle(after);
  };

  const startInBackground = (id: ConferenceId, opening: Promise<void>): void => {
    finishStarting(id, opening).catch((cause: unknown) => {
      log.error({ err: cause, conference_id: id }, "a conference could not be started");
    });
  };

  const isOpenWithin = async (opening: Promise<void>): Promise<boolean> => {
    let timer: { cancel(): void } | null = null;
    const late = new Promise<boolean>((resolve) => {
      timer = clock.after(allocation_patience_ms, () => resolve(false));
    });
    const opened = opening.then(
      () => true,
      // Why is logged by whoever asks again.
      () => false,
    );
    const is_open = await Promise.race([opened, late]);
    (timer as { cancel(): void } | null)?.cancel();
    return is_open;
  };

  /** The same create again gives what the first made; another one under its id is refused. */
  const repeated = async (
    known: ConferenceRow,
    given: Pick<NewConference, "type" | "name" | "detail" | "data" | "timeout"> & {
      pre_actions: unknown;
      post_actions: unknown;
    },
  ): Promise<Conference> => {
    // It may have changed since; what was asked for stands in its first event.
    const [first] = await store.journal.read(known.id, 0, 1);
    const made = first?.data as Partial<Conference> | undefined;
    const asked = {
      type: given.type,
      name: given.name ?? "",
      detail: given.detail ?? "",
      data: given.data ?? {},
      timeout: given.timeout ?? 0,
      pre_actions: given.pre_actions,
      post_actions: given.post_actions,
    };
    const is_same =
      made !== undefined &&
      Object.entries(asked).every(([key, value]) =>
        isDeepStrictEqual(value, made[key as keyof Conference]),
      );
    if (!is_same) {
      throw conferenceProblems.CONFERENCE_EXISTS({
        message: "your conference with this id was made with another body",
      });
    }
    return showConference(known);
  };

  const conferences: Conferences = {
    conferencecalls,
    joinTokens,
    rowFor,
    getText,
    idFor: (caller, id) => names.find(caller, id),
    row: (id) => conferenceStore.find(store.db, id),
    open: () => conferenceStore.inStates(store.db, ["starting", "progressing", "terminating"]),
    get: async (caller, id) => JSON.parse(await getText(caller, id)) as Conference,

    async create(caller, input, sealed) {
      requireManager(caller);
      requireBytes("data", input.data ?? {}, data_bytes_max);
      const pre_actions = readActions(input.pre_actions ?? [], "pre_actions");
      const post_actions = readActions(input.post_actions ?? [], "post_actions");
      const wanted = input.id?.toLowerCase() as ConferenceId | undefined;
      const given = { ...input, pre_actions, post_actions };
      let id = wanted === undefined ? ids.next<ConferenceId>() : names.find(caller, wanted);
      if (wanted !== undefined) {
        const owner = await conferenceStore.ownerOf(store.db, id);
        const known = await conferenceStore.findOwn(store.db, caller.customer_id, id);
        if (known) return await repeated(known, given);
        // Another customer's id is as good as a new one: theirs and ours do not know of each other.
        if (owner !== null) id = ids.next<ConferenceId>();
      }
      const { conferences_max: max } = limits;
      if ((await conferenceStore.countOpen(store.db, caller.customer_id, max)) >= max) {
        throw problems.LIMIT_EXCEEDED({
          message: `a customer has ${max} conferences that have not ended`,
          details: [{ limit: max }],
        });
      }
      const given_id = wanted === undefined || wanted === id ? null : wanted;
      const opening = attendance.roomOpened(id);
      const is_open = await isOpenWithin(opening);
      const timeout = input.timeout ?? 0;
      const write = async (tx: Tx): Promise<ConferenceRow | null> => {
        const now = clock.now();
        const row: ConferenceRow = {
          id,
          given_id,
          customer_id: caller.customer_id,
          type: input.type,
          status: is_open ? "progressing" : conferenceMachine.initial,
          name: input.name ?? "",
          detail: input.detail ?? "",
          data: input.data ?? {},
          timeout,
          pre_actions,
          post_actions,
          conferencecall_ids: [],
          tm_create: now,
          tm_update: null,
          tm_delete: null,
          tm_end: null,
          tm_deadline: timeout > 0 ? clock.steady_now() + timeout * 1_000_000 : null,
        };
        if (!(await conferenceStore.insert(tx.db, row))) return null;
        steps.announce(tx, row, "conference_created", actorOf(caller));
        await sealed?.(tx, showConference(row));
        return row;
      };
      const row = await store.transaction(write).catch((cause: unknown) => {
        // Whether it was written may be unknown: the rows decide whether its room stays.
        attendance.roomInDoubt?.(id);
        throw cause;
      });
      if (row === null) {
        // Somebody made it in the same moment. The room is theirs, too, unless it is under an id of this attempt alone.
        if (wanted !== id) {
          await opening.then(
            () => attendance.roomClosed(id),
            // Where none was opened, none is left.
            () => undefined,
          );
        }
        return await conferences.create(caller, input, sealed);
      }
      if (given_id !== null) names.add(row);
      if (row.tm_deadline !== null) deadlines.noticed(row.tm_deadline);
      if (!is_open) startInBackground(id, opening);
      return showConference(row);
    },

    async list(caller, query, only) {
      requireManager(caller);
      const { rows, is_cut } = await conferenceStore.page(
        store.db,
        caller.customer_id,
        { ...query, bytes_max: bounds.page_bytes_max },
        only,
      );
      return cutPage(rows, query, showConference, is_cut);
    },

    async update(caller, id, input) {
      requireManager(caller);
      const changes: { -readonly [K in keyof ConferenceRow]?: ConferenceRow[K] } = {};
      if (input.name !== undefined) changes.name = input.name;
      if (input.detail !== undefined) changes.detail = input.detail;
      if (input.data !== undefined) {
        requireBytes("data", input.data, data_bytes_max);
        changes.data = input.data;
      }
      if (input.pre_actions) changes.pre_actions = readActions(input.pre_actions, "pre_actions");
      if (input.post_actions)
        changes.post_actions = readActions(input.post_actions, "post_actions");
      const { row, after } = await store.transaction(async (tx) => {
        const after = emptyAftermath();
        const before = await conferenceStore.lockOwn(tx.db, caller.customer_id, id);
        if (!before || !seesConference(caller, before)) {
          throw conferenceProblems.CONFERENCE_NOT_FOUND();
        }
        requireLiving(before);
        const now = clock.now();
        const moved =
          input.timeout === undefined
            ? {}
            : {
                timeout: input.timeout,
                tm_deadline:
                  input.timeout > 0 ? clock.steady_now() + input.timeout * 1_000_000 : null,
              };
        const row = await steps.change(tx, before, { ...changes, ...moved, tm_update: now }, after);
        steps.announce(tx, row, "conference_updated", actorOf(caller));
        return { row, after };
      });
      settle(after);
      return showConference(row);
    },

    async end(caller, id) {
      const known = await rowFor(caller, id);
      if (!mayHost(caller)) {
        throw problems.PERMISSION_DENIED({ message: "only hosts end a conference" });
      }
      const by =
        caller.type === "participant"
          ? await conferencecallStore.findByToken(store.db, known.id, caller.jti)
          : null;
      const actor = actorOf(caller, by?.id ?? null);
      const { row, after } = await store.transaction(async (tx) => {
        const after = emptyAftermath();
        const before = await conferenceStore.lock(tx.db, id);
        if (!before) throw conferenceProblems.CONFERENCE_NOT_FOUND();
        const given = { actor, cause: "deleted", reason: "ended" } as const;
        return { row: (await steps.end(tx, before, given, after)) ?? before, after };
      });
      settle(after);
      return showConference(row);
    },

    async endFailed(id) {
      const after = await store.transaction(async (tx) => {
        const after = emptyAftermath();
        const row = await conferenceStore.lock(tx.db, id);
        const given = { actor: system, cause: "room_failed", reason: "room_failed" } as const;
        if (row) await steps.end(tx, row, given, after);
        return after;
      });
      settle(after);
    },

    async events(caller, id, after_seq, limit) {
      await rowFor(caller, id);
      const { events: found, is_last } = await store.journal.readPage(id, after_seq, {
        events_max: limit,
        bytes_max: bounds.page_bytes_max,
      });
      let visible = found;
      if (caller.type === "participant") {
        const own = await conferencecallStore.idsByToken(store.db, id, caller.jti);
        visible = found.filter(
          (event) => event.audience === null || event.audience.some((one) => own.has(one)),
        );
      }
      const last = found.at(-1);
      return { events: visible, next_seq: !is_last && last ? last.seq : null };
    },

    attach(given) {
      attendance = given;
    },

    async start() {
      for (const row of await conferenceStore.givenIds(store.db)) names.add(row);
      for (const row of await conferenceStore.inStates(store.db, ["starting"])) {
        startInBackground(row.id, attendance.roomOpened(row.id));
      }
      await deadlines.start();
    },

    async close() {
      is_closed = true;
      unsubscribe();
      await deadlines.close();
    },
  };
  return conferences;
}

/** Conferences whose customer knows them by an id that another customer had before. There is hardly ever one. */
function createGivenIds() {
  const known = new Map<string, ConferenceId>();
  const key = (customer_id: string, id: string): string => `${customer_id} ${id}`;
  return {
    add(row: Pick<ConferenceRow, "id" | "given_id" | "customer_id">): void {
      if (row.given_id !== null) known.set(key(row.customer_id, row.given_id), row.id);
    },
    find: (caller: Pick<Caller, "customer_id">, id: ConferenceId): ConferenceId =>
      known.get(key(caller.customer_id, id)) ?? id,
  };
}

function requireLiving(row: ConferenceRow): void {
  if (row.status !== "starting" && row.status !== "progressing") {
    throw conferenceProblems.STATE_INVALID({
      message: `the conference is ${row.status}`,
      details: [{ status: row.status }],
    });
  }
}
