// Logging in: few at a time, slower after wrong passwords, and nothing learnt about others.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Clock, createManualClock, createSystemClock } from "../src/kernel/clock.ts";
import { type Reply, type Rest, startRest } from "./rest.ts";

const password = "correct horse battery staple";
let rest: Rest;
let clock: Clock;
let moved_ms = 0;
before(async () => {
  const base = createSystemClock();
  // Delays pass when a test says so.
  clock = { ...base, monotonic_ms: () => 1_000_000 + moved_ms };
  rest = await startRest({
    clock,
    env: {
      PARLEY_HTTP_TRUSTED_PROXIES: "127.0.0.1",
      PARLEY_LIMITS_AUTH_RATE: "0",
      PARLEY_LIMITS_AGENTS_MAX: "4",
    },
  });
});
after(() => rest?.close());

const from = (address: string, username: string, given = password, more = {}): Promise<Reply> =>
  rest.ask("POST", "/auth/login", {
    body: { username, password: given, ...more },
    token: null,
    headers: { "x-forwarded-for": address },
  });
const makeAgent = (token: string, username: string, given = password) =>
  rest.ask("POST", "/v1.0/agents", { body: { username, password: given, permission: 32 }, token });

test("wrong_passwords_are_slowed_down_by_name_from_whatever_address_they_come", async () => {
  const admin = await rest.otherCustomer("slow-customer");
  assert.equal((await makeAgent(admin, "owner")).status, 201);
  assert.equal((await from("192.0.2.1", "owner")).status, 200, "the owner's own place");
  for (const name of ["owner", "nobody-at-all"]) {
    const answers: string[] = [];
    for (let count = 0; count < 8; count += 1) {
      const reply = await from(`198.51.100.${count}`, name, `guess ${count} of a password`);
      answers.push(`${reply.status} ${reply.body.error.reason}`);
      if (reply.status === 429) {
        assert.ok(Number(reply.headers.get("retry-after")) >= 1);
        assert.equal(reply.body.error.details[0].limited_by, "username");
      }
    }
    assert.deepEqual(
      answers,
      [
        ...Array.from({ length: 5 }, () => "401 INVALID_CREDENTIALS"),
        ...Array.from({ length: 3 }, () => "429 RATE_LIMIT_EXCEEDED"),
      ],
      name,
    );
  }
  assert.equal((await from("192.0.2.1", "owner")).status, 200, "from where they logged in before");
  assert.equal((await from("203.0.113.9", "owner")).status, 429, "from elsewhere, later");
  moved_ms += 60_000;
  assert.equal((await from("203.0.113.9", "owner")).status, 200, "and never locked out");
});

test("a_known_place_is_slowed_down_by_itself_too", async () => {
  const admin = await rest.otherCustomer("known-customer");
  await makeAgent(admin, "known");
  await from("192.0.2.2", "known");
  const statuses = [];
  for (let count = 0; count < 7; count += 1) {
    statuses.push((await from("192.0.2.2", "known", `guess ${count} again`)).status);
  }
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429]);
});

test("the_known_place_is_still_known_after_a_restart", async () => {
  const again = await startRest({
    clock: createManualClock(Math.round(clock.now())),
    store: { ...rest.store, close: async () => undefined },
    env: { PARLEY_HTTP_TRUSTED_PROXIES: "127.0.0.1", PARLEY_LIMITS_AUTH_RATE: "0" },
  });
  const ask = (address: string, given: string) =>
    again.ask("POST", "/auth/login", {
      body: { username: "owner", password: given },
      token: null,
      headers: { "x-forwarded-for": address },
    });
  for (let count = 0; count < 6; count += 1) await ask("198.51.100.1", "a wrong password");
  assert.equal((await ask("198.51.100.2", password)).status, 429);
  assert.equal((await ask("192.0.2.1", password)).status, 200);
  await again.close();
});

