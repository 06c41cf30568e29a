import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../kernel/clock.ts";
import { silentLog } from "../kernel/log.ts";
import { createSpaceGuard } from "./space.ts";

test("a_write_is_refused_while_the_disk_has_less_than_the_database_needs_and_goes_on_by_itself", async () => {
  const clock = createManualClock();
  let free = 24;
  let looks = 0;
  const guard = createSpaceGuard("/", 24, {
    clock,
    log: silentLog(),
    free_mib: async () => {
      looks += 1;
      return free;
    },
  });
  await Promise.all([guard(), guard(), guard()]);
  assert.equal(looks, 1);
  free = 23.9;
  await clock.advance(250);
  await assert.rejects(guard(), { reason: "STORAGE_FULL" });
  await assert.rejects(guard(), { reason: "STORAGE_FULL" });
  assert.equal(looks, 2);
  free = 24;
  await clock.advance(250);
  await guard();
});

test("a_disk_that_cannot_be_looked_at_refuses_nothing", async () => {
  const guard = createSpaceGuard("/no/such/folder", 24, {
    clock: createManualClock(),
    log: silentLog(),
  });
  await guard();
});
