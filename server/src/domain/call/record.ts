// One signalling leg: what is stored and what is shown.
import { type Static, Type } from "typebox";
import type { Instant } from "../../kernel/clock.ts";
import type { CallId, ConferenceId, CustomerId } from "../../kernel/id.ts";
import { writeTimestamp } from "../../kernel/wire.ts";
import { type CallStatus, callMachine } from "./machine.ts";

/** A row of `calls`. */
export interface CallRow {
  readonly id: CallId;
  readonly customer_id: CustomerId;
  readonly conference_id: ConferenceId;
  readonly type: "webrtc";
  readonly direction: "incoming" | "outgoing";
  readonly status: CallStatus;
  readonly hangup_by: "" | "local" | "remote";
  readonly hangup_reason: "" | "normal" | "failed" | "timeout" | "noanswer";
  readonly tm_create: Instant;
  readonly tm_update: Instant | null;
  readonly tm_progressing: Instant | null;
  readonly tm_hangup: Instant | null;
  readonly tm_delete: Instant | null;
}

const uuid = (description: string) => Type.String({ format: "uuid", description });
const timestamp = (description: string) => Type.String({ description });

/** The resource as it is shown. */
export const Call = Type.Object(
  {
    id: uuid("Names the call."),
    customer_id: uuid("Whose it is."),
    conference_id: uuid("The conference that it is in."),
    type: Type.Enum(["webrtc"]),
    direction: Type.Enum(["incoming", "outgoing"]),
    status: Type.Enum([...callMachine.states]),
    hangup_by: Type.Enum(["", "local", "remote"]),
    hangup_reason: Type.Enum(["", "normal", "failed", "timeout", "noanswer"]),
    tm_progressing: timestamp("When it was answered."),
    tm_hangup: timestamp("When it ended."),
    tm_create: timestamp("When it was made, UTC."),
    tm_update: timestamp("When it last changed."),
    tm_delete: timestamp("When it was deleted."),
  },
  { title: "Call", description: "One signalling leg." },
);
/** What {@link Call} describes. */
export type Call = Static<typeof Call>;

/** The resource from its row. */
export const showCall = (row: CallRow): Call => ({
  id: row.id,
  customer_id: row.customer_id,
  conference_id: row.conference_id,
  type: row.type,
  direction: row.direction,
  status: row.status,
  hangup_by: row.hangup_by,
  hangup_reason: row.hangup_reason,
  tm_progressing: writeTimestamp(row.tm_progressing),
  tm_hangup: writeTimestamp(row.tm_hangup),
  tm_create: writeTimestamp(row.tm_create),
  tm_update: writeTimestamp(row.tm_update),
  tm_delete: writeTimestamp(row.tm_delete),
});
