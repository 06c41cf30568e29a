// The journal's tables.
import type { Migration } from "../index.ts";

/** Events, and the counter that numbers them within their conference. */
export const migration: Migration = {
  name: "0000-journal",
  statements: [
    `create table journal_counters (
      conference_id uuid primary key,
      seq bigint not null
    ) with (fillfactor = 50)`,
    `create table events (
      position bigint primary key,
      id uuid not null unique,
      customer_id uuid not null,
      conference_id uuid not null,
      seq bigint not null,
      type text not null,
      data jsonb not null,
      actor_type text not null,
      actor_id uuid,
      cause text,
      audience jsonb,
      tm bigint not null,
      unique (conference_id, seq)
    )`,
    "create index events_customer on events (customer_id, position)",
  ],
};
