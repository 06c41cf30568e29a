// Who is in which conference: joining, changing, leaving, kick.
import type { Clock, Instant } from "../../kernel/clock.ts";
import { type Actor, type EventType, system } from "../../kernel/event.ts";
import type { CallId, ConferencecallId, ConferenceId, Ids, TokenId } from "../../kernel/id.ts";
import { cutPage, type Page, type PageQuery } from "../../kernel/page.ts";
import { problems } from "../../kernel/problem.ts";
import type { Database, Store, Tx } from "../../store/index.ts";
import type { Calls } from "../call/index.ts";
import {
  type Conferencecall,
  type ConferencecallRow,
  type ConferencecallStatus,
  conferencecallMachine,
  conferencecallProblems,
  conferencecallStore,
  type LeaveReason,
  showConferencecall,
} from "../conferencecall/index.ts";
import {
  actorOf,
  type Caller,
  mayHost,
  mayManage,
  type ParticipantCaller,
  type Revocations,
  type Role,
  seesConference,
} from "../customer/index.ts";
import type { JoinTokens } from "./join-tokens.ts";
import { conferenceProblems } from "./problems.ts";
import type { ConferenceRow } from "./record.ts";
import { callerByKey, madeJoin } from "./resume-key.ts";
import { type Aftermath, emptyAftermath, type Steps } from "./steps.ts";
import * as conferenceStore from "./store.ts";

/** Milliseconds from the answer to flowing media; later the join has failed. */
export const connect_timeout_ms = 30_000;

// Overdue rows in one go; the timer comes again for the rest.
const due_batch_max = 100;

/** Somebody who starts to join. Ids are given, since media is asked for under the same ones. */
export interface NewJoin {
  readonly id: ConferencecallId;
  readonly call_id: CallId;
  readonly conference_id: ConferenceId;
  readonly name: string;
  readonly role: Role;
  readonly label: string;
  readonly metadata: Record<string, unknown>;
  readonly muted: boolean;
  readonly camera: boolean;
  readonly screen: boolean;
  readonly token_jti: string | null;
  readonly resume_hash: string | null;
}

/** What a join says of itself while it lasts. */
export interface JoinChanges {
  readonly name?: string;
  readonly muted?: boolean;
  readonly camera?: boolean;
  readonly screen?: boolean;
  readonly hand?: boolean;
}

