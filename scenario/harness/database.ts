// A real PostgreSQL of the test's own, as an operator would name one with database.url: its connections can be used up, and the way to it can be slow.
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { createSystemClock } from "../../server/src/kernel/clock.ts";
import { createIds } from "../../server/src/kernel/id.ts";
import { silentLog } from "../../server/src/kernel/log.ts";
import { startEmbedded } from "../../server/src/store/embedded.ts";

/** A running one. */
export interface Postgres {
  /** For a server: an ordinary role on a database of its own. */
  readonly url: string;
  /** As who may do everything. */
  admin<T extends object>(statement: string): Promise<T[]>;
  /** Another program takes every connection that an ordinary role can have, also those that become free; the result lets them go. */
  useUp(): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

/** Starts it. */
export async function startPostgres(connections_max: number): Promise<Postgres> {
  const clock = createSystemClock();
  const { connection, stop } = await startEmbedded({
    data_dir: await mkdtemp(join(tmpdir(), "parley-scenario-")),
    clock,
    ids: createIds(() => clock.now() / 1000),
    log: silentLog(),
    settings: { max_connections: String(connections_max), fsync: "off" },
    is_temporary: true,
  });
  const client = new Client(connection);
  await client.connect();
  const url = (name: string): string =>
    `postgres://${name}:secret@/${name}?host=${encodeURIComponent(connection.host)}&port=${connection.port}`;
  for (const name of ["parley_server", "parley_greedy"]) {
    await client.query(`create role ${name} login password 'secret'`);
    await client.query(`create database ${name} owner ${name}`);
  }
  return {
    url: url("parley_server"),
    admin: async <T extends object>(statement: string) => (await client.query<T>(statement)).rows,
    async useUp() {
      const taken: Client[] = [];
      let is_over = false;
      const take = async (): Promise<void> => {
        while (!is_over) {
          const one = new Client(url("parley_greedy"));
          // One that it does not get is asked for again.
          one.on("error", () => undefined);
          const is_taken = await one.connect().then(
            () => true,
            () => false,
          );
          if (is_taken) taken.push(one);
          else await new Promise((done) => setTimeout(done, 5));
        }
      };
      const taking = take();
      return async () => {
        is_over = true;
        await taking;
        await Promise.all(taken.map((one) => one.end()));
      };
    },
    async stop() {
      await client.end();
      await stop();
    },
  };
}
