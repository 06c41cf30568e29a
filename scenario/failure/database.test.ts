// The private database stops answering, or dies, in the middle of writes: what who asks gets, that a meeting does not notice, and that all of it heals by itself.
// Runs alone: measures how soon requests are refused, and gaps in the sound.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { needs_chromium } from "../harness/chromium.ts";
import { isAlive, until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";
import {
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

let meeting: Meeting;
runForAllTests({ PARLEY_MEDIA_WORKER_COUNT: "1" }, async () => {
  meeting = await startMeeting(parley, browser);
});

const isDatabase = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("postgres");
  } catch {
    // It ended while we looked.
    return false;
  }
};
const databases = (): number[] => parley.children().filter(isDatabase);
const signal = (pids: readonly number[], name: NodeJS.Signals): void => {
  for (const pid of pids) if (isAlive(pid)) process.kill(pid, name);
};
const pause = (duration_ms: number) => new Promise((done) => setTimeout(done, duration_ms));

/** Milliseconds for an answer where it is known already that the database is silent. */
const known_within_ms = 100;
/** How many of each ask at once. */
const asked = 6;
/** All at once: who reads, who writes, who joins. */
const askAll = (): Promise<Told[]> =>
  Promise.all(
    Array.from({ length: asked }, () => [
      create(parley),
      ask(parley, "GET", "/v1.0/conferences"),
      ask(parley, "GET", `/v1.0/conferences/${meeting.id}/events`),
      ask(parley, "PUT", `/v1.0/conferences/${meeting.id}`, { name: "another name" }),
      join(parley, meeting.id),
    ]).flat(),
  );

/** Somebody who makes conferences one by one, each under a key of its own, and asks again where they were refused. */
function startWriter(name: string): { end: () => Promise<{ keys: string[]; told: Told[] }> } {
  const keys: string[] = [];
  const told: Told[] = [];
  let is_over = false;
  const write = async (): Promise<void> => {
    for (let count = 0; !is_over; count += 1) {
      const key = `${name} ${count}`;
      keys.push(key);
      for (;;) {
        const answer = await create(parley, key, key.replace(" ", "-"));
        told.push(answer);
        if (answer.status !== 503) break;
        await pause(50);
      }
    }
  };
  const writing = write();
  return {
    async end() {
      is_over = true;
      await writing;
      return { keys, told };
    },
  };
}

/** What happens to the database while six people write. */
async function outage(
  t: TestContext,
  what: string,
  fault: () => Promise<{ fault_ms: number; all: readonly Told[]; at_once: readonly Told[] }>,
): Promise<void> {
  const machine = watchMachine(parley);
  const writers = Array.from({ length: 6 }, (_, n) => startWriter(`${what}-${n}`));
  await pause(300);
  const { fault_ms, all: during, at_once } = await fault();
  await until("it is written again", async () => (await create(parley)).status === 200);
  const written = await Promise.all(writers.map(({ end }) => end()));
  const told = written.flatMap((one) => one.told);
  const machine_ms = await machine();
  const refused = since(fault_ms, [...during, ...told]).filter(({ status }) => status === 503);
  t.diagnostic(
    `${refused.length} refusals, ${refused.filter((one) => one.is_unknown).length} of them in a commit, after ${Math.round(Math.max(...refused.map((one) => one.took_ms)))} ms at most; the machine itself ${Math.round(machine_ms)} ms`,
  );
  assertAway([...during, ...told].filter(({ status }) => status >= 400));
  assertInTime(refused, machine_ms);
  assertInTime(at_once, machine_ms, known_within_ms);
  const names = await countNames(parley);
  for (const key of written.flatMap(({ keys }) => keys)) assert.equal(names.get(key), 1, key);
  await meeting.assertUntouched(t, what);
}

test(
  "a_stopped_database_is_answered_without_waiting_untouched_by_who_talks_and_goes_on",
  needs_chromium,
  async (t) => {
    await outage(t, "stopped", async () => {
      const stopped = databases();
      assert.ok(stopped.length > 1);
      signal(stopped, "SIGSTOP");
      const fault_ms = performance.now();
      const first = await askAll();
      const later = await askAll();
      assertAway([...first, ...later]);
      t.diagnostic(
        `later ones took ${Math.round(Math.max(...later.map((one) => one.took_ms)))} ms`,
      );
      assert.equal((await fetch(`${parley.url}/ping`)).status, 200);
      await pause(1_000);
      signal(stopped, "SIGCONT");
      return { fault_ms, all: [...first, ...later], at_once: later };
    });
  },
);

test(
  "a_killed_database_is_started_again_and_no_write_is_lost_or_done_twice",
  needs_chromium,
  async (t) => {
    await outage(t, "killed", async () => {
      signal(databases(), "SIGKILL");
      const fault_ms = performance.now();
      return { fault_ms, all: await askAll(), at_once: [] };
    });
  },
);
