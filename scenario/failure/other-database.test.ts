// The database is a server of somebody else's, over a network: silent in the middle of a commit, slow, or full of other programs' connections.
// Runs alone: measures how soon requests are refused, and gaps in the sound.
import assert from "node:assert/strict";
import { after, beforeEach, type TestContext, test } from "node:test";
import { type DatabaseProxy, startDatabaseProxy } from "../../server/test/database-proxy.ts";
import { needs_chromium } from "../harness/chromium.ts";
import { type Postgres, startPostgres } from "../harness/database.ts";
import { chatTexts, say } from "../harness/meeting.ts";
import { until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";
import {
  agree,
  ask,
  assertAway,
  assertInTime,
  countNames,
  create,
  join,
  type Meeting,
  since,
  startMeeting,
  type Told,
  watchMachine,
} from "./outage.ts";

const connections_max = 40;

let postgres: Postgres;
let proxy: DatabaseProxy;
let meeting: Meeting;
runForAllTests(
  async () => {
    postgres = await startPostgres(connections_max);
    proxy = await startDatabaseProxy(postgres.url);
    return { PARLEY_DATABASE_URL: proxy.url, PARLEY_MEDIA_WORKER_COUNT: "1" };
  },
  async () => {
    meeting = await startMeeting(parley, browser);
  },
);
beforeEach(async () => {
  if (needs_chromium.skip) return;
  await until("the database is there", async () => (await create(parley)).status === 200);
});
after(async () => {
  await proxy?.close();
  await postgres?.stop();
});

/** A write during whose commit the database falls silent: told that nobody knows, then found out; asked again, it is the same one. */
async function silentInCommit(t: TestContext, write: () => Promise<Told>): Promise<Told> {
  const machine = watchMachine(parley);
  try {
    const silent = proxy.holdFromCommit();
    const writing = write();
    await silent;
    const silent_ms = performance.now();
    const told = since(silent_ms, [await writing, await write()]);
    const others = await Promise.all([
      create(parley),
      join(parley, meeting.id),
      ask(parley, "GET", "/v1.0/conferences"),
    ]);
    const machine_ms = await machine();
    const ms = (all: readonly Told[]): string =>
      all.map(({ took_ms }) => Math.round(took_ms)).join(" and ");
    t.diagnostic(
      `told after ${ms(told)} ms, others after ${ms(others)} ms; the machine itself ${Math.round(machine_ms)} ms`,
    );
    assertAway([...told, ...others]);
    for (const { is_unknown } of told) assert.ok(is_unknown, "it says that nobody knows");
    for (const { is_unknown } of others) assert.ok(!is_unknown, "it was not begun");
    assertInTime([...told, ...others], machine_ms);
  } finally {
    proxy.letGo();
  }
  return await until("it is the one that was written", async () => {
    const again = await write();
    return again.status < 300 ? again : null;
  });
}

test(
  "a_write_in_whose_commit_the_database_falls_silent_is_told_apart_and_is_done_once",
  needs_chromium,
  async (t) => {
    const made = await silentInCommit(t, () => create(parley, "in doubt", "a-create"));
    assert.equal((await countNames(parley)).get("in doubt"), 1);
    const { result } = await parley.api<{ result: { type: string }[] }>(
      "GET",
      `/v1.0/conferences/${made.body["id"]}/events`,
    );
    assert.deepEqual(
      result.map(({ type }) => type),
      ["conference_created"],
    );
    const joined = await silentInCommit(t, () => join(parley, meeting.id, "a-join"));
    const { result: calls } = await parley.api<{ result: { id: string; name: string }[] }>(
      "GET",
      `/v1.0/conferencecalls?conference_id=${meeting.id}&status=joining`,
    );
    const { id } = joined.body["conferencecall"] as { id: string };
    assert.deepEqual(
      calls.map((call) => call.id),
      [id],
    );
    await parley.api("DELETE", `/v1.0/conferencecalls/${id}`);
    await meeting.assertUntouched(t, "silence in a commit");
  },
);

const delay_ms = 300;
/** Milliseconds of which the machine may be late, without which a slow database would not be taken for a silent one. */
const late_ms_max = 50;

test("a_slow_database_makes_answers_late_not_wrong_and_nothing_else", needs_chromium, async (t) => {
  const [ada, ben] = meeting.both;
  proxy.delay_ms = delay_ms;
  // Where the machine adds so much, the database is silent, and not slow only: then who was refused asks again.
  const slow = async (run: () => Promise<Told>): Promise<Told> => {
    for (;;) {
      const told = await run();
      if (told.status !== 503 || proxy.late_ms < late_ms_max) return told;
    }
  };
  const say_slowly = async (): Promise<void> => {
    for (let count = 0; ; count += 1) {
      const text = `slowly said ${count}`;
      await say(ada.page, text);
      try {
        await until("it is read", async () => (await chatTexts(ben.page)).includes(text), 5_000);
        return;
      } catch (reason) {
        if (proxy.late_ms < late_ms_max) throw reason;
      }
    }
  };
  const steps = async (): Promise<number> => {
    const made = await slow(() => create(parley, "slowly made"));
    assert.equal(made.status, 200);
    assert.ok(made.took_ms > delay_ms, "the database is slow");
    const path = `/v1.0/conferences/${made.body["id"]}`;
    const joined = await slow(() => join(parley, String(made.body["id"])));
    assert.equal(joined.status, 201);
    const named = await slow(() => ask(parley, "PUT", path, { name: "slowly named" }));
    assert.equal(named.status, 200);
    const read = await slow(() => ask(parley, "GET", path));
    assert.equal(read.body["name"], "slowly named");
    const search = "/v1.0/conferences?search=slowly%20named";
    const { result } = (await slow(() => ask(parley, "GET", search))).body as { result: object[] };
    assert.equal(result.length, 1);
    assert.equal((await slow(() => ask(parley, "DELETE", path))).status, 200);
    assert.equal((await slow(() => ask(parley, "GET", "/health"))).status, 200);
    t.diagnostic(
      `create ${Math.round(made.took_ms)} ms, join ${Math.round(joined.took_ms)} ms while a statement takes ${delay_ms}`,
    );
    return made.took_ms;
  };
  const quick: number[] = [];
  let is_over = false;
  const look = async (): Promise<void> => {
    while (!is_over) {
      const began = performance.now();
      assert.equal((await fetch(`${parley.url}/ping`)).status, 200);
      quick.push(performance.now() - began);
      await new Promise((done) => setTimeout(done, 20));
    }
  };
  const looking = look();
  try {
    const [slow_ms] = await Promise.all([steps(), say_slowly()]);
    proxy.delay_ms = 0;
    const fast = await until("it is fast again", async () => {
      const told = await create(parley);
      return told.status === 200 ? told : null;
    });
    assert.ok(fast.took_ms < slow_ms / 2, `${fast.took_ms} ms, and ${slow_ms} while it was slow`);
  } finally {
    proxy.delay_ms = 0;
    is_over = true;
    await looking;
  }
  const usual_ms = quick.toSorted((a, b) => a - b)[Math.floor(quick.length / 2)] ?? 0;
  t.diagnostic(`what needs no database took ${Math.round(usual_ms)} ms, mostly`);
  assert.ok(usual_ms < delay_ms / 2, `what needs no database took ${usual_ms} ms`);
  await meeting.assertUntouched(t, "slowness");
});

test(
  "a_database_without_a_free_connection_is_answered_at_once_and_is_back_when_there_is_one",
  needs_chromium,
  async (t) => {
    const machine = watchMachine(parley);
    const letGo = await postgres.useUp();
    const told: Told[] = [];
    try {
      await until("they are used up", async () => {
        // Those that the server has are ended: who takes what becomes free has all of them.
        await postgres.admin(
          "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'parley_server'",
        );
        const answer = await create(parley);
        if (answer.status !== 200) told.push(answer);
        return told.length >= 10;
      });
      const all = await Promise.all(
        Array.from({ length: 5 }, () => [
          create(parley),
          join(parley, meeting.id),
          ask(parley, "GET", "/v1.0/conferences"),
        ]).flat(),
      );
      told.push(...all);
      assert.equal((await fetch(`${parley.url}/ping`)).status, 200);
    } finally {
      await letGo();
    }
    const machine_ms = await machine();
    assertAway(told);
    assertInTime(told, machine_ms);
    const began = performance.now();
    await until("it is written again", async () => (await create(parley)).status === 200);
    t.diagnostic(
      `refused after ${Math.round(Math.max(...told.map(({ took_ms }) => took_ms)))} ms at most, back after ${Math.round(performance.now() - began)} ms; the machine itself ${Math.round(machine_ms)} ms`,
    );
    await agree(parley);
    await meeting.assertUntouched(t, "used-up connections");
  },
);
