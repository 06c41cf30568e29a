import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, open, openSync, readFile, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { createManualClock, createSystemClock } from "../../kernel/clock.ts";
import { readConfig } from "../../kernel/config.ts";
import { Problem } from "../../kernel/problem.ts";
import { createHashing } from "./hashing.ts";
import { isSameLine, newRecipe } from "./password.ts";

const limitsOf = (env: Record<string, string> = {}) =>
  readConfig({ argv: [], env, file: () => null }).config.limits;
const somebody = { source: "192.0.2.1", name: "ann", is_known: false };
/** Threads of libuv's pool, where UV_THREADPOOL_SIZE says nothing else. */
const pool_size = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4);

test("a_password_is_hashed_while_every_thread_that_files_and_dns_need_is_taken", {
  skip: process.platform === "win32" ? "needs named pipes" : false,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "parley-pool-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const hashing = createHashing(createSystemClock(), limitsOf());
  const recipe = newRecipe();
  const line = await hashing.derive(somebody, "a password", recipe);
  // To open the reading end of a pipe takes a thread until somebody opens the writing end.
  const pipes = Array.from({ length: pool_size }, (_, at) => join(folder, `pipe-${at}`));
  assert.equal(spawnSync("mkfifo", pipes).status, 0);
  const readers = pipes.map((pipe) => promisify(open)(pipe, "r"));
  const order: string[] = [];
  const file = promisify(readFile)(import.meta.filename).then(() => order.push("file"));
  try {
    const again = await hashing.derive(somebody, "a password", recipe);
    order.push("password");
    assert.ok(isSameLine(line, again));
  } finally {
    for (const pipe of pipes) closeSync(openSync(pipe, "w"));
    for (const reader of readers) closeSync(await reader);
  }
  await file;
  assert.deepEqual(order, ["password", "file"], "the pool was taken all the while");
});

test("how_many_wait_of_an_address_of_a_name_and_in_all_is_the_operators_to_say", async () => {
  const hashing = createHashing(
    createSystemClock(),
    limitsOf({
      PARLEY_LIMITS_PASSWORD_CHECKS_WAITING_MAX: "3",
      PARLEY_LIMITS_PASSWORD_CHECKS_WAITING_PER_ADDRESS_MAX: "2",
      PARLEY_LIMITS_PASSWORD_CHECKS_WAITING_PER_USERNAME_MAX: "1",
    }),
  );
  const recipe = newRecipe();
  const ask = (source: string, name: string, is_known = false): Promise<string> =>
    hashing.derive({ source, name, is_known }, "a password", recipe).then(
      () => "hashed",
      (thrown: unknown) => {
        if (!(thrown instanceof Problem)) throw thrown;
        assert.equal(thrown.reason, "RATE_LIMIT_EXCEEDED");
        assert.ok((thrown.retry_after_s ?? 0) > 0);
        return String(thrown.details[0]?.["limited_by"]);
      },
    );
  const told = await Promise.all([
    // One is being hashed, the others wait behind it.
    ask("one", "a"),
    ask("one", "b"),
    ask("two", "b"),
    ask("one", "c"),
    ask("one", "d"),
    ask("two", "e"),
    ask("three", "f"),
    ask("three", "f", true),
  ]);
  assert.deepEqual(told, [
    "hashed",
    "hashed",
    "username",
    "hashed",
    "ip",
    "hashed",
    "server",
    "hashed",
  ]);
  assert.equal(await ask("three", "f"), "hashed", "places are given back");
});

test("so_many_as_are_allowed_are_hashed_side_by_side", async () => {
  const hashing = createHashing(
    createSystemClock(),
    limitsOf({ PARLEY_LIMITS_PASSWORD_CHECKS_MAX: "2" }),
  );
  const recipe = newRecipe();
  const lines = await Promise.all(
    Array.from({ length: 6 }, (_, at) =>
      hashing.derive({ ...somebody, name: `person-${at}` }, "a password", recipe),
    ),
  );
  assert.equal(new Set(lines).size, 1);
});

test("a_password_that_cannot_be_hashed_takes_no_place_from_the_next", async () => {
  const hashing = createHashing(createSystemClock(), limitsOf());
  const broken = newRecipe().replace("m=19456", "m=1");
  await assert.rejects(hashing.derive(somebody, "a password", broken));
  assert.ok(await hashing.derive(somebody, "a password", newRecipe()));
});

test("who_waits_too_long_is_told_to_come_again_and_takes_no_place", async () => {
  const clock = createManualClock();
  const hashing = createHashing(clock, limitsOf({ PARLEY_LIMITS_PASSWORD_CHECKS_WAIT_MS: "500" }));
  const recipe = newRecipe();
  const running = hashing.derive(somebody, "a password", recipe);
  const waiting = hashing.derive({ ...somebody, name: "bob" }, "a password", recipe);
  const refused = assert.rejects(
    waiting,
    (thrown) => thrown instanceof Problem && thrown.reason === "RATE_LIMIT_EXCEEDED",
  );
  await clock.advance(501);
  await refused;
  assert.ok(await running, "who had begun goes on");
  assert.ok(await hashing.derive({ ...somebody, name: "bob" }, "a password", recipe));
});
