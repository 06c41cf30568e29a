// What a customer may have of each thing, and what is said when it is reached.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { talkRoom } from "../src/domain/conference/index.ts";
import { createTalk } from "../src/domain/talk/index.ts";
import { messageRoutes } from "../src/http/messages.ts";
import { type Reply, type Rest, startRest } from "./rest.ts";

let rest: Rest;
before(async () => {
  rest = await startRest({
    env: { PARLEY_LIMITS_ACCESSKEYS_MAX: "2", PARLEY_LIMITS_CONFERENCES_MAX: "3" },
    more_routes: (parts) =>
      messageRoutes({
        talk: createTalk({ ...parts, room: talkRoom, limits: { conference_messages_max: 3 } }),
      }),
  });
});
after(() => rest?.close());

const assertFull = ({ status, body }: Reply, limit: number): void => {
  assert.equal(status, 429);
  assert.equal(body.error.reason, "LIMIT_EXCEEDED");
  assert.equal(body.error.details[0].limit, limit);
};

test("a_customer_has_so_many_good_access_keys_and_may_replace_one", async () => {
  const make = () => rest.ask("POST", "/v1.0/accesskeys", { body: {} });
  const { id } = (await make()).body;
  await make();
  assertFull(await make(), 2);
  await rest.ask("DELETE", `/v1.0/accesskeys/${id}`);
  assert.equal((await make()).status, 200);
});

test("a_customer_has_so_many_conferences_that_have_not_ended_and_another_customer_has_theirs", async () => {
  const make = (token = rest.token) =>
    rest.ask("POST", "/v1.0/conferences", { body: { type: "conference" }, token });
  const ids: string[] = [];
  for (let count = 0; count < 3; count += 1) ids.push((await make()).body.id);
  assertFull(await make(), 3);
  assert.equal((await make(await rest.otherCustomer("another"))).status, 200);
  await rest.ask("DELETE", `/v1.0/conferences/${ids[0]}`);
  assert.equal((await make()).status, 200);
});

test("a_conference_has_so_many_messages_and_a_repeated_one_counts_once", async () => {
  const token = await rest.otherCustomer("talker");
  const { id } = (
    await rest.ask("POST", "/v1.0/conferences", { body: { type: "conference" }, token })
  ).body;
  const say = (client_id: string) =>
    rest.ask("POST", `/v1.0/conferences/${id}/messages`, {
      body: { text: "a word", client_id },
      token,
    });
  for (const client_id of ["one", "one", "one", "two", "three"]) {
    assert.equal((await say(client_id)).status, 200);
  }
  assertFull(await say("four"), 3);
  assert.equal((await say("three")).status, 200);
});

test("a_foreign_page_logs_nobody_out", async () => {
  const login = { username: "admin", password: "correct horse battery staple" };
  const { token } = (await rest.ask("POST", "/auth/login", { body: login, token: null })).body;
  const headers = {
    cookie: `token=${token}`,
    origin: "http://127.0.0.1:9",
    "sec-fetch-site": "same-site",
  };
  await rest.ask("POST", "/auth/logout", { token: null, headers });
  assert.equal((await rest.ask("GET", "/v1.0/customer", { token })).status, 200);
});
