// One join: what is stored and what is shown.
import { type Static, Type } from "typebox";
import type { Instant } from "../../kernel/clock.ts";
import type { CallId, ConferencecallId, ConferenceId, CustomerId } from "../../kernel/id.ts";
import { writeTimestamp } from "../../kernel/wire.ts";
import { type Role, roles } from "../customer/index.ts";
import { type ConferencecallStatus, conferencecallMachine } from "./machine.ts";

/** Why a join ended; "" while it lasts. */
export const leave_reasons = [
  "",
  "left",
  "kicked",
  "ended",
  "timeout",
  "vanished",
  "connect_failed",
  "room_failed",
  "ejected",
  "node_lost",
] as const;
/** One of {@link leave_reasons}. */
export type LeaveReason = (typeof leave_reasons)[number];

/** A row of `conferencecalls`. */
export interface ConferencecallRow {
  readonly id: ConferencecallId;
  readonly customer_id: CustomerId;
  readonly conference_id: ConferenceId;
  readonly reference_type: "call";
  readonly reference_id: CallId;
  readonly status: ConferencecallStatus;
  readonly name: string;
  readonly role: Role;
  readonly label: string;
  readonly metadata: Record<string, unknown>;
  readonly muted: boolean;
  readonly camera: boolean;
  readonly screen: boolean;
  readonly hand: boolean;
  readonly leave_reason: LeaveReason;
  /** Names the join token that made it; null when a customer joined. */
  readonly token_jti: string | null;
  /** SHA-256 of the secret that lets this join be resumed. */
  readonly resume_hash: string | null;
  readonly tm_create: Instant;
  readonly tm_update: Instant | null;
  readonly tm_delete: Instant | null;
  readonly tm_joined: Instant | null;
  readonly tm_leaved: Instant | null;
  /** When this join ends unless something happens first: not connected, seat not resumed, eject not confirmed. */
  readonly tm_deadline: Instant | null;
  /** The reason it then ends with. */
  readonly deadline_reason: LeaveReason;
}

const timestamp = (description: string) =>
  Type.String({ description, examples: ["2021-02-03 09:33:58.077756"] });
const uuid = (description: string) => Type.String({ format: "uuid", description });

/** The resource as REST, the live socket and the journal show it. */
export const Conferencecall = Type.Object(
  {
    id: uuid("One per join: who leaves and comes back gets another."),
    customer_id: uuid("Whose it is."),
    conference_id: uuid("The conference that was joined."),
    reference_type: Type.Enum(["call"]),
    reference_id: uuid("The call: one signalling leg."),
    status: Type.Enum([...conferencecallMachine.states]),
    name: Type.String({ description: "The name others see." }),
    role: Type.Enum([...roles]),
    label: Type.String({ description: "Your own mark on the join, from the join token." }),
    metadata: Type.Record(Type.String(), Type.Unknown(), {
      description: "Your own data on the join, from the join token.",
    }),
    muted: Type.Boolean({ description: "The microphone is not live." }),
    camera: Type.Boolean({ description: "The camera is live." }),
    screen: Type.Boolean({ description: "A screen is shared." }),
    hand: Type.Boolean({ description: "The hand is raised." }),
    leave_reason: Type.Enum([...leave_reasons], {
      description: "Why the join ended; empty while it lasts.",
    }),
    tm_joined: timestamp("When media flowed."),
    tm_leaved: timestamp("When it ended."),
    tm_create: timestamp("When it was made, UTC."),
    tm_update: timestamp("When it last changed."),
    tm_delete: timestamp("Leaving does not set this; the record is history."),
  },
  { title: "Conferencecall", description: "One join of one conference." },
);
/** What {@link Conferencecall} describes. */
export type Conferencecall = Static<typeof Conferencecall>;

/** The resource from its row. */
export const showConferencecall = (row: ConferencecallRow): Conferencecall => ({
  id: row.id,
  customer_id: row.customer_id,
  conference_id: row.conference_id,
  reference_type: row.reference_type,
  reference_id: row.reference_id,
  status: row.status,
  name: row.name,
  role: row.role,
  label: row.label,
  metadata: row.metadata,
  muted: row.muted,
  camera: row.camera,
  screen: row.screen,
  hand: row.hand,
  leave_reason: row.leave_reason,
  tm_joined: writeTimestamp(row.tm_joined),
  tm_leaved: writeTimestamp(row.tm_leaved),
  tm_create: writeTimestamp(row.tm_create),
  tm_update: writeTimestamp(row.tm_update),
  tm_delete: writeTimestamp(row.tm_delete),
});
