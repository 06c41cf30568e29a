// The chat of a conference over real HTTP.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { talkRoom } from "../src/domain/conference/index.ts";
import { createTalk } from "../src/domain/talk/index.ts";
import { messageRoutes } from "../src/http/messages.ts";
import type { CallId, ConferencecallId, ConferenceId } from "../src/kernel/id.ts";
import { type Rest, startRest } from "./rest.ts";

const nil = "00000000-0000-0000-0000-000000000000";
const never = "9999-01-01 00:00:00.000000";

let rest: Rest;
before(async () => {
  rest = await startRest({
    more_routes: (parts) =>
      messageRoutes({
        talk: createTalk({ ...parts, room: talkRoom, limits: { conference_messages_max: 1_000 } }),
      }),
  });
});
after(() => rest.close());

const create = async (): Promise<ConferenceId> =>
  (await rest.ask("POST", "/v1.0/conferences", { body: { type: "conference" } })).body.id;

/** Somebody with a link, who is in the conference. */
const join = async (conference_id: ConferenceId, name: string, role = "member") => {
  const { token } = (
    await rest.ask("POST", `/v1.0/conferences/${conference_id}/join_tokens`, {
      body: { name, role },
    })
  ).body;
  const caller = await rest.authenticator.authenticate(token);
  assert.ok(caller.type === "participant");
  const id = rest.ids.next<ConferencecallId>();
  await rest.conferences.conferencecalls.startJoining(caller, {
    id,
    call_id: rest.ids.next<CallId>(),
    conference_id,
    name,
    role: caller.role,
    label: "",
    metadata: {},
    muted: false,
    camera: false,
    screen: false,
    token_jti: caller.jti,
    resume_hash: null,
  });
  await rest.conferences.conferencecalls.markJoined(id);
  return { id, token: token as string };
};

const write = (conference_id: string, body: object, token?: string) =>
  rest.ask("POST", `/v1.0/conferences/${conference_id}/messages`, {
    body,
    ...(token === undefined ? {} : { token }),
  });
const texts = async (conference_id: string, token?: string) =>
  (
    await rest.ask(
      "GET",
      `/v1.0/conferences/${conference_id}/messages`,
      token === undefined ? {} : { token },
    )
  ).body.result.map((message: { text: string }) => message.text);

test("a_message_is_shown_with_its_author_and_announced_in_the_journal", async () => {
  const conference_id = await create();
  const ada = await join(conference_id, "Ada");
  const { status, body } = await write(conference_id, { text: "Hello 👋" }, ada.token);
  assert.equal(status, 200);
  const { id, customer_id, tm_create, ...others } = body;
  assert.deepEqual(others, {
    conference_id,
    owner_type: "conferencecall",
    owner_id: ada.id,
    owner_name: "Ada",
    target_conferencecall_id: nil,
    type: "normal",
    text: "Hello 👋",
    medias: [],
    metadata: { reactions: [] },
    tm_update: never,
    tm_delete: never,
  });
  const [event] = (await rest.store.journal.read(conference_id, 0, 100)).slice(-1);
  assert.equal(event?.type, "conference_message_created");
  assert.deepEqual(event.data, body);
  assert.deepEqual(event.actor, { type: "conferencecall", id: ada.id });
  assert.ok(id && customer_id && tm_create);
});

test("the_customer_writes_and_reads_without_being_in_the_conference", async () => {
  const conference_id = await create();
  const { body } = await write(conference_id, { text: "from the office" });
  assert.equal(body.owner_type, "agent");
  assert.deepEqual(await texts(conference_id), ["from the office"]);
});

test("who_is_not_in_the_conference_reads_but_does_not_write", async () => {
  const conference_id = await create();
  await write(conference_id, { text: "hello" });
  const ada = await join(conference_id, "Ada");
  await rest.conferences.conferencecalls.leave(ada.id, "left");
  const { status, body } = await write(conference_id, { text: "still here" }, ada.token);
  assert.equal(status, 409);
  assert.equal(body.error.reason, "STATE_INVALID");
  assert.deepEqual(await texts(conference_id, ada.token), ["hello"]);
});

test("lists_are_newest_first_and_paged", async () => {
  const conference_id = await create();
  for (const text of ["1", "2", "3"]) await write(conference_id, { text });
  const path = `/v1.0/conferences/${conference_id}/messages?page_size=2`;
  const first = (await rest.ask("GET", path)).body;
  assert.deepEqual(
    first.result.map((message: { text: string }) => message.text),
    ["3", "2"],
  );
  const token = encodeURIComponent(first.next_page_token);
  const second = (await rest.ask("GET", `${path}&page_token=${token}`)).body;
  assert.deepEqual(
    second.result.map((message: { text: string }) => message.text),
    ["1"],
  );
  assert.equal(second.next_page_token, "");
});

test("a_message_sent_twice_under_one_client_id_is_one_message", async () => {
  const conference_id = await create();
  const both = await Promise.all([
    write(conference_id, { text: "once", client_id: "c-1" }),
    write(conference_id, { text: "once", client_id: "c-1" }),
  ]);
  assert.equal(both[0]?.body.id, both[1]?.body.id);
  assert.deepEqual(await texts(conference_id), ["once"]);
});

