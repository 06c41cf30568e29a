// Commits whose connection broke before their answer came: what became of each is found out from the database itself.
import { sql } from "kysely";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { Problem } from "../kernel/problem.ts";
import { isUnreachable, unavailable } from "./connect.ts";
import type { Database } from "./index.ts";
import type { Outcome, PendingEvent } from "./journal.ts";

/** Finds out what became of commits. */
export interface Doubts {
  /**
   * Asks for as long as the database does not say. `asked_ms`: when the commit was asked for, on the monotonic clock.
   * Errors: SERVICE_UNAVAILABLE when the store was closed meanwhile.
   */
  settle(events: readonly PendingEvent[], asked_ms: number): Promise<Outcome>;
  /** Whether one of them was asked for longer ago than anybody should wait for a database that says nothing. */
  isStuck(): boolean;
  /** Whoever waits is told that it is over. */
  close(): void;
}

const wait_min_ms = 20;
const wait_max_ms = 1_000;

/** Makes it. `db` has connections that nobody else holds: those of the pool may all belong to who waits here. */
export function createDoubts(ports: {
  db: Database;
  clock: Clock;
  log: Log;
  limits: { readonly database_silent_ms: number };
}): Doubts {
  const { db, clock, log, limits } = ports;
  const open = new Set<{ readonly asked_ms: number }>();
  let is_closed = false;

  return {
    async settle(events, asked_ms) {
      const doubt = { asked_ms };
      open.add(doubt);
      try {
        for (let wait_ms = wait_min_ms; ; wait_ms = Math.min(wait_ms * 2, wait_max_ms)) {
          if (is_closed) throw unavailable(new Error("the store was closed before it was known"));
          try {
            return await tookPlace(db, events);
          } catch (err) {
            if (!isPassing(err)) throw err;
            log.debug({ err }, "what became of a commit is not known yet");
          }
          await clock.sleep(wait_ms);
        }
      } finally {
        open.delete(doubt);
      }
    },
    isStuck() {
      const since_ms = clock.monotonic_ms() - limits.database_silent_ms;
      for (const { asked_ms } of open) if (asked_ms <= since_ms) return true;
      return false;
    },
    close() {
      is_closed = true;
    },
  };
}

// A disk that is full now says nothing about a commit before.
const isPassing = (reason: unknown): boolean =>
  isUnreachable(reason) || (reason instanceof Problem && reason.reason === "STORAGE_FULL");

// Waits for the transaction in doubt to end, if it still runs (it holds the counters), then looks for its first event.
async function tookPlace(db: Database, events: readonly PendingEvent[]): Promise<Outcome> {
  const conferences = [...new Set(events.map((event) => event.conference_id))].sort();
  for (const conference_id of conferences) {
    await sql`insert into journal_counters as known (conference_id, seq) values (${conference_id}, 0)
      on conflict (conference_id) do update set seq = known.seq`.execute(db);
  }
  const { rows } = await sql`select 1 from events where id = ${events[0]?.id}`.execute(db);
  return rows.length > 0 ? "committed" : "aborted";
}