test("two_hundred_log_ins_at_once_are_let_through_a_few_at_a_time_and_others_are_answered_meanwhile", async () => {
  const path = "/v1.0/customer";
  await rest.ask("GET", path);
  const storm = Array.from({ length: 200 }, (_, count) =>
    from(`203.0.113.${count % 200}`, `storm-${count}`, "a wrong password"),
  );
  const times: number[] = [];
  for (let count = 0; count < 30; count += 1) {
    const began = performance.now();
    assert.equal((await rest.ask("GET", path)).status, 200);
    times.push(performance.now() - began);
  }
  const replies = await Promise.all(storm);
  const busy = replies.filter(({ status }) => status === 429);
  assert.ok(busy.length > 0);
  for (const { headers, body } of busy) {
    assert.ok(Number(headers.get("retry-after")) >= 1);
    assert.equal(body.error.reason, "RATE_LIMIT_EXCEEDED");
  }
  assert.equal(replies.filter(({ status }) => status === 401).length, 200 - busy.length);
  times.sort((a, b) => a - b);
  assert.ok((times[15] ?? 0) < 500, `half of the others' requests took ${times[15]} ms`);
});

test("a_user_name_of_another_customer_is_free_and_nothing_tells_that_it_is_taken_there", async () => {
  const [one, two] = [await rest.otherCustomer("first-co"), await rest.otherCustomer("second-co")];
  const same = { first: "a password of the first", second: "a password of the second" };
  const [made, other] = [
    await makeAgent(one, "bob", same.first),
    await makeAgent(two, "bob", same.second),
  ];
  assert.deepEqual([made.status, other.status], [201, 201]);
  assert.deepEqual(Object.keys(made.body), Object.keys(other.body));
  assert.equal((await makeAgent(two, "bob", same.second)).body.error.reason, "USERNAME_TAKEN");
  for (const [secret, id] of [
    [same.first, made.body.customer_id],
    [same.second, other.body.customer_id],
  ]) {
    const { body } = await from("192.0.2.3", "bob", secret);
    const own = await rest.ask("GET", "/v1.0/customer", { token: body.token });
    assert.equal(own.body.id, id, "each is let into their own customer");
    assert.equal((await from("192.0.2.3", "bob", secret, { customer_id: id })).status, 200);
  }
  assert.equal(
    (await from("192.0.2.3", "bob", same.first, { customer_id: other.body.customer_id })).status,
    401,
  );
});

test("whoever_gives_somebody_elses_name_and_password_to_a_person_of_theirs_gets_their_own", async () => {
  const [one, two] = [await rest.otherCustomer("third-co"), await rest.otherCustomer("fourth-co")];
  await makeAgent(one, "eve", "the very same password");
  const mine = await makeAgent(two, "eve", "the very same password");
  const { body } = await from("192.0.2.4", "eve", "the very same password");
  const own = await rest.ask("GET", "/v1.0/customer", { token: body.token });
  assert.equal(own.body.id, mine.body.customer_id);
});

test("an_agent_of_the_administrators_name_elsewhere_is_no_administrator", async () => {
  const one = await rest.otherCustomer("fifth-co");
  assert.equal((await makeAgent(one, "admin", "a password of their own")).status, 201);
  const again = await startRest({ store: { ...rest.store, close: async () => undefined } });
  assert.equal((await again.ask("GET", "/v1.0/customers")).status, 200);
  await again.close();
  const login = await from("192.0.2.5", "admin", "a password of their own");
  const seen = await rest.ask("GET", "/v1.0/customers", { token: login.body.token });
  assert.equal(seen.status, 403);
});

test("a_customer_has_so_many_people_who_log_in_and_is_told_when_it_is_full", async () => {
  const one = await rest.otherCustomer("full-co");
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await makeAgent(one, `person-${count}`)).status, 201);
  }
  const over = await makeAgent(one, "one-too-many");
  assert.equal(over.status, 429);
  assert.equal(over.body.error.reason, "LIMIT_EXCEEDED");
});
