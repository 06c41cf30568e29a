// What requests may say: unknown members, names, numbers, dates, tags; over real HTTP.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { matchesEtag } from "../src/domain/conference/join.ts";
import { isExact } from "../src/kernel/number.ts";
import { readTimestamp, writeTimestamp } from "../src/kernel/wire.ts";
import { type Rest, startRest } from "./rest.ts";

let rest: Rest;
let id = "";
before(async () => {
  rest = await startRest();
  const body = { type: "conference" };
  id = (await rest.ask("POST", "/v1.0/conferences", { body })).body.id;
});
after(() => rest.close());

test("our_own_resources_refuse_an_unknown_member_and_name_the_nearest_known_one", async () => {
  const cases: [path: string, body: object, field: string, nearest: string][] = [
    [`/v1.0/conferences/${id}/join_tokens`, { expire_in: 60 }, "expire_in", "expires_in"],
    [`/v1.0/conferences/${id}/join_tokens`, { Role: "host" }, "Role", "role"],
    ["/v1.0/accesskeys", { nam: "x" }, "nam", "name"],
    ["/v1.0/agents", { username: "u1", pasword: "long enough" }, "pasword", "password"],
    ["/v1.0/customers", { nane: "x", username: "u", password: "long enough" }, "nane", "name"],
  ];
  for (const [path, body, field, nearest] of cases) {
    const refused = await rest.ask("POST", path, { body });
    assert.equal(refused.status, 400, path);
    assert.equal(refused.body.error.details[0].field, field, path);
    assert.match(
      refused.body.error.details[0].message,
      new RegExp(`did you mean ${nearest}`),
      path,
    );
  }
});

test("the_specifications_resources_ignore_an_unknown_member_and_say_so", async () => {
  const body = { type: "conference", flow_id: "x", "ä,\n": 1, timout: null };
  const made = await rest.ask("POST", "/v1.0/conferences", { body });
  assert.equal(made.status, 200);
  assert.equal(made.headers.get("x-ignored-members"), "flow_id, %C3%A4%2C%0A");
  const known = await rest.ask("POST", "/v1.0/conferences", { body: { type: "conference" } });
  assert.equal(known.headers.get("x-ignored-members"), null);
});

test("a_lifetime_has_one_name_and_another_that_means_the_same", async () => {
  const token = async (body: object) =>
    rest.ask("POST", `/v1.0/conferences/${id}/join_tokens`, { body });
  const key = async (body: object) => rest.ask("POST", "/v1.0/accesskeys", { body });
  const seconds = (shown: { tm_create: string; tm_expire: string }): number =>
    Math.round(
      ((readTimestamp(shown.tm_expire) ?? 0) - (readTimestamp(shown.tm_create) ?? 0)) / 1e6,
    );
  for (const name of ["expires_in", "expire"]) {
    const given = seconds((await token({ [name]: 60 })).body);
    assert.ok(Math.abs(given - 60) <= 1, `${name} ${given}`);
    assert.equal(seconds((await key({ [name]: 90_000 })).body), 90_000, name);
  }
  assert.equal((await token({ expires_in: 60, expire: 60 })).status, 200);
  assert.equal((await token({ expires_in: 60, expire: 61 })).status, 400);
  assert.equal((await key({ expires_in: 90_000, expire: 90_001 })).status, 400);
});

test("a_name_of_nothing_to_see_is_refused_wherever_names_come_in", async () => {
  const base: [method: string, path: string, body: Record<string, unknown>][] = [
    ["POST", "/v1.0/conferences", { type: "conference" }],
    ["PUT", `/v1.0/conferences/${id}`, {}],
    ["POST", `/v1.0/conferences/${id}/join_tokens`, {}],
    ["POST", "/v1.0/accesskeys", {}],
    ["POST", "/v1.0/agents", { username: "invisible", password: "long enough" }],
    ["POST", "/v1.0/customers", { username: "invisible2", password: "long enough" }],
  ];
  for (const [method, path, body] of base) {
    const refused = await rest.ask(method, path, { body: { ...body, name: "\u200b\u2060" } });
    assert.equal(refused.status, 400, path);
    assert.equal(refused.body.error.details[0].field, "name", path);
    const taken = await rest.ask(method, path, {
      body: { ...body, name: " A\u202eb\u0000 ".replace("\u0000", "") },
    });
    assert.ok(taken.status < 300, path);
    assert.equal(taken.body.name, "Ab", path);
  }
  const label = await rest.ask("POST", `/v1.0/conferences/${id}/join_tokens`, {
    body: { label: "\u3164" },
  });
  assert.equal(label.status, 400);
});

