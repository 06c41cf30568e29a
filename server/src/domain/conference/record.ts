// A conference: what is stored and what is shown.
import { type Static, Type } from "typebox";
import type { Instant } from "../../kernel/clock.ts";
import type { ConferencecallId, ConferenceId, CustomerId } from "../../kernel/id.ts";
import { nil_uuid, writeTimestamp } from "../../kernel/wire.ts";
import { Action } from "../flow/index.ts";
import { type ConferenceStatus, conferenceMachine } from "./machine.ts";

/** `conference`: any number of people, ends by DELETE or timeout. `connect`: two; when one leaves, it ends. */
export const conference_types = ["conference", "connect"] as const;
/** One of {@link conference_types}. */
export type ConferenceType = (typeof conference_types)[number];

/** A row of `conferences`. */
export interface ConferenceRow {
  readonly id: ConferenceId;
  /** The id as its customer knows it, where they chose one that another customer had before; else null. */
  readonly given_id: ConferenceId | null;
  readonly customer_id: CustomerId;
  readonly type: ConferenceType;
  readonly status: ConferenceStatus;
  readonly name: string;
  readonly detail: string;
  readonly data: Record<string, unknown>;
  /** Units: seconds; 0 = never. */
  readonly timeout: number;
  readonly pre_actions: readonly Action[];
  readonly post_actions: readonly Action[];
  /** Who is joined now, in the order of joining. */
  readonly conferencecall_ids: readonly ConferencecallId[];
  readonly tm_create: Instant;
  readonly tm_update: Instant | null;
  readonly tm_delete: Instant | null;
  readonly tm_end: Instant | null;
  /** The one timer: before the end when `timeout` is over, in `terminating` when the end is forced. */
  readonly tm_deadline: Instant | null;
}

const timestamp = (description: string) =>
  Type.String({ description, examples: ["2021-02-03 09:33:58.077756"] });
const uuid = (description: string) => Type.String({ format: "uuid", description });

/** The resource as REST, the live socket and the journal show it. */
export const Conference = Type.Object(
  {
    id: uuid("Names the conference."),
    customer_id: uuid("Whose it is."),
    type: Type.Enum([...conference_types], {
      description:
        "`conference`: any number of people, ends by DELETE or timeout. `connect`: two; when one leaves, it ends.",
    }),
    status: Type.Enum([...conferenceMachine.states], { description: "Moves forward only." }),
    name: Type.String(),
    detail: Type.String(),
    data: Type.Record(Type.String(), Type.Unknown(), { description: "Any object of yours." }),
    timeout: Type.Integer({ description: "Seconds until it ends by itself; 0 = never." }),
    pre_actions: Type.Array(Action, { description: "Run by each entering call before it is in." }),
    post_actions: Type.Array(Action, { description: "Run by each call after it has left." }),
    conferencecall_ids: Type.Array(uuid("A conferencecall"), {
      description: "Who is joined now, in the order of joining.",
    }),
    recording_id: uuid("The running recording; the nil UUID when there is none."),
    recording_ids: Type.Array(uuid("A recording"), {
      description: "Every recording, oldest first.",
    }),
    tm_end: timestamp("When it became `terminated`."),
    tm_create: timestamp("When it was made, UTC."),
    tm_update: timestamp("When it last changed; 9999-01-01 00:00:00.000000 = not yet."),
    tm_delete: timestamp("When it was ended; 9999-01-01 00:00:00.000000 = not yet."),
  },
  {
    title: "Conference",
    description: "A container for people's voice, video and chat, and its complete history.",
  },
);
/** What {@link Conference} describes. */
export type Conference = Static<typeof Conference>;

/** The resource from its row. */
export const showConference = (row: ConferenceRow): Conference => ({
  id: row.given_id ?? row.id,
  customer_id: row.customer_id,
  type: row.type,
  status: row.status,
  name: row.name,
  detail: row.detail,
  data: row.data,
  timeout: row.timeout,
  pre_actions: [...row.pre_actions],
  post_actions: [...row.post_actions],
  conferencecall_ids: [...row.conferencecall_ids],
  recording_id: nil_uuid,
  recording_ids: [],
  tm_end: writeTimestamp(row.tm_end),
  tm_create: writeTimestamp(row.tm_create),
  tm_update: writeTimestamp(row.tm_update),
  tm_delete: writeTimestamp(row.tm_delete),
});
