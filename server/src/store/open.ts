// Opens the store: finds the database, takes its lock, brings the schema to today, starts the journal.
import { type Kysely, sql } from "kysely";
import type { PoolConfig } from "pg";
import { type Clock, createSystemClock } from "../kernel/clock.ts";
import type { Secret } from "../kernel/config.ts";
import type { EventId, Ids } from "../kernel/id.ts";
import { limits } from "../kernel/limits.ts";
import type { Log } from "../kernel/log.ts";
import { StartRefusal } from "../kernel/start-refusal.ts";
import type { SilenceLimits } from "./breaker.ts";
import { connect, isRepeatable, isUnreachable, unavailable } from "./connect.ts";
import { createDoubts, type Doubts } from "./doubts.ts";
import { startEmbedded } from "./embedded.ts";
import type { Database, Migration, Store, Tx, View } from "./index.ts";
import {
  createJournal,
  type JournalWriter,
  latest,
  type Outcome,
  type PendingEvent,
} from "./journal.ts";
import { holdLock } from "./lock.ts";
import { migrate } from "./migrate.ts";
import { migrations } from "./migrations/index.ts";
import { explainDatabase, placeOf } from "./refusal.ts";
import { createSpaceGuard } from "./space.ts";

/** Where the database is. */
export interface StoreSettings {
  /** A server; when it is not set, the private one in `data_dir`. */
  readonly url: Secret;
  readonly data_dir: string;
  readonly connections_max: number;
  /** When nobody waits for it any more; how much room the private one needs for a write (MiB). */
  readonly limits: SilenceLimits & { readonly disk_free_write_min: number };
  /** Further settings of the private server. */
  readonly embedded_settings?: Readonly<Record<string, string>>;
  /** The schema, where it is not today's; for tests. */
  readonly migrations?: readonly Migration[];
}

/** What {@link openStore} needs. */
export interface StorePorts {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** Called when another server took over the database: nothing may be written any more. */
  readonly onLost: (reason: Error) => void;
}

// The oldest PostgreSQL that the tests run on.
const version_min = 15;
/** Connections beside the pool, for those that look for the outcome of a commit. None stands while nobody does. */
const looking_connections_max = 2;
// How long a real server is waited for is real time, also under the clock of a test.
const real = createSystemClock();

/** Opens the store. Errors: no database there, one that is too old or too new, or one that another server uses. */
export async function openStore(settings: StoreSettings, ports: StorePorts): Promise<Store> {
  const { clock, ids, log } = ports;
  const place = settings.url.is_set ? placeOf(settings.url.reveal()) : null;
  const embedded = settings.url.is_set
    ? null
    : await startEmbedded({
        data_dir: settings.data_dir,
        clock,
        ids,
        log,
        ...(settings.embedded_settings ? { settings: settings.embedded_settings } : {}),
      });
  const target: PoolConfig = embedded
    ? { ...embedded.connection }
    : { connectionString: settings.url.reveal() };
  const requireSpace = embedded
    ? createSpaceGuard(embedded.home, settings.limits.disk_free_write_min, { clock: real, log })
    : undefined;
  const { db, watch, end } = connect(
    target,
    { ...settings.limits, connections_max: settings.connections_max },
    { clock: real, log, requireSpace },
  );
  // Whoever looks for the outcome of a commit holds a connection already, as may all others: looking has connections of its own.
  const looking = connect(
    target,
    { ...settings.limits, connections_max: looking_connections_max },
    { clock: real, log },
  );
  const doubts = createDoubts({ db: looking.db, clock: real, log, limits: settings.limits });
  const closing: (() => Promise<void>)[] = [
    async () => embedded?.stop(),
    looking.end,
    // Waits for all who hold a connection.
    end,
    async () => doubts.close(),
  ];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    await checkVersion(db);
    const lock = await holdLock(target, { clock, log }, ports.onLost);
    closing.splice(1, 0, lock.release);
    await migrate(db, settings.migrations ?? migrations, { clock, log });
    const journal = createJournal(db, await lastPosition(db), { clock, log });
    watch();
    return createStore({ db, journal, clock, ids, close, doubts });
  } catch (reason) {
    await close();
    throw place ? explainDatabase(reason, place) : reason;
  }
}

