// The lock of a database over a way that is cut: nothing waits on it for ever, and it stays whose it is.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client } from "pg";
import { createSystemClock } from "../src/kernel/clock.ts";
import { silentLog } from "../src/kernel/log.ts";
import { type HeldLock, holdLock } from "../src/store/lock.ts";
import { makeDatabase } from "./database.ts";
import { type DatabaseProxy, startDatabaseProxy } from "./database-proxy.ts";

let database: Awaited<ReturnType<typeof makeDatabase>>;
let watcher: Client;
before(async () => {
  database = await makeDatabase();
  watcher = new Client(database.url);
  await watcher.connect();
});
after(async () => {
  await watcher.end();
  await database.drop();
});

const bounds = { lock_check_interval_ms: 50, lock_answer_timeout_ms: 500 };
const lost: Error[] = [];
const hold = (url: string): Promise<HeldLock> =>
  holdLock(
    { connectionString: url },
    { clock: createSystemClock(), log: silentLog() },
    (reason) => lost.push(reason),
    bounds,
  );

async function holder(): Promise<number | null> {
  const { rows } = await watcher.query<{ pid: number }>(
    `select pid from pg_locks where locktype = 'advisory' and granted
       and database = (select oid from pg_database where datname = current_database())`,
  );
  return rows[0]?.pid ?? null;
}

async function until(what: string, seen: () => Promise<boolean>): Promise<void> {
  const late = performance.now() + 20_000;
  while (!(await seen())) {
    assert.ok(performance.now() < late, `waited too long for: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

async function withProxy(run: (proxy: DatabaseProxy) => Promise<void>): Promise<void> {
  const proxy = await startDatabaseProxy(database.url);
  try {
    await run(proxy);
  } finally {
    await proxy.close();
  }
}

test("a_lock_whose_connection_is_cut_without_a_word_is_taken_again_and_is_nobody_else_s", () =>
  withProxy(async (proxy) => {
    const lock = await hold(proxy.url);
    const first = await holder();
    assert.ok(first);
    for (let before = first, turn = 0; turn < 3; turn += 1) {
      proxy.cutWithoutAWord();
      await until("another session holds the lock", async () => {
        const now = await holder();
        return now !== null && now !== before;
      });
      before = (await holder()) ?? before;
    }
    await assert.rejects(hold(database.url), { name: "StartRefusal" });
    assert.deepEqual(lost, []);
    await lock.release();
    await until("the lock is free", async () => (await holder()) === null);
  }));

test("who_asks_a_database_that_says_nothing_for_its_lock_is_told_in_time", () =>
  withProxy(async (proxy) => {
    proxy.delay_ms = 60_000;
    const began = performance.now();
    await assert.rejects(hold(proxy.url), /timeout/);
    assert.ok(performance.now() - began < 5_000);
  }));

test("a_database_that_stops_answering_while_its_lock_is_asked_for_is_given_up_in_time", () =>
  withProxy(async (proxy) => {
    const first = await hold(database.url);
    // Held by another: it is asked for again and again, and on the way the answers stop.
    const asking = hold(proxy.url);
    const told = assert.rejects(asking, /timeout/);
    await until("it is asked for", async () => proxy.open > 0);
    await new Promise((done) => setTimeout(done, 300));
    proxy.cutWithoutAWord();
    await told;
    await first.release();
  }));

test("a_lock_is_released_in_time_though_its_connection_says_nothing", () =>
  withProxy(async (proxy) => {
    const lock = await hold(proxy.url);
    proxy.cutWithoutAWord();
    const began = performance.now();
    await lock.release();
    assert.ok(performance.now() - began < 5_000);
    assert.deepEqual(lost, []);
  }));
