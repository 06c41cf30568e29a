import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../kernel/clock.ts";
import { silentLog } from "../kernel/log.ts";
import { createInDoubt } from "./in-doubt.ts";

function stage() {
  const clock = createManualClock();
  const at = { in_doubt: false };
  const lines: string[] = [];
  const log = {
    ...silentLog(),
    info: (_facts: object, line: string) => lines.push(line),
    warn: (_facts: object, line: string) => lines.push(line),
  };
  const doubts = createInDoubt({
    clock,
    log: log as never,
    isInDoubt: () => at.in_doubt,
    limits: { database_silent_ms: 400 },
  });
  return { clock, at, lines, doubts };
}
const unknown = {
  reason: "SERVICE_UNAVAILABLE",
  details: [{ outcome: "unknown" }],
  retry_after_s: 1,
};

test("a_write_is_waited_for_however_slow_while_no_commit_is_in_doubt", async () => {
  const { clock, doubts } = stage();
  const slow = doubts.bound(
    clock.sleep(5_000).then(() => "done"),
    "1",
  );
  await clock.advance(5_000);
  assert.equal(await slow, "done");
  await assert.rejects(doubts.bound(Promise.reject(new Error("its own")), "2"), /its own/);
});

test("while_one_is_in_doubt_each_write_is_answered_when_its_own_time_is_over_and_ends_later", async () => {
  const { clock, at, lines, doubts } = stage();
  const first = Promise.withResolvers<string>();
  const other = Promise.withResolvers<string>();
  const told = assert.rejects(doubts.bound(first.promise, "1"), unknown);
  await clock.advance(300);
  at.in_doubt = true;
  const later = assert.rejects(doubts.bound(other.promise, "2"), unknown);
  const quick = doubts.bound(
    clock.sleep(350).then(() => "in time"),
    "3",
  );
  await clock.advance(120);
  await told;
  first.resolve("written after all");
  await clock.advance(240);
  assert.equal(await quick, "in time");
  assert.equal(lines.length, 1);
  await clock.advance(60);
  await later;
  other.reject(new Error("not written"));
  await clock.advance(0);
  assert.deepEqual(lines, [
    "a write that was answered without its outcome is done",
    "a write that was answered without its outcome failed",
  ]);
  at.in_doubt = false;
  const after = doubts.bound(
    clock.sleep(1_000).then(() => "as ever"),
    "4",
  );
  await clock.advance(1_000);
  assert.equal(await after, "as ever");
});
