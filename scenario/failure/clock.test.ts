// The machine's clock is set ten years ahead and back under a whole server: libfaketime gives it another wall clock, its
// monotonic one goes on (F16 of the reliability list).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { chromium_offer } from "../../server/test/offers.ts";
import { startParley, until } from "../harness/parley.ts";

const { stdout } = spawnSync("faketime", ["-f", "+0", "printenv", "LD_PRELOAD"], {
  encoding: "utf8",
});
// The one for programs with threads stands beside the one that faketime itself takes.
const library = (stdout ?? "").trim().replace(/libfaketime\.so/, "libfaketimeMT.so");
const timeout_s = 20;
// As long as a join may take to connect (domain/conference/limits).
const connect_timeout_s = 30;
// How late a loaded machine may be.
const late_s = 20;

test("a_clock_set_ten_years_ahead_and_back_ends_nothing_early_and_nothing_late", {
  skip: library === "" ? "needs faketime: tools/setup-system installs it" : false,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "parley-clock-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const stamp = join(folder, "stamp");
  const set = (offset: string): void => {
    // Moved into place, so that it is never read half written.
    writeFileSync(`${stamp}.new`, `${offset}\n`);
    renameSync(`${stamp}.new`, stamp);
  };
  set("+0");
  const parley = await startParley({
    PARLEY_MEDIA_WORKER_COUNT: "1",
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: stamp,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  });
  t.after(() => parley.stop());
  const ask = async (token: string, path: string, body?: object, type = "application/json") => {
    const reply = await fetch(`${parley.url}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": type },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const read = (await reply.json()) as { error?: { reason: string } } & Record<string, unknown>;
    return { status: reply.status, reason: read.error?.reason, read };
  };
  const seconds = (): number => performance.now() / 1000;
  const create = async (token: string, timeout: number) => {
    const from_s = seconds();
    const made = await ask(token, "/v1.0/conferences", { type: "conference", timeout });
    assert.equal(made.status, 200, JSON.stringify(made.read));
    return { from_s, id: String(made.read["id"]) };
  };
  const seesItself = async (token: string) => (await ask(token, "/v1.0/customer")).reason ?? "good";

  const first = await create(parley.token, timeout_s);
  const other = await create(parley.token, 0);
  const link = await parley.link(other.id, "Ada");
  const joined_s = seconds();
  const joining = await fetch(`${parley.url}/v1.0/conferences/${other.id}/conferencecalls`, {
    method: "POST",
    headers: { authorization: `Bearer ${link.token}`, "content-type": "application/sdp" },
    body: chromium_offer,
  });
  assert.equal(joining.status, 201);
  const call = joining.headers.get("location") ?? "";

  set("+10y");
  await until("the token of before has run out", async () => {
    return (await seesItself(parley.token)) === "TOKEN_EXPIRED";
  });
  const login = await fetch(`${parley.url}/auth/login`, {
    method: "POST",
    body: JSON.stringify({ username: "admin", password: "correct horse battery staple" }),
  });
  const { token: ahead } = (await login.json()) as { token: string };
  assert.equal(await seesItself(ahead), "good");
  const second = await create(ahead, timeout_s);
  const status = async (id: string, token = parley.token) =>
    (await ask(token, `/v1.0/conferences/${id}`)).read["status"];
  // Longer than a step goes unnoticed.
  await delay(2_500);
  assert.equal(await status(first.id, ahead), "progressing");
  assert.equal(await status(second.id, ahead), "progressing");
  assert.ok(seconds() - first.from_s < timeout_s, "the machine was too slow for this test");

  set("+0");
  await until("the token of before is good again", async () => {
    return (await seesItself(parley.token)) === "good";
  });
  await until(
    "the token of the time ahead is not",
    async () => (await seesItself(ahead)) === "TOKEN_EXPIRED",
    20_000,
  );
  for (const { id, from_s } of [first, second]) {
    const left_s = from_s + timeout_s - seconds() + late_s;
    await until("it ends", async () => (await status(id)) === "terminated", left_s * 1000);
    assert.ok(seconds() - from_s >= timeout_s, "it ended early");
  }
  await until(
    "who never connected has left",
    async () => (await ask(parley.token, call)).read["status"] === "leaved",
    (joined_s + connect_timeout_s - seconds() + late_s) * 1000,
  );
  assert.ok(seconds() - joined_s >= connect_timeout_s, "it left early");
  for (const { id } of [first, second]) {
    const { read } = await ask(parley.token, `/v1.0/conferences/${id}/events?after=0`);
    const events = read["result"] as { tm: string; seq: number }[];
    const times = events.map(({ tm }) => tm);
    assert.ok(times.length >= 2);
    assert.deepEqual(times, times.toSorted(), "the history goes forward");
  }
});
