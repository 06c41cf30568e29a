// What people in a meeting notice when something dies: a media worker, the whole server, their network.
// Runs alone: measures how long people hear nothing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launchChromium, needs_chromium } from "../harness/chromium.ts";
import {
  type Attendee,
  hearAndSee,
  joinIds,
  joinMeeting,
  people,
  watch,
} from "../harness/meeting.ts";
import { isAlive, type Parley, startParley, until } from "../harness/parley.ts";

let browser: Browser;
before(async () => {
  if (needs_chromium.skip) return;
  browser = await launchChromium();
});
after(() => browser?.close());

async function twoInAConference(
  parley: Parley,
): Promise<{ id: string; both: [Attendee, Attendee] }> {
  const { id } = await parley.api<{ id: string }>("POST", "/v1.0/conferences", {
    type: "conference",
  });
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const ben = await joinMeeting(parley, browser, id, people.ben);
  await hearAndSee([ada, ben], 20_000);
  return { id, both: [ada, ben] };
}

test("a_killed_worker_is_replaced_and_nobody_is_dropped", needs_chromium, async (t) => {
  const parley = await startParley({ PARLEY_MEDIA_WORKER_COUNT: "1" });
  try {
    const { id, both } = await twoInAConference(parley);
    const before_kill = await joinIds(parley, id);
    const watched = await watch(both[0], both[1]);
    // A snapshot is taken each second; the take-over needs one.
    await new Promise((done) => setTimeout(done, 1_500));
    const [worker] = await parley.workers();
    assert.ok(worker);
    process.kill(worker, "SIGKILL");
    await until("another worker runs", async () => {
      const now = await parley.workers();
      return now.length === 1 && now[0] !== worker;
    });
    await new Promise((done) => setTimeout(done, 2_500));
    await hearAndSee(both, 5_000);
    assert.equal(await joinIds(parley, id), before_kill);
    const { longest_silence_ms, longest_freeze_ms } = await watched();
    t.diagnostic(
      `longest silence ${Math.round(longest_silence_ms)} ms, freeze ${Math.round(longest_freeze_ms)} ms`,
    );
    assert.ok(longest_silence_ms < 1_000, `silent for ${longest_silence_ms} ms`);
    for (const { page, faults } of both) {
      assert.deepEqual(faults, []);
      await page.context().close();
    }
  } finally {
    await parley.stop();
  }
});

test("a_hung_worker_is_killed_and_replaced", needs_chromium, async () => {
  const parley = await startParley({ PARLEY_MEDIA_WORKER_COUNT: "1" });
  try {
    const { id, both } = await twoInAConference(parley);
    const before_hang = await joinIds(parley, id);
    await new Promise((done) => setTimeout(done, 1_500));
    const [worker] = await parley.workers();
    assert.ok(worker);
    process.kill(worker, "SIGSTOP");
    await until("the hung one is gone", () => !isAlive(worker), 3_000);
    await hearAndSee(both, 5_000);
    assert.equal(await joinIds(parley, id), before_hang);
    for (const { page } of both) await page.context().close();
  } finally {
    await parley.stop();
  }
});

test(
  "after_a_restart_of_the_server_everybody_is_back_under_the_same_ids",
  needs_chromium,
  async (t) => {
    let parley = await startParley();
    try {
      const { id, both } = await twoInAConference(parley);
      const before_kill = await joinIds(parley, id);
      parley = await parley.killAndRestart();
      const ready = performance.now();
      await hearAndSee(both, 8_000);
      t.diagnostic(`both hear and see ${Math.round(performance.now() - ready)} ms after ready`);
      assert.equal(await joinIds(parley, id), before_kill);
      for (const { page } of both) await page.context().close();
    } finally {
      await parley.stop();
    }
  },
);

test("a_cut_network_heals_by_itself", needs_chromium, async () => {
  const parley = await startParley();
  try {
    const { id, both } = await twoInAConference(parley);
    const before_cut = await joinIds(parley, id);
    await both[0].page.context().setOffline(true);
    await both[0].page
      .getByText(/Connection lost/)
      .first()
      .waitFor({ timeout: 15_000 });
    await both[0].page.context().setOffline(false);
    await both[0].page
      .getByText(/Connection lost/)
      .first()
      .waitFor({ state: "hidden", timeout: 15_000 });
    await hearAndSee(both, 10_000);
    assert.equal(await joinIds(parley, id), before_cut);
    for (const { page } of both) await page.context().close();
  } finally {
    await parley.stop();
  }
});
