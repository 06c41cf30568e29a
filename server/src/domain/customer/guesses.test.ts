import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../../kernel/clock.ts";
import { createGuesses, guess_limits } from "./guesses.ts";

test("wrong_passwords_wait_longer_and_longer_and_never_longer_than_a_minute", async () => {
  const clock = createManualClock();
  const guesses = createGuesses(clock, "seed");
  const waits: number[] = [];
  for (let tries = 0; tries < 5; tries += 1) assert.equal(guesses.take("ann"), 0);
  for (let tries = 0; tries < 10; tries += 1) {
    const wait_s = guesses.take("ann");
    waits.push(wait_s);
    await clock.advance(wait_s * 1000);
    assert.equal(guesses.take("ann"), 0, "after the wait it may be tried");
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
  assert.equal(guesses.take("bob"), 0);
  await clock.advance(guess_limits.forget_ms + 1);
  for (let tries = 0; tries < 5; tries += 1) assert.equal(guesses.take("ann"), 0);
});

test("many_tries_at_once_count_before_they_are_answered", () => {
  const guesses = createGuesses(createManualClock(), "seed");
  const taken = Array.from({ length: 200 }, () => guesses.take("ann"));
  assert.equal(taken.filter((wait_s) => wait_s === 0).length, guess_limits.free);
});

test("right_passwords_do_not_count", () => {
  const guesses = createGuesses(createManualClock(), "seed");
  for (let tries = 0; tries < 50; tries += 1) {
    assert.equal(guesses.take("ann"), 0);
    guesses.undo("ann");
  }
});
