// Conferences over real HTTP, on a real database, under a clock of the test.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createManualClock, type ManualClock } from "../src/kernel/clock.ts";
import type { JournalEvent } from "../src/store/index.ts";
import { nextEvent, type Rest, startRest } from "./rest.ts";

let clock: ManualClock;
let rest: Rest;
before(async () => {
  clock = createManualClock();
  rest = await startRest({ clock });
});
after(() => rest.close());

const never = "9999-01-01 00:00:00.000000";
const nil = "00000000-0000-0000-0000-000000000000";
const unknown_id = "4833755c-f5d0-4bf2-a101-7d3a7e5e586f";

const create = async (body: object = {}) =>
  (await rest.ask("POST", "/v1.0/conferences", { body: { type: "conference", ...body } })).body;
const get = async (id: string) => (await rest.ask("GET", `/v1.0/conferences/${id}`)).body;
const eventTypes = async (id: string) =>
  (await rest.ask("GET", `/v1.0/conferences/${id}/events`)).body.result.map(
    (event: JournalEvent) => event.type,
  );

test("a_created_conference_is_progressing_and_shows_every_field_of_the_specification", async () => {
  const created = await rest.ask("POST", "/v1.0/conferences", {
    body: { type: "conference", name: "n", detail: "d" },
  });
  assert.equal(created.status, 200);
  const { id, customer_id, tm_create, ...others } = created.body;
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.match(customer_id, /^[0-9a-f-]{36}$/);
  assert.match(tm_create, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/);
  assert.deepEqual(others, {
    type: "conference",
    status: "progressing",
    name: "n",
    detail: "d",
    data: {},
    timeout: 0,
    pre_actions: [],
    post_actions: [],
    conferencecall_ids: [],
    recording_id: nil,
    recording_ids: [],
    tm_end: never,
    tm_update: never,
    tm_delete: never,
  });
  assert.deepEqual(await get(id), created.body);
  assert.deepEqual(await eventTypes(id), ["conference_created"]);
});

test("a_missing_or_unknown_type_is_refused_with_the_field_and_what_is_allowed", async () => {
  for (const body of [{}, { type: "queue" }, { type: 1 }, { type: null }]) {
    const { status, body: answer } = await rest.ask("POST", "/v1.0/conferences", { body });
    assert.equal(status, 400);
    assert.equal(answer.error.reason, "INVALID_ARGUMENT");
    assert.equal(answer.error.details[0].field, "type");
  }
});

test("actions_and_data_are_echoed_exactly_as_they_were_given", async () => {
  const action = {
    id: nil,
    next_id: nil,
    type: "talk",
    option: { text: "hello", gender: "female", language: "en-US", zzz: 1, aaa: [2.5, null] },
  };
  const data = { z: 1, a: { deep: [1, { b: "ü\u0001" }] } };
  const made = await create({ pre_actions: [action], post_actions: [action], data });
  const { text } = await rest.ask("GET", `/v1.0/conferences/${made.id}`);
  assert.ok(text.includes(JSON.stringify([action])), "order of members is kept");
  assert.ok(text.includes(JSON.stringify(data)));
});

test("an_action_that_does_not_exist_or_would_nest_is_refused_with_its_place", async () => {
  const refused = async (pre_actions: unknown) =>
    (await rest.ask("POST", "/v1.0/conferences", { body: { type: "conference", pre_actions } }))
      .body.error;
  const answer = { type: "answer" };
  const unknown = await refused([answer, { type: "dance" }]);
  assert.equal(unknown.reason, "INVALID_ACTION_TYPE");
  assert.equal(unknown.details[0].field, "pre_actions.1.type");
  const nested = await refused([{ type: "conference_join", option: { conference_id: nil } }]);
  assert.equal(nested.reason, "INVALID_ACTION_TYPE");
  const wrong = await refused([{ type: "talk", option: { text: "x", gender: "robot" } }]);
  assert.equal(wrong.reason, "INVALID_ARGUMENT");
  assert.equal(wrong.details[0].field, "pre_actions.0.option.gender");
});

