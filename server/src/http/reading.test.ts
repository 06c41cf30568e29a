import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../kernel/clock.ts";
import { limits } from "../kernel/limits.ts";
import { Problem } from "../kernel/problem.ts";
import { createReading } from "./reading.ts";

const places = (all: number, of_customer: number) => ({
  http_reading_bytes_max: all * limits.list_bytes_max,
  http_reading_bytes_per_customer_max: of_customer * limits.list_bytes_max,
});
const turn = () => new Promise((done) => setImmediate(done));

test("as_many_lists_are_read_as_there_is_room_for_and_one_customer_leaves_room_for_others", async () => {
  const reading = createReading({ clock: createManualClock(), limits: places(3, 2) });
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const begin = (name: string): void => {
    void reading.begin(name.slice(0, 1)).then((end) => {
      begun.push(name);
      ends.set(name, end);
    });
  };
  for (const name of ["a1", "a2", "a3", "a4", "b1", "b2"]) begin(name);
  await turn();
  assert.deepEqual(begun, ["a1", "a2", "b1"]);
  ends.get("a1")?.();
  ends.get("a1")?.();
  await turn();
  assert.deepEqual(begun.slice(3), ["a3"], "a place is given back once, and the oldest takes it");
  ends.get("a2")?.();
  ends.get("a3")?.();
  await turn();
  assert.deepEqual(begun.slice(4), ["a4", "b2"]);
});

test("who_waits_too_long_or_among_too_many_is_refused_and_takes_no_place", async () => {
  const clock = createManualClock();
  const reading = createReading({ clock, limits: places(1, 1) });
  const end = await reading.begin("a");
  const told = (waiting: Promise<unknown>): Promise<string> =>
    waiting.then(
      () => "read",
      (thrown: unknown) => {
        assert.ok(thrown instanceof Problem);
        assert.equal(thrown.retry_after_s, 1);
        return `${thrown.reason} ${thrown.details[0]?.["limited_by"]}`;
      },
    );
  const waiting = Array.from({ length: limits.reads_waiting_max }, () => told(reading.begin("a")));
  const other = told(reading.begin("b"));
  assert.equal(await told(reading.begin("a")), "RATE_LIMIT_EXCEEDED customer");
  await clock.advance(limits.read_wait_ms + 1);
  const refused = new Set(await Promise.all(waiting));
  assert.deepEqual([...refused], ["RATE_LIMIT_EXCEEDED customer"]);
  assert.equal(await other, "RATE_LIMIT_EXCEEDED server");
  end();
  assert.equal(await told(reading.begin("b")), "read");
});
