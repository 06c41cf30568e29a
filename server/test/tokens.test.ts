// Tokens end when somebody ends them: by log-out, by a ban, by taking a link back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ConferencecallId, ConferenceId } from "../src/kernel/id.ts";
import { newJoin } from "./attendance.ts";
import { type Rest, startRest } from "./rest.ts";

const password = "correct horse battery staple";
let rest: Rest;
before(async () => {
  rest = await startRest({
    env: { PARLEY_LIMITS_HOST_JOIN_TOKENS_MAX: "3", PARLEY_LIMITS_JOIN_TOKENS_MAX: "6" },
  });
});
after(() => rest?.close());

const conference = async (): Promise<ConferenceId> =>
  (await rest.ask("POST", "/v1.0/conferences", { body: { type: "conference" } })).body.id;
const link = async (id: string, body: object = {}, token?: string) =>
  (
    await rest.ask("POST", `/v1.0/conferences/${id}/join_tokens`, {
      body,
      ...(token === undefined ? {} : { token }),
    })
  ).body;
const join = async (id: ConferenceId, token: string): Promise<ConferencecallId> => {
  const caller = await rest.authenticator.authenticate(token);
  assert.ok(caller.type === "participant");
  const { conferencecalls } = rest.conferences;
  const row = await conferencecalls.startJoining(
    caller,
    newJoin(rest.ids, id, { token_jti: caller.jti, role: caller.role }),
  );
  await conferencecalls.markJoined(row.id);
  return row.id;
};
const refused = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run;
  } catch (thrown) {
    return (thrown as { reason: string }).reason;
  }
  return "";
};
const read = async (id: string, token: string) => {
  const { status, body } = await rest.ask("GET", `/v1.0/conferences/${id}`, { token });
  return status === 200 ? "200" : body.error.reason;
};
const kick = (id: string, token: string, query = "") =>
  rest.ask("DELETE", `/v1.0/conferencecalls/${id}${query}`, { token });
const takeBack = (id: string, token_id: string, token = rest.token) =>
  rest.ask("DELETE", `/v1.0/conferences/${id}/join_tokens/${token_id}`, { token });

test("after_log_out_the_token_counts_no_more_wherever_it_stood", async () => {
  for (const place of ["header", "cookie", "query"]) {
    const login = { username: "admin", password };
    const { token } = (await rest.ask("POST", "/auth/login", { body: login, token: null })).body;
    const other = (await rest.ask("POST", "/auth/login", { body: login, token: null })).body.token;
    assert.equal((await rest.ask("GET", "/v1.0/customer", { token })).status, 200);
    const headers: Record<string, string> =
      place === "header"
        ? { authorization: `Bearer ${token}` }
        : place === "cookie"
          ? { cookie: `token=${token}` }
          : {};
    const path = place === "query" ? `/auth/logout?token=${token}` : "/auth/logout";
    const done = await rest.ask("POST", path, { token: null, headers });
    assert.equal(done.status, 200);
    assert.match(done.headers.get("set-cookie") ?? "", /^token=; .*Max-Age=0/);
    const late = await rest.ask("GET", "/v1.0/customer", { token });
    assert.equal(late.status, 401, place);
    assert.equal(late.body.error.reason, "TOKEN_REVOKED");
    assert.equal((await rest.ask("GET", "/v1.0/customer", { token: other })).status, 200);
    assert.equal((await rest.ask("POST", path, { token: null, headers })).status, 200, "again");
  }
});

test("a_log_out_without_a_token_or_with_a_bad_one_or_a_link_ends_nothing", async () => {
  const id = await conference();
  const { token } = await link(id);
  for (const given of [null, "nonsense", token]) {
    assert.equal((await rest.ask("POST", "/auth/logout", { token: given })).status, 200);
  }
  assert.equal(await read(id, token), "200");
});