async function checkVersion(db: Database): Promise<void> {
  const { rows } = await sql<{ version: string }>`
    select current_setting('server_version_num') as version`.execute(db);
  const version = Math.floor(Number(rows[0]?.version ?? 0) / 10_000);
  if (version < version_min) {
    throw new StartRefusal(
      `the database is PostgreSQL ${version}, ${version_min} or newer is needed. Upgrade it, or name another one with database.url`,
    );
  }
}

// A commit of a server that was killed may still be under way: the lock waits for every writer to end.
async function lastPosition(db: Database): Promise<number> {
  return await db.transaction().execute(async (tx) => {
    await sql`lock table events in exclusive mode`.execute(tx);
    const { rows } = await sql<{ last: number | null }>`
      select max(position) as last from events`.execute(tx);
    return rows[0]?.last ?? 0;
  });
}

function createStore(parts: {
  db: Database;
  journal: JournalWriter;
  clock: Clock;
  ids: Ids;
  close: () => Promise<void>;
  doubts: Doubts;
}): Store {
  const { db, journal, clock, ids, doubts } = parts;

  const attempt = async <T>(run: (tx: Tx) => Promise<T>): Promise<T> =>
    await db.connection().execute(async (connection) => {
      await sql`begin`.execute(connection);
      const events: PendingEvent[] = [];
      let result: T;
      let outcome: Outcome;
      try {
        result = await run({
          db: connection,
          append(event) {
            const id = ids.next<EventId>();
            events.push({ ...event, id });
            return id;
          },
        });
        outcome =
          events.length === 0
            ? await commit(connection)
            : await journal.commit(connection, events, () => commitKnowingly(connection, events));
      } catch (reason) {
        await rollback(connection);
        throw reason;
      }
      if (outcome === "aborted") throw unavailable(new Error("the commit did not take place"));
      return result;
    });

  // The connection broke during the commit: whether it took place is read from the database itself.
  const commitKnowingly = async (
    connection: Database,
    events: readonly PendingEvent[],
  ): Promise<Outcome> => {
    const asked_ms = real.monotonic_ms();
    try {
      return await commit(connection);
    } catch (reason) {
      if (!isUnreachable(reason)) throw reason;
    }
    return await doubts.settle(events, asked_ms);
  };

  return {
    db,
    journal,
    async transaction(run) {
      for (let count = 1; ; count += 1) {
        try {
          return await attempt(run);
        } catch (reason) {
          if (!isRepeatable(reason) || count >= limits.transaction_attempts_max) throw reason;
        }
      }
    },
    async view(run) {
      return await db
        .transaction()
        .setIsolationLevel("repeatable read")
        .setAccessMode("read only")
        .execute(async (tx) => {
          const view: View = { db: tx, latest: (conference_id) => latest(tx, conference_id) };
          return await run(view);
        });
    },
    async check() {
      const since = clock.monotonic_ms();
      try {
        await sql`select 1`.execute(db);
        return { ok: true, detail: `${Math.round(clock.monotonic_ms() - since)} ms` };
      } catch (reason) {
        return { ok: false, detail: reason instanceof Error ? reason.message : String(reason) };
      }
    },
    isInDoubt: doubts.isStuck,
    close: parts.close,
  };
}

async function commit(connection: Database): Promise<Outcome> {
  const { rows } = await sql<{ command: string }>`commit`.execute(connection);
  // PostgreSQL answers so, without an error, where a statement had failed.
  if (rows[0]?.command === "ROLLBACK") {
    throw new Error("a statement of the transaction failed and its error was not passed on");
  }
  return "committed";
}

async function rollback(connection: Kysely<Record<never, never>>): Promise<void> {
  try {
    await sql`rollback`.execute(connection);
  } catch (reason) {
    // A broken connection has rolled back by breaking; the pool drops it.
    if (!isUnreachable(reason)) throw reason;
  }
}
