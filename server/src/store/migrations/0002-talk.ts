// Messages of conferences.
import type { Migration } from "../index.ts";

/** The chat: one per conference, so its messages name the conference. */
export const migration: Migration = {
  name: "0002-talk",
  statements: [
    `create table conference_messages (
      id uuid primary key,
      customer_id uuid not null references customers (id),
      conference_id uuid not null references conferences (id),
      owner_type text not null,
      owner_id uuid not null,
      owner_name text not null,
      target_conferencecall_id uuid references conferencecalls (id),
      type text not null,
      text text not null,
      reactions json not null,
      client_id text,
      tm_create bigint not null,
      tm_update bigint,
      tm_delete bigint,
      unique (conference_id, tm_create)
    )`,
    `create unique index conference_messages_client on conference_messages (conference_id, owner_id, client_id)
      where client_id is not null`,
  ],
};
