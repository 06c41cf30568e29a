import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../../kernel/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { createDeadlines } from "./deadlines.ts";

function fixture() {
  const clock = createManualClock();
  const rows: number[] = [];
  const done: number[] = [];
  let failures = 0;
  const deadlines = createDeadlines({
    clock,
    log: silentLog(),
    next: async () => (rows.length === 0 ? null : Math.min(...rows)),
    shift: async (by_us) => {
      for (const [index, at] of rows.entries()) rows[index] = at + by_us;
    },
    run: async () => {
      if (failures-- > 0) throw new Error("no database");
      const now = clock.steady_now();
      for (const at of rows.filter((one) => one <= now)) {
        rows.splice(rows.indexOf(at), 1);
        done.push(at);
      }
    },
  });
  const write = (after_ms: number): void => {
    const at = clock.steady_now() + after_ms * 1000;
    rows.push(at);
    deadlines.noticed(at);
  };
  return { clock, rows, done, deadlines, write, fail: (times: number) => (failures = times) };
}

test("each_row_is_worked_off_when_its_time_comes_and_not_before", async () => {
  const { clock, done, deadlines, write } = fixture();
  await deadlines.start();
  for (const after_ms of [500, 100, 300]) write(after_ms);
  const seen: number[] = [];
  for (let elapsed = 0; elapsed < 700; elapsed += 100) {
    await clock.advance(101);
    seen.push(done.length);
  }
  assert.deepEqual(seen, [1, 1, 2, 2, 3, 3, 3]);
});

test("what_is_overdue_at_the_start_is_done_before_it_resolves", async () => {
  const { clock, rows, done, deadlines } = fixture();
  rows.push(clock.now() - 1_000_000);
  await deadlines.start();
  assert.equal(done.length, 1);
});

test("a_failure_is_tried_again_and_nothing_is_lost", async () => {
  const { clock, done, deadlines, write, fail } = fixture();
  await deadlines.start();
  fail(2);
  write(100);
  await clock.advance(150);
  assert.equal(done.length, 0);
  await clock.advance(2_100);
  assert.equal(done.length, 1);
});

test("a_deadline_beyond_one_timers_length_is_met", async () => {
  const { clock, done, deadlines, write } = fixture();
  await deadlines.start();
  write(3 * 3_600_000 + 50);
  await clock.advance(3 * 3_600_000);
  assert.equal(done.length, 0);
  await clock.advance(100);
  assert.equal(done.length, 1);
});

test("nothing_fires_once_it_is_closed", async () => {
  const { clock, done, deadlines, write } = fixture();
  await deadlines.start();
  write(100);
  await deadlines.close();
  await clock.advance(1_000);
  assert.equal(done.length, 0);
});

test("a_clock_that_is_set_ahead_and_back_moves_no_deadline", async () => {
  const ten_years_ms = 315_360_000_000;
  const { clock, done, deadlines, write } = fixture();
  await deadlines.start();
  write(5_000);
  clock.set(ten_years_ms);
  await clock.advance(1_100);
  assert.equal(done.length, 0, "nobody is thrown out by it");
  write(5_000);
  clock.set(-ten_years_ms);
  await clock.advance(3_000);
  assert.equal(done.length, 0);
  await clock.advance(1_000);
  assert.equal(done.length, 1);
  await clock.advance(1_200);
  assert.equal(done.length, 2);
  await deadlines.close();
});
