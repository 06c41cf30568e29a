// Join tokens that were given out, tokens that count no more, and what a log-in leaves behind.
import type { Migration } from "../index.ts";

/** What was given out and what was taken back. User names are unique within their customer only. */
export const migration: Migration = {
  name: "0003-tokens",
  statements: [
    // The id is the token's `jti`. `made_by` is that of the host's token that made it; null: the customer did.
    `create table join_tokens (
      id text primary key,
      customer_id uuid not null references customers (id),
      conference_id uuid not null references conferences (id),
      made_by text,
      role text not null,
      name text not null,
      label text not null,
      max_joins integer not null,
      tm_create bigint not null,
      tm_expire bigint not null,
      unique (conference_id, tm_create)
    )`,
    "create index join_tokens_made_by on join_tokens (made_by) where made_by is not null",
    `create table revoked_tokens (
      id text primary key,
      customer_id uuid not null references customers (id),
      state text not null,
      tm_create bigint not null,
      tm_expire bigint not null
    )`,
    "alter table agents drop constraint agents_username_key",
    "alter table agents add constraint agents_username_of_customer unique (customer_id, username)",
    "create index agents_username on agents (username)",
    "alter table agents add column tm_password bigint",
    // Where somebody logged in from, as a hash.
    `create table login_sources (
      agent_id uuid not null references agents (id),
      source_hash text not null,
      tm_seen bigint not null,
      primary key (agent_id, source_hash)
    )`,
  ],
};