test("an_id_of_the_client_makes_a_create_that_cannot_happen_twice", async () => {
  const id = "0190f0aa-0000-7000-8000-000000000001";
  const first = await create({ id, name: "once", data: { a: [1] } });
  assert.equal(first.id, id);
  const again = { type: "conference", id: id.toUpperCase(), name: "once", data: { a: [1] } };
  const ask = (body: object) => rest.ask("POST", "/v1.0/conferences", { body });
  assert.deepEqual((await ask(again)).body, first);
  await rest.ask("PUT", `/v1.0/conferences/${id}`, { body: { name: "renamed" } });
  assert.equal((await ask(again)).body.name, "renamed", "the same request, whatever came since");
  for (const other of [
    { name: "twice" },
    { type: "connect" },
    { data: {} },
    { timeout: 5 },
    { post_actions: [{ type: "answer" }] },
  ]) {
    const refused = await ask({ ...again, ...other });
    assert.equal(refused.status, 409, JSON.stringify(other));
    assert.equal(refused.body.error.reason, "CONFERENCE_EXISTS");
  }
  assert.deepEqual(await eventTypes(id), ["conference_created", "conference_updated"]);
  const many = "0190f0aa-0000-7000-8000-000000000002";
  const made = await Promise.all([1, 2, 3, 4].map(() => create({ id: many })));
  for (const one of made) assert.deepEqual(one, made[0]);
  assert.deepEqual(await eventTypes(many), ["conference_created"]);
});

test("an_id_that_another_customer_has_is_as_free_as_one_that_nobody_has", async () => {
  const token = await rest.otherCustomer("chooses-ids");
  const id = "0190f0aa-0000-7000-8000-000000000003";
  const free = "0190f0aa-0000-7000-8000-000000000004";
  await create({ id, name: "mine" });
  const ask = (method: string, path: string, body?: object) =>
    rest.ask(method, path, { token, ...(body ? { body } : {}) });
  for (const one of [id, free]) {
    const body = { type: "conference", id: one, name: "theirs" };
    const made = await ask("POST", "/v1.0/conferences", body);
    assert.equal(made.status, 200);
    assert.equal(made.body.id, one);
    assert.deepEqual((await ask("POST", "/v1.0/conferences", body)).body, made.body);
    const path = `/v1.0/conferences/${one}`;
    assert.deepEqual((await ask("GET", path)).body, made.body);
    assert.equal((await ask("PUT", path, { detail: "d" })).body.id, one);
    assert.equal((await ask("POST", `${path}/join_tokens`, {})).status, 200);
    assert.equal((await ask("GET", `${path}/events`)).body.result[0].data.id, one);
    assert.equal((await ask("GET", `/v1.0/conferencecalls?conference_id=${one}`)).status, 200);
    assert.equal((await ask("DELETE", path)).body.id, one);
  }
  assert.equal((await get(id)).name, "mine");
  assert.equal((await get(id)).status, "progressing");
});