test("a_number_beyond_what_is_kept_is_refused_and_never_changed", async () => {
  const send = (data: string) =>
    rest.ask("POST", "/v1.0/conferences", { raw: `{"type":"conference","data":{"n":${data}}}` });
  for (const bad of [
    "9007199254740993",
    "1e400",
    "-1e400",
    "1e-400",
    "0.1234567890123456789",
    "[12345678901234567890]",
  ]) {
    assert.equal((await send(bad)).body.error?.reason, "INVALID_JSON_BODY", bad);
  }
  for (const good of [
    "9007199254740992",
    "0.1",
    "-0",
    "1.50e3",
    "123456789.1234567",
    "1E2",
    '"9007199254740993"',
  ]) {
    const made = await send(good);
    assert.equal(made.status, 200, good);
    assert.ok(Number(made.body.data.n) === Number(JSON.parse(good)), good);
  }
  assert.ok(isExact("1000000000000000000000"));
});

test("a_number_in_the_query_that_no_database_can_hold_is_refused_with_its_field", async () => {
  const ask = (query: string) => rest.ask("GET", `/v1.0/conferences/${id}/events?${query}`);
  for (const value of [
    "9223372036854775808",
    "99999999999999999999999",
    "1e30",
    "-1",
    "0x10",
    "1.5",
  ]) {
    const refused = await ask(`after=${value}`);
    assert.equal(refused.status, 400, value);
    assert.equal(refused.body.error.details[0].field, "after", value);
  }
  assert.equal((await ask("after=9007199254740991")).status, 200);
  for (const value of ["99999999999999999999", "-99999999999999999999"]) {
    assert.equal(
      (await rest.ask("GET", `/v1.0/conferences?page_size=${value}`)).status,
      200,
      value,
    );
  }
});

test("a_page_token_may_be_written_as_any_rfc_3339_time", async () => {
  const same = "2021-02-03 09:33:58.077756";
  for (const text of [
    "2021-02-03T18:33:58.077756+09:00",
    "2021-02-03T18:33:58.077756 09:00",
    "2021-02-03T04:03:58.077756-05:30",
    "2021-02-03t09:33:58.077756z",
    "2021-02-03T09:33:58.077756999Z",
    "2021-02-03T09:33:58.077756-00:00",
    "2021-02-03+09:33:58.077756",
  ]) {
    assert.equal(writeTimestamp(readTimestamp(text)), same, text);
    const page = await rest.ask("GET", `/v1.0/conferences?page_token=${text}`);
    assert.equal(page.status, 200, text);
  }
  assert.equal(writeTimestamp(readTimestamp("2016-12-31T23:59:60Z")), "2016-12-31 23:59:59.000000");
  for (const bad of ["2021-02-31T00:00:00Z", "2021-02-03T09:33:58+24:00", "2021-02-03", "now"]) {
    assert.equal(readTimestamp(bad), null, bad);
    assert.equal((await rest.ask("GET", `/v1.0/conferences?page_token=${bad}`)).status, 400, bad);
  }
});

test("if_match_is_read_as_a_list_of_strong_tags_or_a_star", () => {
  const tag = '"abc"';
  for (const given of [tag, '"x", "abc"', ' "abc" ', '"a,b","abc"', "*", " * "]) {
    assert.ok(matchesEtag(given, tag), given);
  }
  for (const given of ['W/"abc"', '"x", W/"abc"', '"ABC"', '"abc', "abc", "", '"*"']) {
    assert.ok(!matchesEtag(given, tag), given);
  }
});

test("a_header_and_a_query_that_differ_are_refused_and_equal_ones_are_one", async () => {
  const ask = (query: string) => rest.ask("GET", `/v1.0/conferences?token=${query}`);
  assert.equal((await ask("other")).status, 400);
  assert.equal((await ask(rest.token)).status, 200);
});
