// One server per database: an advisory lock that a connection of its own holds for as long as the server lives.
import { Client, type ClientConfig } from "pg";
import type { Clock } from "../kernel/clock.ts";
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

/**
 * Takes the lock and keeps it: when its connection breaks it is taken again. `onLost` is called when another server got it meanwhile.
 * Errors: another server holds it.
 */
export async function holdLock(
  target: ClientConfig,
  ports: { clock: Clock; log: Log },
  onLost: (reason: Error) => void,
): Promise<HeldLock> {
  const { clock, log } = ports;
  let is_released = false;
  let current: Client | null = null;

  const take = async (): Promise<boolean> => {
    const client = new Client({ ...target, connectionTimeoutMillis: 5_000, keepAlive: true });
    // pg tells a broken connection by `error`, an ended one by `end`; `end` follows in both cases.
    client.on("error", (err) => log.debug({ err }, "connection of the database lock broke"));
    await client.connect();
    try {
      const deadline = clock.monotonic_ms() + take_timeout_ms;
      for (;;) {
        const { rows } = await client.query<{ taken: boolean }>(
          "select pg_try_advisory_lock($1, $2) as taken",
          [key_space, key],
        );
        if (rows[0]?.taken) break;
        if (clock.monotonic_ms() > deadline) {
          await client.end();
          return false;
        }
        await clock.sleep(retry_ms);
      }
    } catch (reason) {
      await client.end();
      throw reason;
    }
    current = client;
    client.once("end", () => {
      current = null;
      if (!is_released) void keep();
    });
    return true;
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
      await current?.end();
    },
  };
}