test("a_list_is_searched_by_name_detail_id_state_and_time_over_all_pages", async () => {
  const token = await rest.otherCustomer("searching");
  const ask = async (query: string): Promise<string[]> => {
    const found: string[] = [];
    for (let page_token = ""; ; ) {
      const more = new URLSearchParams({ page_size: "2", ...(page_token ? { page_token } : {}) });
      const reply = await rest.ask("GET", `/v1.0/conferences?${query}&${more}`, { token });
      assert.equal(reply.status, 200, reply.text);
      found.push(...reply.body.result.map(({ name }: { name: string }) => name));
      page_token = reply.body.next_page_token;
      if (page_token === "") return found;
    }
  };
  const make = async (name: string, detail = "") =>
    (
      await rest.ask("POST", "/v1.0/conferences", {
        token,
        body: { type: "conference", name, detail },
      })
    ).body;
  const first = await make("Weekly ÄRGER");
  for (let at = 0; at < 4; at += 1) await make(`Filler ${at}`);
  const last = await make("100 % of_it", "about the weekly thing");
  await rest.ask("DELETE", `/v1.0/conferences/${first.id}`, { token });
  assert.deepEqual(await ask("search=weekly"), ["100 % of_it"]);
  assert.deepEqual(await ask("search=WEEKLY&status=all"), ["100 % of_it", "Weekly ÄRGER"]);
  assert.deepEqual(await ask("search=weekly&status=terminated"), ["Weekly ÄRGER"]);
  assert.deepEqual(await ask(`search=${encodeURIComponent("ärger")}&status=all`), ["Weekly ÄRGER"]);
  assert.deepEqual(await ask(`search=${last.id.slice(-12).toUpperCase()}`), ["100 % of_it"]);
  // What stands for anything in a pattern stands for itself here.
  assert.deepEqual(await ask("search=%25"), ["100 % of_it"]);
  assert.deepEqual(await ask("search=of_it"), ["100 % of_it"]);
  assert.deepEqual(await ask("search=ofXit"), []);
  assert.equal((await ask("search=filler")).length, 4);
  assert.equal((await ask("search=+")).length, 5);
  assert.equal((await ask("search=fill%00er")).length, 4);
  const since = encodeURIComponent(last.tm_create);
  assert.deepEqual(await ask(`created_from=${since}`), ["100 % of_it"]);
  assert.equal((await ask(`created_to=${since}`)).length, 4);
  assert.equal((await ask(`created_to=${since}&status=all`)).length, 5);
  const bad = await rest.ask("GET", "/v1.0/conferences?created_from=yesterday", { token });
  assert.equal(bad.body.error.reason, "INVALID_REQUEST_PARAMETER");
  assert.equal(bad.body.error.details[0].field, "created_from");
});

test("a_list_shows_the_newest_first_in_pages_and_its_last_page_says_so", async () => {
  const token = await rest.otherCustomer("paging");
  const ask = (query: string) => rest.ask("GET", `/v1.0/conferences${query}`, { token });
  const made: string[] = [];
  for (const type of ["conference", "connect", "conference"]) {
    made.unshift((await rest.ask("POST", "/v1.0/conferences", { token, body: { type } })).body.id);
  }
  const ids = (reply: { body: { result: { id: string }[] } }) =>
    reply.body.result.map(({ id }) => id);
  const all = await ask("");
  assert.deepEqual(ids(all), made);
  assert.equal(all.body.next_page_token, "");
  const first = await ask("?page_size=2");
  assert.deepEqual(ids(first), made.slice(0, 2));
  const { next_page_token } = first.body;
  assert.equal(next_page_token, first.body.result[1].tm_create);
  const rfc3339 = `${next_page_token.replace(" ", "T")}Z`;
  for (const page_token of [
    next_page_token.replaceAll(" ", "%20"),
    next_page_token.replace(" ", "+"),
    rfc3339,
  ]) {
    const second = await ask(`?page_size=2&page_token=${page_token}`);
    assert.deepEqual(ids(second), made.slice(2), page_token);
    assert.equal(second.body.next_page_token, "");
  }
  assert.deepEqual(ids(await ask("?type=connect")), [made[1]]);
  assert.deepEqual(ids(await ask("?page_size=0")), [made[0]], "clamped to 1");
  assert.deepEqual(ids(await ask("?page_size=1000")), made, "clamped to 100");
  assert.equal((await ask("?page_size=many")).body.error.reason, "INVALID_REQUEST_PARAMETER");
  assert.equal((await ask("?page_token=yesterday")).body.error.reason, "INVALID_REQUEST_PARAMETER");
  assert.equal((await ask("?status=sleeping")).body.error.details[0].field, "status");
});

test("put_changes_what_is_given_keeps_the_rest_and_announces_it", async () => {
  const made = await create({ name: "before", detail: "kept", data: { a: 1 } });
  const { status, body } = await rest.ask("PUT", `/v1.0/conferences/${made.id}`, {
    body: { name: "after", data: {}, status: "terminated", type: "connect" },
  });
  assert.equal(status, 200);
  assert.notEqual(body.tm_update, never);
  assert.deepEqual(body, { ...made, name: "after", data: {}, tm_update: body.tm_update });
  assert.deepEqual(await get(made.id), body);
  assert.deepEqual(await eventTypes(made.id), ["conference_created", "conference_updated"]);
});

