// kill -9 of everything in the middle of writes, and what a killed server leaves behind.
// Runs alone: measures the time until a server is back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isAlive, type Parley, startParley, until } from "../harness/parley.ts";

test("no_acknowledged_write_is_lost_when_everything_is_killed_in_the_middle_of_writes", async (t) => {
  let parley: Parley = await startParley();
  try {
    const acknowledged: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      let running = true;
      const writers = Array.from({ length: 8 }, async () => {
        while (running) {
          try {
            const { id } = await parley.api<{ id: string }>("POST", "/v1.0/conferences", {
              type: "conference",
              name: `round ${round}`,
            });
            acknowledged.push(id);
          } catch (error) {
            // The one request that the kill cut off: not acknowledged, so nothing is promised about it.
            assert.ok(error instanceof Error);
            running = false;
          }
        }
      });
      const goal = acknowledged.length + 60;
      await until("writes are under way", () => acknowledged.length >= goal);
      const pids = [parley.pid(), ...parley.children()];
      for (const pid of pids) if (isAlive(pid)) process.kill(pid, "SIGKILL");
      await Promise.all(writers);
      parley = await parley.killAndRestart();
      // How quick is a measurement (bench/startup), not a promise of a shared machine.
      t.diagnostic(`ready again after ${Math.round(parley.ready_ms)} ms`);
    }
    for (const id of acknowledged) await parley.api("GET", `/v1.0/conferences/${id}`);
    assert.ok(acknowledged.length >= 180);
  } finally {
    await parley.stop();
  }
});

test("a_killed_server_leaves_no_database_and_no_worker_behind", async () => {
  const parley = await startParley();
  const below = parley.children();
  assert.ok(below.length >= 2, "database and worker run below the server");
  process.kill(parley.pid(), "SIGKILL");
  await until("every process below it is gone", () => below.every((pid) => !isAlive(pid)), 5_000);
  await parley.stop();
});

test("sigterm_ends_everything_cleanly", async () => {
  const parley = await startParley();
  const below = parley.children();
  await parley.stop();
  await until("every process below it is gone", () => below.every((pid) => !isAlive(pid)), 2_000);
});