test("a_private_message_is_read_by_author_target_and_customer_only", async () => {
  const conference_id = await create();
  const [ada, bo, cy] = [
    await join(conference_id, "Ada"),
    await join(conference_id, "Bo"),
    await join(conference_id, "Cy", "host"),
  ];
  const { body } = await write(
    conference_id,
    { text: "psst", target_conferencecall_id: bo.id },
    ada.token,
  );
  assert.equal(body.target_conferencecall_id, bo.id);
  assert.deepEqual(await texts(conference_id, ada.token), ["psst"]);
  assert.deepEqual(await texts(conference_id, bo.token), ["psst"]);
  assert.deepEqual(await texts(conference_id), ["psst"]);
  assert.deepEqual(await texts(conference_id, cy.token), []);
  const path = `/v1.0/conferences/${conference_id}/messages/${body.id}`;
  assert.equal((await rest.ask("DELETE", path, { token: cy.token })).status, 404);
  const events = await rest.ask("GET", `/v1.0/conferences/${conference_id}/events`, {
    token: cy.token,
  });
  assert.ok(!events.text.includes("psst"));
});

test("a_target_outside_the_conference_is_refused", async () => {
  const conference_id = await create();
  const ada = await join(conference_id, "Ada");
  const elsewhere = await join(await create(), "Eve");
  for (const target of [elsewhere.id, rest.ids.next()]) {
    const { status, body } = await write(
      conference_id,
      { text: "hi", target_conferencecall_id: target },
      ada.token,
    );
    assert.equal(status, 400);
    assert.equal(body.error.details[0].field, "target_conferencecall_id");
  }
});

test("author_and_host_delete_others_do_not_and_the_place_stays", async () => {
  const conference_id = await create();
  const [ada, bo, host] = [
    await join(conference_id, "Ada"),
    await join(conference_id, "Bo"),
    await join(conference_id, "Cy", "host"),
  ];
  const one = (await write(conference_id, { text: "one" }, ada.token)).body;
  const two = (await write(conference_id, { text: "two" }, ada.token)).body;
  const path = (id: string) => `/v1.0/conferences/${conference_id}/messages/${id}`;
  assert.equal((await rest.ask("DELETE", path(one.id), { token: bo.token })).status, 403);
  const gone = await rest.ask("DELETE", path(one.id), { token: ada.token });
  assert.equal(gone.body.text, "");
  assert.notEqual(gone.body.tm_delete, never);
  assert.deepEqual((await rest.ask("DELETE", path(one.id), { token: ada.token })).body, gone.body);
  assert.equal((await rest.ask("DELETE", path(two.id), { token: host.token })).status, 200);
  assert.deepEqual(await texts(conference_id), ["", ""]);
  const events = await rest.store.journal.read(conference_id, 0, 100);
  assert.equal(events.filter(({ type }) => type === "conference_message_deleted").length, 2);
});

test("reactions_are_added_once_and_taken_back", async () => {
  const conference_id = await create();
  const ada = await join(conference_id, "Ada");
  const message = (await write(conference_id, { text: "cake?" })).body;
  const path = `/v1.0/conferences/${conference_id}/messages/${message.id}/reactions`;
  for (let time = 0; time < 2; time += 1) {
    const { body } = await rest.ask("POST", path, { body: { emoji: "👍🏽" }, token: ada.token });
    assert.deepEqual(
      body.metadata.reactions.map((one: { emoji: string; owner_id: string }) => [
        one.emoji,
        one.owner_id,
      ]),
      [["👍🏽", ada.id]],
    );
  }
  for (const emoji of ["", "x", "👍👍", "<b>"]) {
    assert.equal((await rest.ask("POST", path, { body: { emoji } })).status, 400, emoji);
  }
  const taken = await rest.ask("DELETE", `${path}/${encodeURIComponent("👍🏽")}`, {
    token: ada.token,
  });
  assert.deepEqual(taken.body.metadata.reactions, []);
});

test("texts_that_cannot_be_are_refused_with_the_field_and_stored_text_is_given_back_unchanged", async () => {
  const conference_id = await create();
  for (const text of ["", "  ", "x".repeat(4_001), "a\u0000b", "\ud800"]) {
    const { status, body } = await write(conference_id, { text });
    assert.equal(status, 400, JSON.stringify(text.slice(0, 10)));
    assert.match(JSON.stringify(body.error.details ?? body.error), /text|JSON/);
  }
  const odd = `<img src=x onerror=alert(1)> '); drop table agents;-- ${"𝒳".repeat(3_900)}`;
  assert.equal((await write(conference_id, { text: odd })).body.text, odd);
});

test("after_the_end_the_chat_is_read_but_not_written", async () => {
  const conference_id = await create();
  const message = (await write(conference_id, { text: "bye" })).body;
  await rest.ask("DELETE", `/v1.0/conferences/${conference_id}`);
  assert.deepEqual(await texts(conference_id), ["bye"]);
  assert.equal((await write(conference_id, { text: "too late" })).status, 409);
  const path = `/v1.0/conferences/${conference_id}/messages/${message.id}/reactions`;
  assert.equal((await rest.ask("POST", path, { body: { emoji: "👍" } })).status, 409);
});

test("another_customers_conference_answers_as_an_unknown_one", async () => {
  const conference_id = await create();
  const message = (await write(conference_id, { text: "mine" })).body;
  const token = await rest.otherCustomer("eve");
  const strip = (text: string) => text.replace(/"request_id":"[^"]*"/, "");
  for (const [method, tail, body] of [
    ["GET", "", undefined],
    ["POST", "", { text: "x" }],
    ["DELETE", `/${message.id}`, undefined],
    ["POST", `/${message.id}/reactions`, { emoji: "👍" }],
  ] as const) {
    const ask = (id: string) =>
      rest.ask(method, `/v1.0/conferences/${id}/messages${tail}`, {
        token,
        ...(body ? { body } : {}),
      });
    const [foreign, unknown] = [await ask(conference_id), await ask(rest.ids.next())];
    assert.equal(foreign.status, 404);
    assert.equal(strip(foreign.text), strip(unknown.text));
  }
});