test("who_is_kicked_does_not_come_back_with_the_same_join_token", async () => {
  const id = await conference();
  const host = (await link(id, { role: "host" })).token;
  const guest = (await link(id)).token;
  const call = await join(id, guest);
  assert.equal((await kick(call, host)).status, 200);
  assert.equal(await read(id, guest), "TOKEN_REVOKED");
  assert.equal(await refused(join(id, guest)), "TOKEN_REVOKED");
  assert.equal(await read(id, host), "200");
  const customers = (await link(id)).token;
  assert.equal((await kick(await join(id, customers), rest.token)).status, 200);
  assert.equal(await refused(join(id, customers)), "TOKEN_REVOKED", "by the customer, too");
});

test("a_kick_without_a_ban_lets_them_come_back_and_a_later_one_with_it_does_not", async () => {
  const id = await conference();
  const guest = (await link(id)).token;
  const call = await join(id, guest);
  assert.equal((await kick(call, rest.token, "?ban=false")).status, 200);
  await join(id, guest);
  assert.equal((await kick(call, rest.token)).status, 200, "of a join that is over");
  assert.equal(await refused(join(id, guest)), "TOKEN_REVOKED");
});

test("who_shares_a_link_with_somebody_who_is_kicked_stays_and_the_link_lets_in_nobody_more", async () => {
  const id = await conference();
  const shared = (await link(id, { max_joins: 10 })).token;
  const [one, other] = [await join(id, shared), await join(id, shared)];
  await kick(one, rest.token);
  const { conferencecalls } = rest.conferences;
  assert.equal((await conferencecalls.row(other))?.status, "joined");
  assert.equal(await read(id, shared), "200");
  assert.equal(await refused(join(id, shared)), "TOKEN_REVOKED");
  await conferencecalls.leave(other, "left");
  while ((await read(id, shared)) === "200") await new Promise((done) => setImmediate(done));
  assert.equal(await read(id, shared), "TOKEN_REVOKED", "once nobody is in with it");
});

test("a_kicked_host_takes_every_join_of_their_link_and_their_unused_links_with_them", async () => {
  const id = await conference();
  const host = (await link(id, { role: "host" })).token;
  const second = (await link(id, { role: "host" }, host)).token;
  const used = (await link(id, {}, host)).token;
  const [first, twin, invited] = [await join(id, host), await join(id, host), await join(id, used)];
  await kick(first, rest.token);
  const { conferencecalls } = rest.conferences;
  assert.notEqual((await conferencecalls.row(twin))?.status, "joined");
  assert.equal((await conferencecalls.row(invited))?.status, "joined");
  assert.equal(await read(id, host), "TOKEN_REVOKED");
  assert.equal(await read(id, second), "TOKEN_REVOKED");
  assert.equal(await read(id, used), "200");
});

test("a_join_that_was_let_in_before_the_ban_does_not_slip_through_it", async () => {
  const id = await conference();
  const guest = (await link(id)).token;
  const call = await join(id, guest);
  const caller = await rest.authenticator.authenticate(guest);
  assert.ok(caller.type === "participant");
  const { conferencecalls } = rest.conferences;
  const tries = Array.from({ length: 4 }, () =>
    refused(conferencecalls.startJoining(caller, newJoin(rest.ids, id, { token_jti: caller.jti }))),
  );
  const kicked = kick(call, rest.token);
  tries.push(
    ...Array.from({ length: 4 }, () =>
      refused(
        conferencecalls.startJoining(caller, newJoin(rest.ids, id, { token_jti: caller.jti })),
      ),
    ),
  );
  const before = await Promise.all(tries.slice(0, 4));
  const after_it = await Promise.all(tries.slice(4));
  await kicked;
  for (const answer of [...before, ...after_it]) assert.match(answer, /^(TOKEN_REVOKED)?$/);
  assert.equal(
    await refused(
      conferencecalls.startJoining(caller, newJoin(rest.ids, id, { token_jti: caller.jti })),
    ),
    "TOKEN_REVOKED",
  );
});