test("delete_of_an_empty_conference_ends_it_at_once_and_doing_it_again_changes_nothing", async () => {
  const { id } = await create();
  const first = await rest.ask("DELETE", `/v1.0/conferences/${id}`);
  assert.equal(first.status, 200);
  assert.equal(first.body.status, "terminated");
  assert.notEqual(first.body.tm_delete, never);
  assert.notEqual(first.body.tm_end, never);
  const events = await eventTypes(id);
  assert.deepEqual(events, ["conference_created", "conference_updated", "conference_deleted"]);
  const second = await rest.ask("DELETE", `/v1.0/conferences/${id}`);
  assert.equal(second.status, 200);
  assert.deepEqual(second.body, first.body);
  assert.deepEqual(await eventTypes(id), events);
  assert.deepEqual(await get(id), first.body, "it can still be read");
  const listed = (await rest.ask("GET", "/v1.0/conferences")).body.result;
  assert.ok(!listed.some((one: { id: string }) => one.id === id), "it is gone from the list");
  const put = await rest.ask("PUT", `/v1.0/conferences/${id}`, { body: { name: "x" } });
  assert.equal(put.status, 409);
  assert.equal(put.body.error.reason, "STATE_INVALID");
  const link = await rest.ask("POST", `/v1.0/conferences/${id}/join_tokens`, { body: {} });
  assert.equal(link.status, 409);
});

test("a_timeout_ends_a_conference_as_delete_does", async () => {
  const { id } = await create({ timeout: 5 });
  const ended = nextEvent(rest, id, "conference_deleted");
  await clock.advance(4_900);
  assert.equal((await get(id)).status, "progressing");
  await clock.advance(200);
  await clock.until(ended);
  const { body } = await rest.ask("GET", `/v1.0/conferences/${id}/events`);
  assert.deepEqual(
    body.result.map(({ type, cause, actor }: JournalEvent) => [type, cause, actor.type]),
    [
      ["conference_created", null, "agent"],
      ["conference_updated", "timeout", "system"],
      ["conference_deleted", null, "system"],
    ],
  );
});

test("put_moves_the_one_timer_later_earlier_and_away", async () => {
  const later = await create({ timeout: 5 });
  const none = await create({ timeout: 5 });
  const earlier = await create({ timeout: 3_600 });
  await clock.advance(3_000);
  const put = (id: string, timeout: number) =>
    rest.ask("PUT", `/v1.0/conferences/${id}`, { body: { timeout } });
  await put(later.id, 5);
  await put(none.id, 0);
  await put(earlier.id, 1);
  const first = nextEvent(rest, earlier.id, "conference_deleted");
  await clock.advance(1_100);
  await clock.until(first);
  const second = nextEvent(rest, later.id, "conference_deleted");
  await clock.advance(1_000);
  assert.equal((await get(later.id)).status, "progressing", "counted from the PUT");
  await clock.advance(3_000);
  await clock.until(second);
  assert.equal((await get(none.id)).status, "progressing");
  assert.equal((await get(none.id)).timeout, 0);
});

test("a_negative_or_endless_timeout_is_refused", async () => {
  for (const timeout of [-1, 1.5, 1e12, "5"]) {
    const reply = await rest.ask("POST", "/v1.0/conferences", {
      body: { type: "conference", timeout },
    });
    assert.equal(reply.status, 400, String(timeout));
    assert.equal(reply.body.error.details[0].field, "timeout");
  }
});

test("data_that_is_no_object_or_too_large_is_refused", async () => {
  for (const data of [[1], "text", 5]) {
    const body = { type: "conference", data };
    assert.equal((await rest.ask("POST", "/v1.0/conferences", { body })).status, 400);
  }
  const body = { type: "conference", data: { text: "x".repeat(65 * 1024) } };
  const { status, body: answer } = await rest.ask("POST", "/v1.0/conferences", { body });
  assert.equal(status, 400);
  assert.equal(answer.error.details[0].limit, 65_536);
});

