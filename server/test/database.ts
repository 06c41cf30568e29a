// A fresh database for each test: on the server that PARLEY_TEST_DATABASE_URL names, else on a private one of this process.
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { type Clock, createSystemClock } from "../src/kernel/clock.ts";
import { readConfig, Secret } from "../src/kernel/config.ts";
import { createIds, type Ids } from "../src/kernel/id.ts";
import { type Log, silentLog } from "../src/kernel/log.ts";
import { startEmbedded } from "../src/store/embedded.ts";
import { type Migration, openStore, type Store } from "../src/store/index.ts";

const clock = createSystemClock();
const ids = createIds(() => clock.now() / 1000);

/** `limits.*` as they are without a word. */
export const usual_limits = readConfig({ argv: [], env: {}, file: () => null }).config.limits;

let server: Promise<string> | null = null;

/** Parts of a test's store that it wants to be its own. */
export interface TestStoreOptions {
  readonly clock?: Clock;
  readonly ids?: Ids;
  readonly log?: Log;
  readonly migrations?: readonly Migration[];
  readonly onLost?: (reason: Error) => void;
  readonly connections_max?: number;
}

/** URL of a server on which databases may be made. The first call starts the private one where none is named; it ends with the tests. */
export function testServerUrl(): Promise<string> {
  server ??= startTestServer();
  return server;
}

async function startTestServer(): Promise<string> {
  const named = process.env["PARLEY_TEST_DATABASE_URL"];
  if (named) return named;
  const data_dir = await mkdtemp(join(tmpdir(), "parley-test-"));
  // Nothing here outlives the tests, so nothing waits for the disk.
  const settings = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };
  // Not stopped by a hook: hooks end with the test that registered them. It ends with this process.
  const embedded = await startEmbedded({
    data_dir,
    clock,
    ids,
    log: silentLog(),
    settings,
    is_temporary: true,
  });
  const { host, port, user, password, database } = embedded.connection;
  return `postgres://${user}:${password}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}

/** URL of a new, empty database. It is dropped by `drop`. */
export async function makeDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  const admin_url = await testServerUrl();
  const name = `parley_test_${ids.next().replaceAll("-", "")}`;
  const admin = async (statement: string): Promise<void> => {
    const client = new Client({ connectionString: admin_url });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await admin(`create database ${name}`);
  const url = admin_url.replace(/^([a-z]+:\/\/[^/]*\/)[^?]*/, `$1${name}`);
  return { url, drop: () => admin(`drop database if exists ${name} with (force)`) };
}

/** A store on a new database with today's schema. `close` ends it and drops the database. */
export async function openTestStore(options: TestStoreOptions = {}): Promise<Store> {
  const { url, drop } = await makeDatabase();
  const store = await openStoreOn(url, options);
  return {
    ...store,
    async close() {
      await store.close();
      await drop();
    },
  };
}

/** A store on a database of {@link makeDatabase}; for tests that open it more than once. */
export async function openStoreOn(url: string, options: TestStoreOptions = {}): Promise<Store> {
  return await openStore(
    {
      url: new Secret(url),
      data_dir: "",
      connections_max: options.connections_max ?? 8,
      limits: usual_limits,
      ...(options.migrations ? { migrations: options.migrations } : {}),
    },
    {
      clock: options.clock ?? clock,
      ids: options.ids ?? ids,
      log: options.log ?? silentLog(),
      onLost:
        options.onLost ??
        ((reason) => {
          throw reason;
        }),
    },
  );
}
