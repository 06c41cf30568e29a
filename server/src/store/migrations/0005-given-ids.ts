// Ids that customers chose: unique for each customer, so that nobody learns whose ids exist.
import type { Migration } from "../index.ts";

/** `given_id`: the id as its customer knows it, where another customer had it before. Null: the id itself. */
export const migration: Migration = {
  name: "0005-given-ids",
  statements: [
    "alter table conferences add column given_id uuid",
    "create unique index conferences_given on conferences (customer_id, given_id) where given_id is not null",
  ],
};
