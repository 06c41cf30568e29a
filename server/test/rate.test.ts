// Limits of rate over real HTTP, under a clock of the test.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createManualClock, type ManualClock } from "../src/kernel/clock.ts";
import { type Rest, startRest } from "./rest.ts";

let clock: ManualClock;
let rest: Rest;
before(async () => {
  clock = createManualClock();
  rest = await startRest({
    clock,
    env: { PARLEY_LIMITS_REST_RATE: "2", PARLEY_LIMITS_REST_BURST: "4" },
  });
});
after(() => rest.close());

test("log_ins_of_one_address_are_limited_and_told_when_to_come_back", async () => {
  await clock.advance(60_000);
  const ask = () => rest.ask("POST", "/auth/logout", { token: null });
  const statuses = await Promise.all(Array.from({ length: 21 }, async () => (await ask()).status));
  assert.equal(statuses.filter((status) => status === 200).length, 20);
  const refused = await ask();
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal(refused.body.error.status, "RESOURCE_EXHAUSTED");
  assert.equal(refused.body.error.reason, "RATE_LIMIT_EXCEEDED");
  assert.equal(refused.body.error.details[0].limited_by, "ip");
  await clock.advance(100);
  assert.equal((await ask()).status, 200, "ten a second");
});

test("requests_of_one_token_are_limited_and_another_callers_are_not_touched", async () => {
  await clock.advance(60_000);
  const token = await rest.otherCustomer("quiet");
  await clock.advance(60_000);
  const ask = (given?: string) =>
    rest.ask("GET", "/v1.0/conferences", given === undefined ? {} : { token: given });
  for (let count = 0; count < 4; count += 1) assert.equal((await ask()).status, 200);
  const refused = await ask();
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal(refused.body.error.details[0].limited_by, "customer");
  assert.equal((await ask(token)).status, 200);
  await clock.advance(500);
  assert.equal((await ask()).status, 200);
});

test("a_forwarded_address_counts_only_when_a_trusted_proxy_says_it", async () => {
  const ask = (one: Rest, address: string) =>
    one.ask("POST", "/auth/logout", {
      token: null,
      headers: { "x-forwarded-for": address, "x-forwarded-proto": "https" },
    });
  const flood = async (one: Rest) => {
    const replies = [];
    for (let count = 0; count < 21; count += 1) replies.push(await ask(one, `198.51.100.${count}`));
    return replies;
  };
  await clock.advance(60_000);
  const direct = await flood(rest);
  assert.equal(direct.at(-1)?.status, 429, "a stranger cannot choose an address");
  assert.doesNotMatch(direct[0]?.headers.get("set-cookie") ?? "", /Secure/);
  const behind = await startRest({
    clock,
    env: { PARLEY_HTTP_TRUSTED_PROXIES: "127.0.0.1" },
    store: { ...rest.store, close: async () => undefined },
  });
  const forwarded = await flood(behind);
  assert.equal(forwarded.at(-1)?.status, 200);
  assert.match(forwarded[0]?.headers.get("set-cookie") ?? "", /; Secure/);
  await behind.close();
});