test("a_join_token_is_listed_and_taken_back_and_who_is_in_with_it_is_removed", async () => {
  const id = await conference();
  const made = await link(id, { name: "Ann", role: "listener", label: "x" });
  assert.match(made.id, /^[0-9a-f-]{36}$/);
  const list = async () =>
    (await rest.ask("GET", `/v1.0/conferences/${id}/join_tokens`)).body.result;
  const [shown] = await list();
  const { token, url: _, ...rest_of } = made;
  assert.deepEqual(shown, rest_of);
  const call = await join(id, token);
  const gone = await takeBack(id, made.id);
  assert.equal(gone.status, 200);
  assert.deepEqual(gone.body, rest_of);
  assert.deepEqual(await list(), []);
  assert.equal(await read(id, token), "TOKEN_REVOKED");
  assert.notEqual((await rest.conferences.conferencecalls.row(call))?.status, "joined");
  assert.equal((await takeBack(id, made.id)).status, 200, "again");
  assert.equal((await takeBack(id, rest.ids.next())).body.error.reason, "JOIN_TOKEN_NOT_FOUND");
  const stranger = await rest.otherCustomer(`stranger-${made.id}`);
  assert.equal((await takeBack(id, made.id, stranger)).body.error.reason, "CONFERENCE_NOT_FOUND");
});

test("what_was_taken_back_stays_so_after_a_restart", async () => {
  const id = await conference();
  const { token, id: token_id } = await link(id);
  await takeBack(id, token_id);
  const again = await startRest({ store: { ...rest.store, close: async () => undefined } });
  const late = await again.ask("GET", `/v1.0/conferences/${id}`, { token });
  assert.equal(late.body.error.reason, "TOKEN_REVOKED");
  await again.close();
});

test("one_token_makes_five_joins_at_a_time_unless_it_says_otherwise", async () => {
  const id = await conference();
  const { token } = await link(id, { role: "listener" });
  const calls = [];
  for (let count = 0; count < 5; count += 1) calls.push(await join(id, token));
  assert.equal(await refused(join(id, token)), "JOIN_TOKEN_IN_USE");
  await rest.conferences.conferencecalls.leave(calls[0] as ConferencecallId, "left");
  await join(id, token);
  const one = (await link(id, { max_joins: 1 })).token;
  await join(id, one);
  assert.equal(await refused(join(id, one)), "JOIN_TOKEN_IN_USE");
});

test("who_reloads_takes_the_place_of_their_own_join_that_is_away", async () => {
  const id = await conference();
  const { token } = await link(id, { max_joins: 1 });
  const old = await join(id, token);
  const { conferencecalls } = rest.conferences;
  await conferencecalls.setDeadline(old, rest.clock.now() + 20_000_000, "vanished");
  await join(id, token);
  assert.equal((await conferencecalls.row(old))?.leave_reason, "vanished");
});

test("a_host_makes_links_of_no_higher_role_no_longer_and_not_without_end", async () => {
  const id = await conference();
  const host = await link(id, { role: "host", expires_in: 600 });
  const ask = (body: object, token = host.token) =>
    rest.ask("POST", `/v1.0/conferences/${id}/join_tokens`, { body, token });
  const long = await ask({ role: "host", expires_in: 86_400, max_joins: 25 });
  assert.equal(long.status, 200);
  assert.ok(long.body.tm_expire <= host.tm_expire);
  assert.equal((await ask({ max_joins: 26 })).body.error.details[0].field, "max_joins");
  await ask({});
  await ask({ role: "listener" });
  const over = await ask({});
  assert.equal(over.status, 429);
  assert.equal(over.body.error.reason, "LIMIT_EXCEEDED");
  const member = (await link(id)).token;
  assert.equal((await ask({}, member)).status, 403);
  assert.equal((await takeBack(id, host.id, host.token)).status, 404, "not one of theirs");
  assert.equal((await takeBack(id, long.body.id, host.token)).status, 200);
  const seen = await rest.ask("GET", `/v1.0/conferences/${id}/join_tokens`, { token: host.token });
  assert.equal(seen.body.result.length, 2);
});

test("a_conference_has_so_many_good_links_and_says_when_it_is_full", async () => {
  const id = await conference();
  for (let count = 0; count < 6; count += 1) await link(id);
  const over = await rest.ask("POST", `/v1.0/conferences/${id}/join_tokens`, { body: {} });
  assert.equal(over.body.error.reason, "LIMIT_EXCEEDED");
});
