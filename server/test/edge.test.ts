// The REST edge over real HTTP: credentials, bodies, limits, repeated requests, headers, isolation of customers.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { SignJWT } from "jose";
import { createLog } from "../src/kernel/log.ts";
import { type Rest, startRest, test_secret } from "./rest.ts";

const lines: string[] = [];
let rest: Rest;
before(async () => {
  rest = await startRest({
    log: createLog({ level: "debug" }, { write: (line) => lines.push(line) }),
    env: { PARLEY_HTTP_ALLOWED_ORIGINS: "https://app.example" },
  });
});
after(() => rest.close());

const path = "/v1.0/conferences";
const body = { type: "conference" };
const sign = (claims: object, secret = test_secret, alg = "HS256") =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));
const signAs = (header: object, claims: object) =>
  new SignJWT({ ...claims })
    .setProtectedHeader({ alg: "HS256", ...header })
    .sign(new TextEncoder().encode(test_secret));
const soon = () => Math.floor(rest.clock.now() / 1_000_000) + 600;

test("a_token_is_taken_from_header_then_query_then_cookie", async () => {
  const ask = (query: string, headers: Record<string, string>) =>
    rest.ask("GET", path + query, { token: null, headers });
  const good = rest.token;
  assert.equal((await ask("", { authorization: `Bearer ${good}` })).status, 200);
  assert.equal((await ask(`?token=${good}`, {})).status, 200);
  assert.equal((await ask("", { cookie: `a=b; token=${good}` })).status, 200);
  assert.equal((await ask("?token=bad", { authorization: `Bearer ${good}` })).status, 400);
  assert.equal((await ask(`?token=${good}`, { authorization: `Bearer ${good}` })).status, 200);
  assert.equal((await ask(`?token=${good}`, { cookie: "token=bad" })).status, 200);
  assert.equal((await ask("?token=bad", { cookie: `token=${good}` })).status, 401);
  assert.equal((await ask(`?token=${good}&token=${good}`, {})).status, 400);
  assert.equal((await ask("", {})).body.error.reason, "AUTHENTICATION_REQUIRED");
});

test("a_log_in_gives_a_token_and_a_cookie_that_scripts_cannot_read", async () => {
  const login = (given: object) => rest.ask("POST", "/auth/login", { body: given, token: null });
  const right = { username: "admin", password: "correct horse battery staple" };
  const { status, headers, body: answer } = await login(right);
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(answer), ["username", "token"]);
  assert.match(headers.get("set-cookie") ?? "", /^token=\S+; Path=\/; HttpOnly; SameSite=Strict/);
  for (const wrong of [
    { ...right, password: "wrong" },
    { ...right, username: "nobody" },
  ]) {
    const refused = await login(wrong);
    assert.equal(refused.status, 401);
    assert.equal(refused.body.error.reason, "INVALID_CREDENTIALS");
    assert.equal(refused.body.error.message, "user name or password is wrong");
  }
  assert.equal((await login({ username: "admin" })).body.error.details[0].field, "password");
});

