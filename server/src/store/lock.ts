// One server per database: an advisory lock that a connection of its own holds for as long as the server lives.
import { Client, type ClientConfig } from "pg";
import type { Clock, Timer } from "../kernel/clock.ts";
import { limits } from "../kernel/limits.ts";
import type { Log } from "../kernel/log.ts";
import { StartRefusal } from "../kernel/start-refusal.ts";

// Any two numbers that no other program uses on the same database.
const [key_space, key] = [0x7061726c, 1];

/** Whether a server holds the lock; asks without taking it. */
export async function isLocked(client: Client): Promise<boolean> {
  const { rows } = await client.query(
    `select 1 from pg_locks where locktype = 'advisory' and classid = $1 and objid = $2
       and database = (select oid from pg_database where datname = current_database())`,
    [key_space, key],
  );
  return rows.length > 0;
}

/** The lock while it is held. */
export interface HeldLock {
  release(): Promise<void>;
}

const retry_ms = 100;
// The server side of a connection that was cut needs a moment to notice and let go.
const take_timeout_ms = 1_500;

/** A process of the database that serves one connection: its number, and since when, as numbers are given again. */
interface Backend {
  readonly pid: number;
  readonly since: string;
}

/**
 * Takes the lock and keeps it: when its connection breaks, or says nothing, it is taken again. `onLost` is called when another server got it meanwhile.
 * Errors: another server holds it; the database does not answer.
 */
export async function holdLock(
  target: ClientConfig,
  ports: { clock: Clock; log: Log },
  onLost: (reason: Error) => void,
  bounds: Pick<typeof limits, "lock_check_interval_ms" | "lock_answer_timeout_ms"> = limits,
): Promise<HeldLock> {
  const { clock, log } = ports;
  let is_released = false;
  let current: Client | null = null;
  let checking: Timer | null = null;
  // What may hold the lock for us. The database may not know yet that we have given some of them up.
  let ours: Backend[] = [];

  const take = async (): Promise<boolean> => {
    const client = new Client({
      ...target,
      connectionTimeoutMillis: bounds.lock_answer_timeout_ms,
      query_timeout: bounds.lock_answer_timeout_ms,
      keepAlive: true,
      application_name: "parley lock",
    });
    // pg tells a broken connection by `error`, an ended one by `end`; `end` follows in both cases.
    client.on("error", (err) => log.debug({ err }, "connection of the database lock broke"));
    try {
      await client.connect();
      const ending: Backend[] = [];
      for (const session of ours) if (await endBackend(client, session)) ending.push(session);
      // Known before it asks: the answer that it got the lock may be lost on the way.
      ours = [...ending, await backendOf(client)];
      const deadline = clock.monotonic_ms() + take_timeout_ms;
      for (;;) {
        const { rows } = await client.query<{ taken: boolean }>(
          "select pg_try_advisory_lock($1, $2) as taken",
          [key_space, key],
        );
        if (rows[0]?.taken) break;
        if (clock.monotonic_ms() > deadline) {
          leave(client);
          return false;
        }
        await clock.sleep(retry_ms);
      }
      ours = ours.slice(-1);
    } catch (reason) {
      leave(client);
      throw reason;
    }
    current = client;
    watch(client);
    client.once("end", () => {
      current = null;
      checking?.cancel();
      if (!is_released) void keep();
    });
    return true;
  };

  // Ends a connection without waiting for it: it may be one on which nothing comes any more.
  const leave = (client: Client): void => {
    client.end().catch((err: unknown) => {
      log.debug({ err }, "connection of the database lock broke");
    });
    client.connection.stream.destroy();
  };

  // A way that was cut without a word looks like silence, and the lock may be somebody else's by then.
  const watch = (client: Client): void => {
    checking = clock.after(bounds.lock_check_interval_ms, () => {
      client.query("select 1").then(
        () => {
          if (current === client) watch(client);
        },
        (err: unknown) => {
          if (is_released) return;
          log.warn({ err }, "the connection of the database lock does not answer, taking another");
          leave(client);
        },
      );
    });
  };

  const keep = async (): Promise<void> => {
    while (!is_released) {
      try {
        if (!(await take())) onLost(new Error("another server took over this database"));
        return;
      } catch (err) {
        log.debug({ err }, "database lock cannot be taken yet");
        await clock.sleep(retry_ms);
      }
    }
  };

  if (!(await take())) {
    throw new StartRefusal(
      "another Parley server uses this database: one server a database. Stop that one, or name another database with database.url",
    );
  }
  return {
    async release() {
      is_released = true;
      checking?.cancel();
      const client = current;
      if (!client) return;
      const late = Promise.withResolvers<void>();
      const timer = clock.after(bounds.lock_answer_timeout_ms, late.resolve);
      await Promise.race([client.end(), late.promise]);
      timer.cancel();
      client.connection.stream.destroy();
    },
  };
}

async function backendOf(client: Client): Promise<Backend> {
  const { rows } = await client.query<Backend>(
    "select pid, backend_start::text as since from pg_stat_activity where pid = pg_backend_pid()",
  );
  const [session] = rows;
  if (!session) throw new Error("the database does not know its own session");
  return session;
}

/** Ends it; false: it is over. It is of our own role, so the database lets us. */
async function endBackend(client: Client, { pid, since }: Backend): Promise<boolean> {
  const { rows } = await client.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_start::text = $2",
    [pid, since],
  );
  return rows.length > 0;
}
