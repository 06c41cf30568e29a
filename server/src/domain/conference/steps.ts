// The rules of a conference and its joins as steps inside one transaction. Each begins with the conference's row locked,
// so that steps of one conference never overlap.
import type { Clock, Instant } from "../../kernel/clock.ts";
import type { Actor, EventType } from "../../kernel/event.ts";
import type { ConferencecallId, ConferenceId } from "../../kernel/id.ts";
import type { Tx } from "../../store/index.ts";
import type { Calls } from "../call/index.ts";
import {
  type ConferencecallRow,
  conferencecallMachine,
  conferencecallStore,
  type LeaveReason,
  showConferencecall,
} from "../conferencecall/index.ts";
import { conferenceMachine } from "./machine.ts";
import { type ConferenceRow, showConference } from "./record.ts";
import * as store from "./store.ts";

/** Milliseconds that the media side has to take a join out before it counts as left all the same. */
export const eject_timeout_ms = 10_000;
/** Milliseconds from `terminating` to a forced `terminated` (conference.md section 3). */
export const force_end_ms = 30_000;

/** What remains to be done once the transaction is committed. */
export interface Aftermath {
  /** Joins that the media side must take out. */
  readonly eject: ConferencecallRow[];
  /** Joins that have left. */
  readonly left: ConferencecallRow[];
  /** Conferences that are over. */
  readonly closed: ConferenceId[];
  /** Conferences whose shown form changed. */
  readonly changed: Set<ConferenceId>;
  /** Deadlines that were written. */
  readonly deadlines: Instant[];
}

/** An aftermath with nothing to do. */
export const emptyAftermath = (): Aftermath => ({
  eject: [],
  left: [],
  closed: [],
  changed: new Set(),
  deadlines: [],
});

/** The steps; see each. */
export interface Steps {
  /** Writes the conference's line in the journal. */
  announce(tx: Tx, row: ConferenceRow, type: EventType, actor: Actor, cause?: string): void;
  /** Writes a join's line in the journal. */
  announceCall(tx: Tx, row: ConferencecallRow, type: EventType, actor: Actor, cause?: string): void;
  /** Changes the conference's row; sets `tm_update`. */
  change(
    tx: Tx,
    row: ConferenceRow,
    changes: Partial<ConferenceRow>,
    after: Aftermath,
  ): Promise<ConferenceRow>;
  /** No new joins, everybody `leaving`; `terminated` at once when nobody is there. Null when it had ended before. */
  end(
    tx: Tx,
    row: ConferenceRow,
    given: { actor: Actor; cause: string; reason: LeaveReason },
    after: Aftermath,
  ): Promise<ConferenceRow | null>;
  /** `terminating` → `terminated` when nobody is there any more. */
  finishIfEmpty(tx: Tx, row: ConferenceRow, actor: Actor, after: Aftermath): Promise<ConferenceRow>;
  /** `joining` or `joined` → `leaving`. Null when it was neither. */
  startLeaving(
    tx: Tx,
    id: ConferencecallId,
    given: { actor: Actor; reason: LeaveReason },
    after: Aftermath,
  ): Promise<ConferencecallRow | null>;
  /** → `leaved`, with everything that follows for the conference. Null when it had left before. */
  leave(
    tx: Tx,
    conference: ConferenceRow,
    id: ConferencecallId,
    given: { actor: Actor; reason: LeaveReason },
    after: Aftermath,
  ): Promise<ConferencecallRow | null>;
}

