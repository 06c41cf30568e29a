// Customers and the people who log in for them: what is stored and what is shown.
import { type Static, Type } from "typebox";
import type { Instant } from "../../kernel/clock.ts";
import type { AgentId, CustomerId } from "../../kernel/id.ts";
import { writeTimestamp } from "../../kernel/wire.ts";

/** A row of `customers`. */
export interface CustomerRow {
  readonly id: CustomerId;
  /** The small number that tokens and payloads of the oldest form use instead of the id. */
  readonly number: number;
  readonly name: string;
  readonly detail: string;
  readonly tm_create: Instant;
  readonly tm_update: Instant | null;
  readonly tm_delete: Instant | null;
}

/** A row of `agents`. */
export interface AgentRow {
  readonly id: AgentId;
  readonly customer_id: CustomerId;
  readonly username: string;
  readonly name: string;
  readonly detail: string;
  readonly password_hash: string;
  readonly permission: number;
  readonly tm_create: Instant;
  readonly tm_update: Instant | null;
  readonly tm_delete: Instant | null;
  /** When the password was set anew: older tokens count no more. */
  readonly tm_password: Instant | null;
}

const uuid = (description: string) => Type.String({ format: "uuid", description });
const timestamp = (description: string) => Type.String({ description });

/** A customer as it is shown. */
export const Customer = Type.Object(
  {
    id: uuid("Names the customer."),
    name: Type.String(),
    detail: Type.String(),
    tm_create: timestamp("When it was made, UTC."),
    tm_update: timestamp("When it last changed."),
    tm_delete: timestamp("When it was deleted."),
  },
  { title: "Customer", description: "Whose conferences, people and keys these are." },
);
/** What {@link Customer} describes. */
export type Customer = Static<typeof Customer>;

/** An agent as it is shown. */
export const Agent = Type.Object(
  {
    id: uuid("Names the agent."),
    customer_id: uuid("For whom they log in."),
    username: Type.String(),
    name: Type.String(),
    detail: Type.String(),
    permission: Type.Integer({
      description: "Bits: 0x0001 super admin, 0x0010 agent, 0x0020 admin, 0x0040 manager.",
    }),
    tm_create: timestamp("When they were made, UTC."),
    tm_update: timestamp("When they last changed."),
    tm_delete: timestamp("When they were deleted."),
  },
  { title: "Agent", description: "Somebody who logs in." },
);
/** What {@link Agent} describes. */
export type Agent = Static<typeof Agent>;

/** The customer from its row. */
export const showCustomer = (row: CustomerRow): Customer => ({
  id: row.id,
  name: row.name,
  detail: row.detail,
  tm_create: writeTimestamp(row.tm_create),
  tm_update: writeTimestamp(row.tm_update),
  tm_delete: writeTimestamp(row.tm_delete),
});

/** The agent from its row. */
export const showAgent = (row: AgentRow): Agent => ({
  id: row.id,
  customer_id: row.customer_id,
  username: row.username,
  name: row.name,
  detail: row.detail,
  permission: row.permission,
  tm_create: writeTimestamp(row.tm_create),
  tm_update: writeTimestamp(row.tm_update),
  tm_delete: writeTimestamp(row.tm_delete),
});
