import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../../kernel/clock.ts";
import { readConfig } from "../../kernel/config.ts";
import { createGuesses } from "./guesses.ts";

const limitsOf = (env: Record<string, string> = {}) =>
  readConfig({ argv: [], env, file: () => null }).config.limits;
const limits = limitsOf();

test("wrong_passwords_wait_longer_and_longer_and_never_longer_than_a_minute", async () => {
  const clock = createManualClock();
  const guesses = createGuesses(clock, "seed", limits);
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
  await clock.advance(limits.password_forget_ms + 1);
  for (let tries = 0; tries < 5; tries += 1) assert.equal(guesses.take("ann"), 0);
});

test("many_tries_at_once_count_before_they_are_answered", () => {
  const guesses = createGuesses(createManualClock(), "seed", limits);
  const taken = Array.from({ length: 200 }, () => guesses.take("ann"));
  assert.equal(taken.filter((wait_s) => wait_s === 0).length, limits.password_guesses_free);
});

test("right_passwords_do_not_count", () => {
  const guesses = createGuesses(createManualClock(), "seed", limits);
  for (let tries = 0; tries < 50; tries += 1) {
    assert.equal(guesses.take("ann"), 0);
    guesses.undo("ann");
  }
});

test("how_soon_a_password_may_be_tried_again_is_the_operators_to_say", async () => {
  const clock = createManualClock();
  const strict = limitsOf({
    PARLEY_LIMITS_PASSWORD_GUESSES_FREE: "1",
    PARLEY_LIMITS_PASSWORD_DELAY_MS: "3000",
    PARLEY_LIMITS_PASSWORD_DELAY_MAX_MS: "9000",
    PARLEY_LIMITS_PASSWORD_FORGET_MS: "20000",
  });
  const guesses = createGuesses(clock, "seed", strict);
  assert.equal(guesses.take("ann"), 0);
  const waits: number[] = [];
  for (let tries = 0; tries < 3; tries += 1) {
    waits.push(guesses.take("ann"));
    await clock.advance((waits.at(-1) ?? 0) * 1000);
    assert.equal(guesses.take("ann"), 0);
  }
  assert.deepEqual(waits, [3, 6, 9]);
  await clock.advance(20_001);
  assert.equal(guesses.take("ann"), 0);
});