/** Makes the steps. */
export function createSteps({ clock, calls }: { clock: Clock; calls: Calls }): Steps {
  const announce: Steps["announce"] = (tx, row, type, actor, cause) => {
    tx.append({
      customer_id: row.customer_id,
      conference_id: row.id,
      type,
      data: showConference(row),
      actor,
      ...(cause === undefined ? {} : { cause }),
    });
  };

  const announceCall: Steps["announceCall"] = (tx, row, type, actor, cause) => {
    tx.append({
      customer_id: row.customer_id,
      conference_id: row.conference_id,
      type,
      data: showConferencecall(row),
      actor,
      ...(cause === undefined ? {} : { cause }),
    });
  };

  const change: Steps["change"] = async (tx, row, changes, after) => {
    const changed = await store.update(tx.db, row.id, { tm_update: clock.now(), ...changes });
    after.changed.add(row.id);
    if (changed.tm_deadline !== null) after.deadlines.push(changed.tm_deadline);
    return changed;
  };

  const finishIfEmpty: Steps["finishIfEmpty"] = async (tx, row, actor, after) => {
    if (!conferenceMachine.allows(row.status, "terminated")) return row;
    if ((await conferencecallStore.present(tx.db, row.id)).length > 0) return row;
    const now = clock.now();
    const ended = await change(
      tx,
      row,
      { status: "terminated", tm_end: now, tm_update: now, tm_deadline: null },
      after,
    );
    announce(tx, ended, "conference_deleted", actor);
    after.closed.push(row.id);
    return ended;
  };

  const startLeaving: Steps["startLeaving"] = async (tx, id, { actor, reason }, after) => {
    const now = clock.now();
    const deadline = clock.steady_now() + eject_timeout_ms * 1000;
    const row = await conferencecallStore.update(
      tx.db,
      id,
      conferencecallMachine.sources("leaving"),
      {
        status: "leaving",
        leave_reason: reason,
        tm_update: now,
        tm_deadline: deadline,
        deadline_reason: reason,
      },
    );
    if (!row) return null;
    after.deadlines.push(deadline);
    after.eject.push(row);
    announceCall(tx, row, "conferencecall_leaving", actor, reason);
    return row;
  };

  const end: Steps["end"] = async (tx, row, { actor, cause, reason }, after) => {
    if (!conferenceMachine.allows(row.status, "terminating")) return null;
    const now = clock.now();
    const ending = await change(
      tx,
      row,
      {
        status: "terminating",
        tm_delete: now,
        tm_update: now,
        tm_deadline: clock.steady_now() + force_end_ms * 1000,
      },
      after,
    );
    announce(tx, ending, "conference_updated", actor, cause);
    for (const call of await conferencecallStore.present(tx.db, row.id)) {
      await startLeaving(tx, call.id, { actor, reason }, after);
    }
    return finishIfEmpty(tx, ending, actor, after);
  };

  const leave: Steps["leave"] = async (tx, conference, id, { actor, reason }, after) => {
    const before = await conferencecallStore.find(tx.db, id);
    if (!before || conferencecallMachine.isFinal(before.status)) return null;
    const now = clock.now();
    const row = await conferencecallStore.update(
      tx.db,
      id,
      conferencecallMachine.sources("leaved"),
      {
        status: "leaved",
        // Who was being removed leaves for that reason, whatever ended it in the end.
        leave_reason: before.leave_reason === "" ? reason : before.leave_reason,
        tm_leaved: now,
        tm_update: now,
        tm_deadline: null,
      },
    );
    if (!row) return null;
    await calls.hungUp(
      tx,
      row.reference_id,
      before.status === "leaving" ? "local" : "remote",
      actor,
    );
    after.left.push(row);
    announceCall(tx, row, "conferencecall_leaved", actor, row.leave_reason);
    let room = conference;
    if (room.conferencecall_ids.includes(id)) {
      const conferencecall_ids = room.conferencecall_ids.filter((other) => other !== id);
      room = await change(tx, room, { conferencecall_ids }, after);
      announce(tx, room, "conference_updated", actor);
    }
    room = await endConnect(tx, room, row, actor, after);
    await finishIfEmpty(tx, room, actor, after);
    return row;
  };

  // Two parties: when one who was in leaves and one remains, that one is ejected and the conference ends
  // (conference.md section 3, types). Who never got in leaves nobody behind.
  const endConnect = async (
    tx: Tx,
    room: ConferenceRow,
    gone: ConferencecallRow,
    actor: Actor,
    after: Aftermath,
  ): Promise<ConferenceRow> => {
    if (room.type !== "connect" || room.status !== "progressing" || gone.tm_joined === null) {
      return room;
    }
    if ((await conferencecallStore.present(tx.db, room.id)).length !== 1) return room;
    const ending = await end(tx, room, { actor, cause: "ejected", reason: "ejected" }, after);
    return ending ?? room;
  };

  return { announce, announceCall, change, end, finishIfEmpty, startLeaving, leave };
}