/** Use cases of joins. A foreign id answers as an unknown one. */
export interface Conferencecalls {
  /** Errors: CONFERENCECALL_NOT_FOUND. */
  get(caller: Caller, id: ConferencecallId): Promise<Conferencecall>;
  /** Newest first. Somebody with a join token sees their conference only. */
  list(
    caller: Caller,
    query: PageQuery,
    only: { conference_id?: ConferenceId; status?: ConferencecallStatus },
  ): Promise<Page<Conferencecall>>;
  /** Everybody who has not left, in the order of their joins. `db` may be a view's. */
  present(conference_id: ConferenceId, db?: Database): Promise<ConferencecallRow[]>;
  /** The row, whoever's it is; null when there is none. For the server's own decisions. */
  row(id: ConferencecallId): Promise<ConferencecallRow | null>;
  /** The row if the caller may see it. Errors: CONFERENCECALL_NOT_FOUND. */
  rowFor(caller: Caller, id: ConferencecallId): Promise<ConferencecallRow>;
  /**
   * Writes join and call. Ends by itself with `connect_failed` when {@link markJoined} does not follow in time.
   * Errors: CONFERENCE_NOT_FOUND, STATE_INVALID, CONFERENCE_FULL, JOIN_TOKEN_IN_USE, TOKEN_REVOKED. Emits: call_created, conferencecall_joining.
   */
  startJoining(
    caller: Caller,
    join: NewJoin,
    sealed?: (tx: Tx, row: ConferencecallRow) => Promise<void>,
  ): Promise<ConferencecallRow>;
  /** Media flows. Null when it is no longer `joining`. Emits: call_progressing, conferencecall_joined, conference_updated. */
  markJoined(id: ConferencecallId): Promise<ConferencecallRow | null>;
  /** Ends a join from any state; idempotent (null: it had left). Emits: call_hangup, conferencecall_leaved, conference_updated and what follows for the conference. */
  leave(
    id: ConferencecallId,
    reason: LeaveReason,
    actor?: Actor,
  ): Promise<ConferencecallRow | null>;
  /**
   * Kick: `leaving` now, `leaved` when the media side confirms. Idempotent. By the customer or a host of the same conference;
   * with the join token that made it: leaves, straight to `leaved`. `ban` (unless it says false): the join token of who is removed
   * is barred, so that they do not come back with it.
   * Errors: CONFERENCECALL_NOT_FOUND, PERMISSION_DENIED. Emits: conferencecall_leaving or conferencecall_leaved.
   */
  kick(
    caller: Caller,
    id: ConferencecallId,
    given?: { readonly ban?: boolean },
  ): Promise<Conferencecall>;
  /** Changes what a join says of itself; values that are the same change nothing. Null when it is leaving or has left. Emits: conferencecall_updated, conferencecall_muted, conferencecall_unmuted. */
  update(
    id: ConferencecallId,
    changes: JoinChanges,
    actor: Actor,
  ): Promise<ConferencecallRow | null>;
  /** Who shows the key of a join. Errors: INVALID_CREDENTIALS, TOKEN_REVOKED. */
  callerByKey(id: ConferencecallId, resume_key: string): Promise<ParticipantCaller>;
  /** Keeps a new secret for resuming, as its hash. */
  keepResumeHash(id: ConferencecallId, resume_hash: string): Promise<void>;
  /** Ends the join with `reason` at `at` unless it is confirmed, changed or released (null) before. */
  setDeadline(id: ConferencecallId, at: Instant | null, reason: LeaveReason): Promise<void>;
  /** Everybody on this server who has not left; for recovery after a restart. */
  presentAnywhere(): Promise<ConferencecallRow[]>;
  /** Ends what is overdue; called by the timer. */
  workOff(now: Instant): Promise<void>;
}