test("tokens_that_are_forged_expired_or_of_another_algorithm_are_refused", async () => {
  const { sub, customer_id } = JSON.parse(
    Buffer.from(rest.token.split(".")[1] ?? "", "base64url").toString(),
  );
  const claims = { type: "agent", sub, customer_id, permission: 32 };
  const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${rest.token.split(".")[1]}.`;
  const good = await sign({ ...claims, exp: soon() });
  assert.equal((await rest.ask("GET", path, { token: good })).status, 200);
  const wrong: Record<string, string> = {
    none,
    padded: `${rest.token}=`,
    cut: rest.token.slice(0, -1),
    expired_and_forged: await sign({ ...claims, exp: soon() - 1200 }, `${test_secret}!`),
    expired_and_nobodys: await sign({ type: "other", exp: soon() - 1200 }),
    of_another_type: await signAs({ typ: "at+jwt" }, { ...claims, exp: soon() }),
    of_another_key: await signAs({ typ: "JWT", kid: "2" }, { ...claims, exp: soon() }),
    endless: await sign(claims),
    early: await sign({ ...claims, exp: soon(), nbf: soon() }),
    foreign_key: await sign({ ...claims, exp: soon() }, `${test_secret}!`),
    other_algorithm: await sign({ ...claims, exp: soon() }, test_secret.repeat(2), "HS512"),
    nobody: await sign({ ...claims, sub: customer_id, exp: soon() }),
    empty: "..",
    text: "abc",
    key: "vb_abc",
  };
  for (const [name, token] of Object.entries(wrong)) {
    const reply = await rest.ask("GET", path, { token });
    assert.equal(reply.status, 401, name);
    assert.equal(reply.body.error.reason, "INVALID_CREDENTIALS", name);
  }
});

test("a_token_whose_signature_is_right_and_whose_time_is_over_is_told_so", async () => {
  const token = await sign({
    type: "agent",
    sub: rest.ids.next(),
    customer_id: rest.ids.next(),
    exp: soon() - 1200,
  });
  const reply = await rest.ask("GET", path, { token });
  assert.equal(reply.status, 401);
  assert.equal(reply.body.error.reason, "TOKEN_EXPIRED");
});

test("claims_of_the_older_token_forms_are_understood_when_our_key_signed_them", async () => {
  const own = (await rest.ask("GET", "/v1.0/customer")).body;
  const user = { id: 1, permission: 1, username: "admin" };
  const first = await rest.ask("POST", path, {
    token: await sign({ user, exp: soon() }),
    body,
    headers: { "x-parley-view": "struct" },
  });
  assert.equal(first.status, 200);
  assert.equal(first.body.user_id, 1, "this form gets the legacy view");
  const admin = "03796e14-7cb4-11ec-9dba-e72023efd1c6";
  const customer = JSON.stringify({ id: own.id, permission_ids: [admin] });
  for (const claims of [{ customer }, { customer: JSON.parse(customer) }]) {
    const reply = await rest.ask("GET", path, { token: await sign({ ...claims, exp: soon() }) });
    assert.equal(reply.status, 200);
    assert.equal(reply.body.result[0].customer_id, own.id);
  }
  const stranger = await sign({ user: { ...user, id: 999 }, exp: soon() });
  assert.equal((await rest.ask("GET", path, { token: stranger })).status, 401);
});

test("an_access_key_is_shown_once_works_everywhere_and_ends_when_it_is_deleted", async () => {
  const made = (await rest.ask("POST", "/v1.0/accesskeys", { body: { name: "ci" } })).body;
  assert.match(made.token, /^vb_[A-Za-z0-9_-]{43}$/);
  assert.equal(made.token_prefix, made.token.slice(0, 11));
  const read = await rest.ask("GET", `/v1.0/accesskeys/${made.id}`);
  assert.ok(!read.text.includes(made.token));
  const by = (query: string, token: string | null) => rest.ask("GET", path + query, { token });
  assert.equal((await by("", made.token)).status, 200);
  assert.equal((await by(`?accesskey=${made.token}`, null)).status, 200);
  const put = await rest.ask("PUT", `/v1.0/accesskeys/${made.id}`, { body: { name: "other" } });
  assert.equal(put.body.name, "other");
  assert.equal((await rest.ask("DELETE", `/v1.0/accesskeys/${made.id}`)).status, 200);
  assert.equal((await by("", made.token)).status, 401);
  assert.equal((await rest.ask("GET", `/v1.0/accesskeys/${made.id}`)).status, 404);
  const short = await rest.ask("POST", "/v1.0/accesskeys", { body: { expire: 60 } });
  assert.equal(short.body.error.details[0].field, "expire");
});

test("an_agent_that_is_removed_is_out_at_once_and_a_plain_agent_may_not_manage", async () => {
  const password = "long enough";
  const made = await rest.ask("POST", "/v1.0/agents", { body: { username: "bob", password } });
  assert.equal(made.status, 201);
  assert.equal(made.body.permission, 0x10);
  const login = { username: "bob", password };
  const { token } = (await rest.ask("POST", "/auth/login", { body: login })).body;
  assert.equal((await rest.ask("GET", path, { token })).status, 403);
  const taken = await rest.ask("POST", "/v1.0/agents", { body: login });
  assert.equal(taken.body.error.reason, "USERNAME_TAKEN");
  assert.equal((await rest.ask("DELETE", `/v1.0/agents/${made.body.id}`)).status, 200);
  assert.equal((await rest.ask("GET", path, { token })).status, 401);
  assert.equal((await rest.ask("POST", "/auth/login", { body: login })).status, 401);
});

test("a_body_is_json_whatever_its_type_says", async () => {
  for (const type of [
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "garbage",
    "",
  ]) {
    const reply = await rest.ask("POST", path, { body, headers: { "content-type": type } });
    assert.equal(reply.status, 200, type);
  }
});

test("a_body_that_is_no_sound_json_is_refused_with_the_reason", async () => {
  const bad: [name: string, raw: string, reason: string][] = [
    ["syntax", "{", "INVALID_JSON_BODY"],
    ["twice", '{"type":"conference","type":"connect"}', "INVALID_JSON_BODY"],
    ["hidden_twice", '{"type":"conference","t\\u0079pe":"connect"}', "INVALID_JSON_BODY"],
    ["proto", '{"type":"conference","data":{"__proto__":{"a":1}}}', "INVALID_JSON_BODY"],
    ["constructor", '{"type":"conference","data":{"constructor":1}}', "INVALID_JSON_BODY"],
    ["nul", '{"type":"conference","name":"a\\u0000"}', "INVALID_JSON_BODY"],
    ["half", '{"type":"conference","name":"\\ud800"}', "INVALID_JSON_BODY"],
    [
      "deep",
      `{"type":"conference","data":{"a":${"[".repeat(40)}${"]".repeat(40)}}}`,
      "INVALID_JSON_BODY",
    ],
    ["list", "[]", "INVALID_ARGUMENT"],
    ["text", '"x"', "INVALID_ARGUMENT"],
    ["nothing", "", "INVALID_ARGUMENT"],
  ];
  for (const [name, raw, reason] of bad) {
    const reply = await rest.ask("POST", path, { raw });
    assert.equal(reply.status, 400, name);
    assert.equal(reply.body.error.reason, reason, name);
  }
  assert.equal(({} as Record<string, unknown>)["a"], undefined);
  const large = await rest.ask("POST", path, { raw: " ".repeat(300 * 1024) });
  assert.equal(large.status, 413);
  assert.equal(large.body.error.reason, "BODY_TOO_LARGE");
  const packed = await rest.ask("POST", path, { body, headers: { "content-encoding": "gzip" } });
  assert.equal(packed.status, 415);
});

test("an_unknown_route_is_404_and_a_wrong_method_names_the_right_ones", async () => {
  const unknown = await rest.ask("GET", "/v1.0/nothing");
  assert.equal(unknown.status, 404);
  assert.equal(unknown.body.error.reason, "ROUTE_NOT_FOUND");
  const wrong = await rest.ask("PATCH", path, { body });
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.get("allow"), "GET, HEAD, POST, OPTIONS");
});

test("the_same_idempotency_key_gives_the_first_answer_also_when_asked_at_once", async () => {
  const headers = { "idempotency-key": "order-1" };
  const ask = () => rest.ask("POST", path, { body: { ...body, name: "once" }, headers });
  const replies = await Promise.all([ask(), ask(), ask()]);
  const [first] = replies;
  assert.equal(first?.status, 200);
  for (const reply of [...replies, await ask()]) assert.equal(reply.text, first?.text);
  const made = (await rest.ask("GET", path)).body.result.filter(
    (one: { name: string }) => one.name === "once",
  );
  assert.equal(made.length, 1);
  const other = await rest.ask("POST", path, { body: { ...body, name: "else" }, headers });
  assert.equal(other.status, 422);
  assert.equal(other.body.error.reason, "IDEMPOTENCY_KEY_REUSED");
  const unusable = await rest.ask("POST", path, { body, headers: { "idempotency-key": "a b" } });
  assert.equal(unusable.status, 400);
});

test("a_failed_request_is_not_kept_and_a_key_belongs_to_its_caller", async () => {
  const headers = { "idempotency-key": "order-2" };
  const bad = await rest.ask("POST", path, { body: { type: "queue" }, headers });
  assert.equal(bad.status, 400);
  const mine = await rest.ask("POST", path, { body, headers });
  assert.equal(mine.status, 200);
  const token = await rest.otherCustomer("repeats");
  const theirs = await rest.ask("POST", path, { body, headers, token });
  assert.equal(theirs.status, 200);
  assert.notEqual(theirs.body.id, mine.body.id);
});

test("an_access_key_made_under_an_idempotency_key_is_given_again_but_not_stored_readably", async () => {
  const headers = { "idempotency-key": "key-1" };
  const ask = () => rest.ask("POST", "/v1.0/accesskeys", { body: {}, headers });
  const first = await ask();
  assert.equal((await ask()).text, first.text);
  const { rows } = await rest.store.db
    .withTables<{ repeated_requests: { reply: Buffer } }>()
    .selectFrom("repeated_requests")
    .select("reply")
    .execute()
    .then((found) => ({ rows: found }));
  assert.ok(rows.length > 0);
  for (const { reply } of rows) assert.ok(!reply.includes(first.body.token));
});

test("a_request_id_is_echoed_when_it_is_sound_and_made_otherwise", async () => {
  const ask = (id: string) => rest.ask("GET", path, { headers: { "x-request-id": id } });
  assert.equal((await ask("abc_DEF-1")).headers.get("x-request-id"), "abc_DEF-1");
  const made = (await ask("with space")).headers.get("x-request-id") ?? "";
  assert.match(made, /^req_[0-9a-v]{26}$/);
  const failed = await rest.ask("GET", `${path}/x`);
  assert.equal(failed.body.error.request_id, failed.headers.get("x-request-id"));
});

test("every_answer_carries_the_security_headers", async () => {
  for (const target of [path, "/v1.0/nothing", "/ping", "/docs/"]) {
    const { headers } = await rest.ask("GET", target);
    assert.equal(headers.get("x-content-type-options"), "nosniff", target);
    assert.equal(headers.get("referrer-policy"), "no-referrer", target);
    assert.match(headers.get("content-security-policy") ?? "", /frame-ancestors/, target);
  }
});

test("other_sites_pages_may_ask_only_when_they_are_allowed_and_never_with_cookies", async () => {
  const ask = (method: string, origin: string) => rest.ask(method, path, { headers: { origin } });
  const allowed = await ask("GET", "https://app.example");
  assert.equal(allowed.headers.get("access-control-allow-origin"), "https://app.example");
  assert.equal(allowed.headers.get("access-control-allow-credentials"), null);
  const foreign = await ask("GET", "https://evil.example");
  assert.equal(foreign.headers.get("access-control-allow-origin"), null);
  const preflight = await ask("OPTIONS", "https://app.example");
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /Authorization/);
});

test("a_page_without_an_origin_may_ask_what_a_join_token_is_for_and_nothing_else", async () => {
  const { body: made } = await rest.ask("POST", path, { body });
  const ask = (method: string, target: string, headers = {}) =>
    rest.ask(method, target, { headers: { origin: "null", ...headers }, token: null });
  const allowedBy = async (method: string, target: string) =>
    (await ask(method, target)).headers.get("access-control-allow-origin");
  const ours = `${path}/${made.id}`;
  // Also of a refusal, which the page has to read.
  for (const target of [ours, `${ours}/join_tokens`, `${ours}/events`]) {
    assert.equal(await allowedBy("OPTIONS", target), "null", target);
    assert.equal(await allowedBy("POST", target), "null", target);
  }
  const preflight = await ask("OPTIONS", `${ours}/join_tokens`);
  assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /Authorization/);
  assert.match(preflight.headers.get("access-control-allow-methods") ?? "", /POST/);
  for (const target of [path, "/v1.0/accesskeys", "/v1.0/customers", "/auth/login", "/health"]) {
    assert.equal(await allowedBy("OPTIONS", target), null, target);
    assert.equal(await allowedBy("GET", target), null, target);
  }
  // A cookie is never taken there, and its answer could not be read.
  const cookie = `token=${rest.token}`;
  const ended = await ask("DELETE", ours, { cookie });
  assert.equal(ended.body.error.reason, "FOREIGN_ORIGIN");
  assert.equal(ended.headers.get("access-control-allow-credentials"), null);
});

test("bytes_that_are_no_http_get_an_answer_and_harm_nobody", async () => {
  const { port, hostname } = new URL(rest.url);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write("NONSENSE\r\n\r\n"));
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => (text += chunk));
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /"MALFORMED_REQUEST"/);
  assert.equal((await rest.ask("GET", path)).status, 200);
});

test("a_foreign_id_answers_as_an_unknown_one_on_every_route_of_the_contract", async () => {
  const token = await rest.otherCustomer("isolation");
  const conference = (await rest.ask("POST", path, { body })).body.id;
  const accesskey = (await rest.ask("POST", "/v1.0/accesskeys", { body: {} })).body.id;
  const agent = (
    await rest.ask("POST", "/v1.0/agents", { body: { username: "iso", password: "long enough" } })
  ).body.id;
  const customer = (await rest.ask("GET", "/v1.0/customer")).body.id;
  const foreign: Record<string, string> = {
    conferences: conference,
    accesskeys: accesskey,
    agents: agent,
    customers: customer,
  };
  const unknown = "4833755c-f5d0-4bf2-a101-7d3a7e5e586f";
  let seen = 0;
  for (const [template, operations] of Object.entries<object>(rest.openapi.paths)) {
    if (!template.includes("{id}")) continue;
    const noun = template.split("/")[2] ?? "";
    for (const method of Object.keys(operations)) {
      const ask = (id: string) =>
        rest.ask(
          method.toUpperCase(),
          template.replace("{id}", id).replaceAll(/\{\w+\}/g, unknown),
          {
            token,
            ...(method === "get" || method === "delete" ? {} : { body: {} }),
            headers: { "x-request-id": "same" },
          },
        );
      const [theirs, nobodys] = [await ask(foreign[noun] ?? unknown), await ask(unknown)];
      assert.equal(theirs.status, 404, `${method} ${template}`);
      assert.equal(theirs.text, nobodys.text, `${method} ${template}`);
      seen += 1;
    }
  }
  assert.ok(seen >= 10, `${seen} routes with an id`);
});

test("files_and_who_looks_whether_we_live_are_in_the_log_for_who_looks_for_them_only", async () => {
  const levelOf = (path: string): string | undefined =>
    lines
      .map((line) => JSON.parse(line) as { msg?: string; path?: string; level?: string })
      .findLast((line) => line.msg === "request" && line.path === path)?.level;
  for (const [asked, status, level] of [
    ["/docs/", 200, "debug"],
    ["/docs/docs.js", 200, "debug"],
    ["/ping", 200, "debug"],
    ["/health", 200, "debug"],
    [path, 200, "info"],
    ["/docs/nothing-here.js", 404, "info"],
  ] as const) {
    const reply = await rest.ask("GET", asked);
    assert.equal(reply.status, status, asked);
    // A line is written once its answer has gone out.
    const late = performance.now() + 10_000;
    while (levelOf(asked) === undefined) {
      assert.ok(performance.now() < late, `${asked} is not in the log`);
      await new Promise((done) => setTimeout(done, 5));
    }
    assert.equal(levelOf(asked), level, asked);
  }
});

test("no_credential_is_in_the_log_and_each_request_is", async () => {
  await rest.ask("GET", `${path}?token=${rest.token}`, { token: null });
  await rest.ask("GET", `/v1.0/nothing?token=${rest.token}`, { token: null });
  const printed = lines.join("");
  assert.ok(printed.includes('"path":"/v1.0/conferences"'));
  assert.ok(!printed.includes(rest.token));
  assert.ok(!/eyJ[\w-]{10}/.test(printed));
  assert.ok(!/vb_[\w-]{20}/.test(printed));
  assert.ok(!printed.includes("correct horse"));
});
