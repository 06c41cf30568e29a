import assert from "node:assert/strict";
import { test } from "node:test";
import { createIds, isUuid } from "./id.ts";

test("ids_rise_and_stay_unique_while_the_clock_stands_steps_ahead_and_back", () => {
  let now_ms = Date.UTC(2026, 0, 1);
  const ids = createIds(() => now_ms);
  const ten_years_ms = 315_360_000_000;
  const made: string[] = [];
  // More in one millisecond than its counter holds.
  for (const step_ms of [0, 1, ten_years_ms, -ten_years_ms, -1_000, 5, ten_years_ms * 2]) {
    now_ms += step_ms;
    for (let count = 0; count < 6_000; count += 1) made.push(ids.next());
  }
  assert.deepEqual(made.toSorted(), made, "each sorts after the one before");
  assert.equal(new Set(made).size, made.length);
  // RFC 9562 section 5.7: version 7, variant 0b10.
  for (const id of made) assert.ok(isUuid(id) && /^.{14}7.{4}[89ab]/.test(id), id);
});
