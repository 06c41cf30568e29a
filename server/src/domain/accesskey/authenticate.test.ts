import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock, type ManualClock } from "../../kernel/clock.ts";
import type { AccesskeyId, CustomerId } from "../../kernel/id.ts";
import { problems } from "../../kernel/problem.ts";
import { createAuthenticator } from "./authenticate.ts";
import type { AccesskeyRow } from "./record.ts";

const row: AccesskeyRow = {
  id: "k" as AccesskeyId,
  customer_id: "c" as CustomerId,
  name: "",
  detail: "",
  token_hash: "",
  token_prefix: "",
  tm_expire: Number.MAX_SAFE_INTEGER,
  tm_create: 0,
  tm_update: null,
  tm_delete: null,
};
const key = "vb_something";

// Access keys whose look-ups end when the test says so.
function rig(clock: ManualClock = createManualClock()) {
  const lookups: PromiseWithResolvers<AccesskeyRow | null>[] = [];
  const refuse = async (): Promise<never> => {
    throw problems.INVALID_CREDENTIALS();
  };
  const authenticator = createAuthenticator({
    clock,
    tokens: { verify: refuse },
    customers: { callerOf: refuse },
    accesskeys: {
      find() {
        const lookup = Promise.withResolvers<AccesskeyRow | null>();
        lookups.push(lookup);
        return lookup.promise;
      },
    },
    revocations: {
      find: () => null,
      revoke: async () => undefined,
      onRevoked: () => () => undefined,
    },
    query_tokens: true,
  });
  const judged = async (): Promise<void> => {
    const asked = authenticator.authenticate(key);
    lookups.at(-1)?.resolve(row);
    await asked;
  };
  return { clock, lookups, authenticator, judged };
}

test("all_who_ask_at_the_same_time_share_one_look_up", async () => {
  const { lookups, authenticator } = rig();
  const asked = Array.from({ length: 100 }, () => authenticator.authenticate(key));
  assert.equal(lookups.length, 1);
  lookups[0]?.resolve(row);
  for (const caller of await Promise.all(asked)) assert.equal(caller.customer_id, "c");
  assert.ok(authenticator.known(key));
});

test("a_busy_credential_is_judged_anew_while_it_is_still_known", async () => {
  const { clock, lookups, authenticator, judged } = rig();
  await judged();
  for (let seconds = 0; seconds < 60; seconds += 1) {
    await clock.advance(1_000);
    assert.ok(authenticator.known(key), `unknown after ${seconds + 1} s`);
    lookups.at(-1)?.resolve(row);
  }
  assert.ok(lookups.length >= 10 && lookups.length <= 13, `${lookups.length} look-ups in 60 s`);
});

test("a_credential_that_ended_elsewhere_is_unknown_once_it_was_judged_anew", async () => {
  const { clock, lookups, authenticator, judged } = rig();
  await judged();
  await clock.advance(6_000);
  assert.ok(authenticator.known(key));
  lookups.at(-1)?.resolve(null);
  await clock.advance(0);
  assert.equal(authenticator.known(key), null);
});

test("while_the_database_is_away_a_caller_is_known_no_longer_than_promised", async () => {
  const { clock, lookups, authenticator, judged } = rig();
  await judged();
  await clock.advance(6_000);
  assert.ok(authenticator.known(key));
  lookups.at(-1)?.reject(problems.SERVICE_UNAVAILABLE());
  await clock.advance(0);
  assert.ok(authenticator.known(key));
  await clock.advance(4_000);
  assert.equal(authenticator.known(key), null);
});

test("a_key_that_is_forgotten_while_it_is_looked_up_is_not_remembered", async () => {
  const { lookups, authenticator } = rig();
  const asked = authenticator.authenticate(key);
  authenticator.forget("k");
  const again = authenticator.authenticate(key);
  assert.equal(lookups.length, 2, "who asks later gets a look-up of their own");
  lookups[0]?.resolve(row);
  await asked;
  assert.equal(authenticator.known(key), null);
  lookups[1]?.resolve(null);
  await assert.rejects(again, { reason: "INVALID_CREDENTIALS" });
});

test("a_wall_clock_that_steps_keeps_no_caller_longer_and_ends_none_that_is_good", async () => {
  let step_us = 0;
  const base = createManualClock();
  const clock = { ...base, now: () => base.now() + step_us };
  const { lookups, authenticator } = rig(clock);
  const asked = authenticator.authenticate(key);
  lookups[0]?.resolve(row);
  await asked;
  step_us = -315_360_000_000_000;
  await base.advance(4_000);
  assert.ok(authenticator.known(key), "still good after a step back");
  await base.advance(6_000);
  assert.equal(authenticator.known(key), null, "and no longer than promised");
});

test("a_caller_whose_credential_has_expired_by_the_clock_of_now_is_not_known", async () => {
  let step_us = 0;
  const base = createManualClock();
  const { lookups, authenticator } = rig({ ...base, now: () => base.now() + step_us });
  const asked = authenticator.authenticate(key);
  lookups[0]?.resolve({ ...row, tm_expire: base.now() + 60_000_000 });
  await asked;
  assert.ok(authenticator.known(key));
  step_us = 315_360_000_000_000;
  assert.equal(authenticator.known(key), null);
});
