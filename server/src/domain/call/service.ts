// What happens to a call. The conference's rules say when.
import type { Clock } from "../../kernel/clock.ts";
import type { Actor } from "../../kernel/event.ts";
import type { CallId, ConferenceId, CustomerId } from "../../kernel/id.ts";
import type { Tx } from "../../store/index.ts";
import { type CallRow, showCall } from "./record.ts";
import { insertCall, updateCall } from "./store.ts";

/** Steps of a call inside somebody else's transaction. */
export interface Calls {
  /** A browser calls in. Emits: call_created. */
  begin(
    tx: Tx,
    call: { id: CallId; customer_id: CustomerId; conference_id: ConferenceId },
    actor: Actor,
  ): Promise<CallRow>;
  /** Media flows. Emits: call_progressing. */
  answered(tx: Tx, id: CallId, actor: Actor): Promise<void>;
  /** It has ended; `by` says on whose side. Idempotent. Emits: call_hangup. */
  hungUp(tx: Tx, id: CallId, by: "local" | "remote", actor: Actor): Promise<void>;
}

/** Makes the {@link Calls}. */
export function createCalls({ clock }: { clock: Clock }): Calls {
  const announce = (
    tx: Tx,
    row: CallRow,
    type: "call_created" | "call_progressing" | "call_hangup",
    actor: Actor,
  ) =>
    tx.append({
      customer_id: row.customer_id,
      conference_id: row.conference_id,
      type,
      data: showCall(row),
      actor,
    });
  return {
    async begin(tx, call, actor) {
      const row: CallRow = {
        ...call,
        type: "webrtc",
        direction: "incoming",
        status: "ringing",
        hangup_by: "",
        hangup_reason: "",
        tm_create: clock.now(),
        tm_update: null,
        tm_progressing: null,
        tm_hangup: null,
        tm_delete: null,
      };
      await insertCall(tx.db, row);
      announce(tx, row, "call_created", actor);
      return row;
    },
    async answered(tx, id, actor) {
      const now = clock.now();
      const row = await updateCall(tx.db, id, {
        status: "progressing",
        tm_progressing: now,
        tm_update: now,
      });
      if (row) announce(tx, row, "call_progressing", actor);
    },
    async hungUp(tx, id, by, actor) {
      const now = clock.now();
      const row = await updateCall(tx.db, id, {
        status: "hangup",
        hangup_by: by,
        hangup_reason: "normal",
        tm_hangup: now,
        tm_update: now,
      });
      if (row) announce(tx, row, "call_hangup", actor);
    },
  };
}
