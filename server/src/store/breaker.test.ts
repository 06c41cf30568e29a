import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../kernel/clock.ts";
import { silentLog } from "../kernel/log.ts";
import { createBreaker, DatabaseSilent } from "./breaker.ts";

function stage() {
  const clock = createManualClock();
  let probes = 0;
  let answers = false;
  let speaks = false;
  const breaker = createBreaker({
    clock,
    log: silentLog(),
    limits: {
      database_silent_ms: 400,
      database_look_ms: 50,
      database_probe_interval_ms: 200,
    },
    hasSpoken: () => speaks,
    probe: async () => {
      probes += 1;
      if (!answers) throw new Error("no answer");
    },
  });
  breaker.arm();
  return {
    clock,
    breaker,
    probes: () => probes,
    heal: () => {
      answers = true;
    },
    speak: (on: boolean) => {
      speaks = on;
    },
  };
}
const never = () => new Promise<void>(() => undefined);

test("a_silent_database_is_told_to_all_who_wait_and_at_once_to_who_comes_and_is_back_by_itself", async () => {
  const { clock, breaker, heal, probes } = stage();
  const waits = Array.from({ length: 20 }, () =>
    assert.rejects(breaker.wait(never), DatabaseSilent),
  );
  await clock.advance(450);
  await Promise.all(waits);
  await assert.rejects(
    breaker.wait(async () => assert.fail("it was asked")),
    DatabaseSilent,
  );
  await clock.advance(2_000);
  assert.ok(probes() > 5);
  await assert.rejects(breaker.wait(never), DatabaseSilent);
  heal();
  await clock.advance(250);
  assert.equal(await breaker.wait(async () => 7), 7);
  breaker.close();
});

test("a_slow_database_is_not_a_silent_one_and_one_long_statement_among_others_waits", async () => {
  const { clock, breaker } = stage();
  const slow = (duration_ms: number) => breaker.wait(() => clock.sleep(duration_ms));
  const long = slow(3_000);
  for (let turn = 0; turn < 10; turn += 1) {
    const one = slow(300);
    await clock.advance(300);
    await one;
  }
  await clock.advance(300);
  await long;
  breaker.close();
});

test("statements_that_wait_for_a_lock_are_waited_for_while_the_database_answers_others", async () => {
  const { clock, breaker, heal } = stage();
  heal();
  const long = breaker.wait(() => clock.sleep(5_000));
  await clock.advance(5_000);
  await long;
  breaker.close();
});

test("what_comes_after_all_is_given_back", async () => {
  const { clock, breaker } = stage();
  const asked = Promise.withResolvers<string>();
  const late: string[] = [];
  const waits = assert.rejects(
    breaker.wait(
      () => asked.promise,
      (result) => late.push(result),
    ),
    DatabaseSilent,
  );
  await clock.advance(450);
  await waits;
  asked.resolve("a connection");
  await clock.advance(0);
  assert.deepEqual(late, ["a connection"]);
  breaker.close();
});

test("a_connection_that_takes_long_to_stand_is_waited_for_while_bytes_come", async () => {
  const { clock, breaker, speak } = stage();
  let is_over = false;
  const connecting = breaker.wait(() => clock.sleep(1_200)).then(() => (is_over = true));
  for (let turn = 0; turn < 4; turn += 1) {
    speak(true);
    await clock.advance(50);
    speak(false);
    await clock.advance(250);
  }
  await connecting;
  assert.ok(is_over);
  breaker.close();
});