test("an_id_that_is_no_uuid_is_400_and_an_unknown_one_404", async () => {
  const bad = await rest.ask("GET", "/v1.0/conferences/not-a-uuid");
  assert.equal(bad.status, 400);
  assert.equal(bad.body.error.reason, "INVALID_ID");
  const unknown = await rest.ask("GET", `/v1.0/conferences/${unknown_id}`);
  assert.equal(unknown.status, 404);
  assert.equal(unknown.body.error.reason, "CONFERENCE_NOT_FOUND");
  const { id } = await create();
  assert.equal((await rest.ask("GET", `/v1.0/conferences/${id.toUpperCase()}`)).body.id, id);
});

test("a_join_token_opens_its_own_conference_and_nothing_else", async () => {
  const { id } = await create();
  const other = await create();
  const { body: link } = await rest.ask("POST", `/v1.0/conferences/${id}/join_tokens`, {
    body: { name: "Ada", role: "listener", metadata: { seat: 7 }, expires_in: 60 },
  });
  assert.equal(link.url, `${rest.url}/meet/${id}#token=${link.token}`);
  const { token } = link;
  assert.equal((await rest.ask("GET", `/v1.0/conferences/${id}`, { token })).status, 200);
  assert.equal((await rest.ask("GET", `/v1.0/conferences/${other.id}`, { token })).status, 404);
  assert.equal((await rest.ask("GET", "/v1.0/conferences", { token })).status, 403);
  assert.equal((await rest.ask("DELETE", `/v1.0/conferences/${id}`, { token })).status, 403);
  assert.equal((await rest.ask("DELETE", `/v1.0/conferences/${other.id}`, { token })).status, 404);
  await clock.advance(61_000);
  const late = await rest.ask("GET", `/v1.0/conferences/${id}`, { token });
  assert.equal(late.status, 401);
  assert.equal(late.body.error.reason, "TOKEN_EXPIRED");
});

test("a_host_with_a_join_token_ends_the_conference", async () => {
  const { id } = await create();
  const { body: link } = await rest.ask("POST", `/v1.0/conferences/${id}/join_tokens`, {
    body: { role: "host" },
  });
  const { token } = link;
  const ended = await rest.ask("DELETE", `/v1.0/conferences/${id}`, { token });
  assert.equal(ended.body.status, "terminated");
});

test("the_history_is_read_in_pages_by_sequence", async () => {
  const { id } = await create();
  for (const name of ["a", "b", "c"]) {
    await rest.ask("PUT", `/v1.0/conferences/${id}`, { body: { name } });
  }
  const first = (await rest.ask("GET", `/v1.0/conferences/${id}/events?limit=3`)).body;
  assert.deepEqual(
    first.result.map(({ seq }: JournalEvent) => seq),
    [1, 2, 3],
  );
  assert.equal(first.next_after, 3);
  const rest_of_it = (
    await rest.ask("GET", `/v1.0/conferences/${id}/events?limit=3&after=${first.next_after}`)
  ).body;
  assert.deepEqual(
    rest_of_it.result.map(({ seq, data }: JournalEvent) => [seq, (data as { name: string }).name]),
    [[4, "c"]],
  );
  assert.equal(rest_of_it.next_after, null);
});

test("the_legacy_view_shows_a_number_for_the_customer_and_no_time_that_has_not_come", async () => {
  const { id } = await create({ name: "old" });
  const headers = { "x-parley-view": "legacy" };
  const { body } = await rest.ask("GET", `/v1.0/conferences/${id}`, { headers });
  assert.equal(body.user_id, 1);
  assert.equal(body.status, "");
  assert.equal(body.tm_delete, "");
  assert.equal(body.tm_update, "");
  assert.equal(body.recording_id, nil);
  assert.ok(!("customer_id" in body) && !("timeout" in body) && !("data" in body));
  const list = await rest.ask("GET", "/v1.0/conferences?page_size=1", { headers });
  assert.equal(list.body.result[0].user_id, 1);
});