/** Makes the use cases. `settle` does what remains after a commit. */
export function createConferencecalls(ports: {
  store: Store;
  clock: Clock;
  ids: Ids;
  calls: Calls;
  steps: Steps;
  settle: (after: Aftermath) => void;
  revocations: Pick<Revocations, "find">;
  /** Made after the joins, which they end. */
  joinTokens: () => Pick<JoinTokens, "ban" | "hold">;
  /** People in one conference at once. */
  conference_calls_max: number;
}): Conferencecalls {
  const { store, clock, calls, steps, settle, revocations, joinTokens } = ports;

  // Runs a step of one join with its conference locked.
  const step = async <T>(
    id: ConferencecallId,
    run: (
      tx: Tx,
      conference: NonNullable<Awaited<ReturnType<typeof conferenceStore.lock>>>,
      after: Aftermath,
    ) => Promise<T>,
  ): Promise<T | null> => {
    const known = await conferencecallStore.find(store.db, id);
    if (!known) return null;
    const { result, after } = await store.transaction(async (tx) => {
      const after = emptyAftermath();
      const conference = await conferenceStore.lock(tx.db, known.conference_id);
      return { result: conference ? await run(tx, conference, after) : null, after };
    });
    settle(after);
    return result;
  };

  const rowFor: Conferencecalls["rowFor"] = async (caller, id) => {
    const row = await conferencecallStore.findOwn(store.db, caller.customer_id, id);
    const conference = row && { id: row.conference_id, customer_id: row.customer_id };
    if (!conference || !seesConference(caller, conference)) {
      throw conferencecallProblems.CONFERENCECALL_NOT_FOUND();
    }
    return row;
  };

  const leave: Conferencecalls["leave"] = (id, reason, actor = system) =>
    step(id, (tx, conference, after) => steps.leave(tx, conference, id, { actor, reason }, after));

  /**
   * Looks whether a join token may make one more join. Who came back sooner than their old join was given up takes its place:
   * a reload is no second person. Gives how many left by that. Errors: TOKEN_REVOKED, JOIN_TOKEN_IN_USE.
   */
  const makeRoom = async (
    tx: Tx,
    conference: ConferenceRow,
    caller: Caller,
    present: readonly ConferencecallRow[],
    after: Aftermath,
  ): Promise<number> => {
    if (caller.type !== "participant") return 0;
    // Somebody may have taken it back since the request was let in.
    if ((await revocations.find(caller.jti)) !== null) throw problems.TOKEN_REVOKED();
    const mine = present.filter(
      ({ token_jti, status }) => token_jti === caller.jti && status !== "leaving",
    );
    if (mine.length < caller.max_joins) return 0;
    const away = mine.find(
      ({ status, tm_deadline }) => status === "joined" && tm_deadline !== null,
    );
    if (!away) {
      throw conferenceProblems.JOIN_TOKEN_IN_USE({
        message: `this link takes ${caller.max_joins} people at a time, and they are there`,
        details: [{ limit: caller.max_joins }],
      });
    }
    const given = { actor: system, reason: "vanished" } as const;
    const gone = await steps.leave(tx, conference, away.id, given, after);
    if (!gone) return 0;
    after.eject.push(gone);
    return 1;
  };

  return {
    rowFor,
    leave,
    get: async (caller, id) => showConferencecall(await rowFor(caller, id)),
    async list(caller, query, only) {
      if (caller.type === "participant") {
        if (only.conference_id && only.conference_id !== caller.conference_id) {
          return { result: [], next_page_token: "" };
        }
        only = { ...only, conference_id: caller.conference_id };
      } else if (!mayManage(caller)) {
        throw problems.PERMISSION_DENIED();
      }
      const rows = await conferencecallStore.page(store.db, caller.customer_id, query, only);
      return cutPage(rows, query, showConferencecall);
    },
    present: (conference_id, db = store.db) => conferencecallStore.present(db, conference_id),
    row: (id) => conferencecallStore.find(store.db, id),
    presentAnywhere: () => conferencecallStore.presentAnywhere(store.db),

    async startJoining(caller, join, sealed) {
      const { row, after } = await store.transaction(async (tx) => {
        const after = emptyAftermath();
        const conference = await conferenceStore.lockOwn(
          tx.db,
          caller.customer_id,
          join.conference_id,
        );
        if (!conference || !seesConference(caller, conference)) {
          throw conferenceProblems.CONFERENCE_NOT_FOUND();
        }
        if (conference.status !== "progressing") {
          throw conferenceProblems.STATE_INVALID({
            message: `the conference is ${conference.status}: nobody can join it`,
            details: [{ status: conference.status }],
          });
        }
        const seats = conference.type === "connect" ? 2 : ports.conference_calls_max;
        const present = await conferencecallStore.present(tx.db, conference.id);
        const left = await makeRoom(tx, conference, caller, present, after);
        const taken = present.length - left;
        if (taken >= seats) {
          throw (
            conference.type === "connect"
              ? conferenceProblems.STATE_INVALID
              : conferenceProblems.CONFERENCE_FULL
          )({
            message: `the conference takes ${seats} people, and they are there`,
            details: [{ limit: seats }],
          });
        }
        const actor = actorOf(caller, join.id);
        const { call_id, ...rest } = join;
        const base = { customer_id: conference.customer_id, conference_id: conference.id };
        await calls.begin(tx, { ...base, id: call_id }, actor);
        const now = clock.now();
        const row: ConferencecallRow = {
          ...rest,
          ...base,
          reference_type: "call",
          reference_id: call_id,
          status: "joining",
          hand: false,
          leave_reason: "",
          tm_create: now,
          tm_update: null,
          tm_delete: null,
          tm_joined: null,
          tm_leaved: null,
          tm_deadline: clock.steady_now() + connect_timeout_ms * 1000,
          deadline_reason: "connect_failed",
        };
        await conferencecallStore.insert(tx.db, row);
        steps.announceCall(tx, row, "conferencecall_joining", actor);
        await sealed?.(tx, row);
        if (row.tm_deadline !== null) after.deadlines.push(row.tm_deadline);
        return { row, after };
      });
      settle(after);
      return row;
    },

    markJoined: (id) =>
      step(id, async (tx, conference, after) => {
        const now = clock.now();
        const row = await conferencecallStore.update(
          tx.db,
          id,
          conferencecallMachine.sources("joined"),
          { status: "joined", tm_joined: now, tm_update: now, tm_deadline: null },
        );
        if (!row) return null;
        const actor: Actor = { type: "conferencecall", id };
        await calls.answered(tx, row.reference_id, actor);
        steps.announceCall(tx, row, "conferencecall_joined", actor);
        const conferencecall_ids = [...conference.conferencecall_ids, id];
        const changed = await steps.change(tx, conference, { conferencecall_ids }, after);
        steps.announce(tx, changed, "conference_updated", actor);
        return row;
      }),

    async kick(caller, id, { ban = true } = {}) {
      const known = await rowFor(caller, id);
      const is_own = madeJoin(caller, known);
      if (!is_own && !mayHost(caller)) {
        throw problems.PERMISSION_DENIED({ message: "only hosts remove other people" });
      }
      if (is_own) {
        const left = await leave(id, "left", { type: "conferencecall", id });
        return showConferencecall(left ?? (await rowFor(caller, id)));
      }
      const by =
        caller.type === "participant"
          ? await conferencecallStore.findByToken(store.db, caller.conference_id, caller.jti)
          : null;
      const actor = actorOf(caller, by?.id ?? null);
      const token_id = ban ? (known.token_jti as TokenId | null) : null;
      const held = token_id === null ? null : joinTokens().hold(token_id);
      try {
        const leaving = await step(id, async (tx, _conference, after) => {
          const row = await steps.startLeaving(tx, id, { actor, reason: "kicked" }, after);
          if (held) await joinTokens().ban(tx, known, held, after);
          return row;
        });
        held?.keep();
        return showConferencecall(leaving ?? (await rowFor(caller, id)));
      } finally {
        held?.release();
      }
    },

    update: (id, changes, actor) =>
      step(id, async (tx) => {
        const before = await conferencecallStore.find(tx.db, id);
        if (!before || (before.status !== "joining" && before.status !== "joined")) return null;
        const different = Object.fromEntries(
          Object.entries(changes).filter(
            ([key, value]) => value !== undefined && before[key as keyof JoinChanges] !== value,
          ),
        ) as JoinChanges;
        if (Object.keys(different).length === 0) return before;
        const row = await conferencecallStore.update(tx.db, id, [before.status], {
          ...different,
          tm_update: clock.now(),
        });
        if (!row) return null;
        const { muted, ...rest } = different;
        const types: EventType[] = [];
        if (muted !== undefined)
          types.push(muted ? "conferencecall_muted" : "conferencecall_unmuted");
        if (Object.keys(rest).length > 0) types.push("conferencecall_updated");
        for (const type of types) steps.announceCall(tx, row, type, actor);
        return row;
      }),

    callerByKey: async (id, resume_key) =>
      callerByKey(await conferencecallStore.find(store.db, id), resume_key, revocations),

    async keepResumeHash(id, resume_hash) {
      await conferencecallStore.update(store.db, id, ["joining", "joined"], { resume_hash });
    },

    async setDeadline(id, at, reason) {
      await conferencecallStore.update(store.db, id, ["joining", "joined"], {
        tm_deadline: at,
        deadline_reason: reason,
      });
      settle({ ...emptyAftermath(), deadlines: at === null ? [] : [at] });
    },

    async workOff(now) {
      for (const due of await conferencecallStore.due(store.db, now, due_batch_max)) {
        await step(due.id, async (tx, conference, after) => {
          const row = await conferencecallStore.find(tx.db, due.id);
          if (!row || row.tm_deadline === null || row.tm_deadline > now) return;
          const given = { actor: system, reason: row.deadline_reason };
          const gone = await steps.leave(tx, conference, row.id, given, after);
          // Media may still hold an endpoint of it.
          if (gone) after.eject.push(gone);
        });
      }
    },
  };
}
