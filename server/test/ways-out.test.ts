// Every way out of the REST edge answers alike: routes, router, bytes that are no HTTP, upgrades, expectations, ends.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { askRaw, dial, type RawAnswer, readAnswer, sendRaw } from "./raw-http.ts";
import { type Rest, startRest } from "./rest.ts";

let rest: Rest;
let is_draining = false;
before(async () => {
  rest = await startRest({
    env: {
      PARLEY_HTTP_ALLOWED_ORIGINS: "https://app.example",
      PARLEY_HTTP_VITALS_TOKEN: "a token of the monitoring",
      PARLEY_HTTP_VITALS_ADDRESSES: "192.0.2.0/24",
    },
    draining: () => is_draining,
  });
});
after(() => rest.close());

const path = "/v1.0/conferences";
const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl";
const request = (line: string, headers = "", body = ""): string =>
  `${line} HTTP/1.1\r\nHost: parley.test\r\nConnection: close\r\n${headers}\r\n${body}`;

function assertWhole(answer: RawAnswer, status: number, reason: string, what: string): void {
  assert.equal(answer.status, status, what);
  assert.equal(answer.body?.error?.reason, reason, what);
  assert.deepEqual(
    Object.keys(answer.body.error).filter((key) => key !== "details"),
    ["status", "reason", "message", "request_id"],
    what,
  );
  assert.equal(answer.headers["x-request-id"], answer.body.error.request_id, what);
  assert.equal(answer.headers["content-type"], "application/json; charset=utf-8", what);
  assert.equal(answer.headers["x-content-type-options"], "nosniff", what);
  assert.equal(answer.headers["referrer-policy"], "no-referrer", what);
  assert.match(answer.headers["content-security-policy"] ?? "", /frame-ancestors/, what);
  assert.equal(answer.headers["cache-control"], "no-store", what);
  assert.ok(!answer.text.includes(jwt), `${what} repeats a token`);
}

test("a_failure_has_one_form_whichever_way_it_takes_out_of_the_edge", async () => {
  const long = "a".repeat(20_000);
  const cases: [what: string, bytes: string, status: number, reason: string][] = [
    ["route", request(`GET ${path}/x?token=${jwt}`), 401, "INVALID_CREDENTIALS"],
    ["no path", request(`GET /nothing/${jwt}?token=${jwt}`), 404, "ROUTE_NOT_FOUND"],
    ["bad encoding", request(`GET ${path}/%zz${jwt}?token=${jwt}`), 400, "MALFORMED_REQUEST"],
    ["bad encoding, no path", request(`GET /%zz?token=${jwt}`), 400, "MALFORMED_REQUEST"],
    ["bad utf-8", request(`GET ${path}/%ff%fe?token=${jwt}`), 400, "MALFORMED_REQUEST"],
    ["long part", request(`GET ${path}/${"a".repeat(300)}?token=${jwt}`), 414, "URL_TOO_LONG"],
    ["long url", request(`GET /${long}?token=${jwt}`), 414, "URL_TOO_LONG"],
    ["long header", request("GET /ping", `X-A: ${long}${jwt}\r\n`), 431, "HEADERS_TOO_LARGE"],
    ["wrong method", request(`DELETE ${path}?token=${jwt}`), 405, "METHOD_NOT_ALLOWED"],
    ["a method that the parser knows", request(`QUERY ${path}`), 405, "METHOD_NOT_ALLOWED"],
    ["another", request(`PROPFIND ${path}`, "", ""), 405, "METHOD_NOT_ALLOWED"],
    ["trace", request(`TRACE ${path}`), 405, "METHOD_NOT_ALLOWED"],
    ["a method on a page", request("POST /docs/"), 405, "METHOD_NOT_ALLOWED"],
    ["a method that nobody knows", request(`FROBNICATE ${path}`), 501, "METHOD_NOT_KNOWN"],
    ["tunnel", request("CONNECT parley.test:443"), 501, "METHOD_NOT_KNOWN"],
    ["no http", `NONSENSE ${jwt}\r\n\r\n`, 400, "MALFORMED_REQUEST"],
    ["http/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP_VERSION_NOT_SUPPORTED"],
    ["http/3", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, "HTTP_VERSION_NOT_SUPPORTED"],
    ["no host", "GET /ping HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "MALFORMED_REQUEST"],
    ["two hosts", request("GET /ping", "Host: other.test\r\n"), 400, "MALFORMED_REQUEST"],
    ["two equal hosts", request("GET /ping", "host: parley.test\r\n"), 400, "MALFORMED_REQUEST"],
    ["no such host", "GET /ping HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "MALFORMED_REQUEST"],
    ["user in host", "GET /ping HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "MALFORMED_REQUEST"],
    [
      "two credentials",
      request(`GET ${path}`, `Authorization: Bearer a\r\nAuthorization: Bearer b\r\n`),
      400,
      "MALFORMED_REQUEST",
    ],
    [
      "expectation",
      request(`POST ${path}`, "Expect: payment\r\nContent-Length: 2\r\n", "{}"),
      417,
      "EXPECTATION_FAILED",
    ],
    [
      "two lengths",
      request(`POST ${path}`, "Content-Length: 2\r\nContent-Length: 3\r\n", "{}"),
      400,
      "MALFORMED_REQUEST",
    ],
    [
      "length and chunks",
      request(`POST ${path}`, "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
      400,
      "MALFORMED_REQUEST",
    ],
    [
      "bad chunk",
      request(`POST ${path}`, "Transfer-Encoding: chunked\r\n", "zz\r\n"),
      400,
      "MALFORMED_REQUEST",
    ],
    [
      "too large",
      request(`POST ${path}?token=${rest.token}`, "Content-Length: 300000\r\n"),
      413,
      "BODY_TOO_LARGE",
    ],
    ["no upgrade", request("GET /v1.0/ws"), 426, "UPGRADE_REQUIRED"],
    ["no upgrade to live", request("GET /v1.0/conferences/x/live"), 426, "UPGRADE_REQUIRED"],
    ["not built", request("POST /v1.0/webhooks"), 501, "FEATURE_NOT_BUILT"],
    [
      "range",
      request("GET /docs/docs.css", "Range: bytes=99999999-\r\n"),
      416,
      "RANGE_NOT_SATISFIABLE",
    ],
  ];
  for (const [what, bytes, status, reason] of cases) {
    assertWhole(await askRaw(rest.url, bytes), status, reason, what);
  }
  assert.equal((await askRaw(rest.url, request("GET /ping"))).status, 200);
});

test("a_refused_method_names_the_others_and_a_refused_credential_how_to_bring_one", async () => {
  const method = await askRaw(rest.url, request(`QUERY ${path}`));
  assert.equal(method.headers["allow"], "GET, HEAD, POST, OPTIONS");
  const nobody = await askRaw(rest.url, request(`GET ${path}`));
  assert.equal(nobody.headers["www-authenticate"], 'Bearer realm="parley"');
  const wrong = await askRaw(rest.url, request(`GET ${path}?token=${jwt}`));
  assert.match(wrong.headers["www-authenticate"] ?? "", /error="invalid_token"/);
  const login = await rest.ask("POST", "/auth/login", {
    body: { username: "admin", password: "wrong" },
    token: null,
  });
  assert.equal(login.status, 401);
  assert.match(login.headers.get("www-authenticate") ?? "", /^Bearer /);
});

test("a_request_id_that_is_a_credential_is_not_repeated", async () => {
  const key = `vb_${"a".repeat(43)}`;
  const answer = await askRaw(rest.url, request(`GET ${path}`, `X-Request-Id: ${key}\r\n`));
  assert.match(answer.headers["x-request-id"] ?? "", /^req_/);
});

test("bad_bytes_after_a_request_are_answered_after_it", async () => {
  const bytes = `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${rest.token}\r\n\r\nNONSENSE\r\n\r\n`;
  const text = await sendRaw(rest.url, bytes);
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  assert.deepEqual(statuses, ["200", "400"]);
});

test("head_answers_as_get_without_a_body_on_every_route_and_page", async () => {
  const { id } = (await rest.ask("POST", path, { body: { type: "conference" } })).body;
  const found = Object.entries<Record<string, unknown>>(rest.openapi.paths)
    .filter(([template, operations]) => operations["get"] && !/\{(?!id\})/.test(template))
    .map(([template]) => template.replace("{id}", id));
  for (const target of [...found, "/ping", "/docs/", "/docs/docs.js", "/nothing"]) {
    const headers = { "x-request-id": "same" };
    const get = await rest.ask("GET", target, { headers });
    const head = await rest.ask("HEAD", target, { headers });
    assert.equal(head.status, get.status, target);
    assert.equal(head.text, "", target);
    for (const name of ["content-type", "content-length", "etag", "x-content-type-options"]) {
      assert.equal(head.headers.get(name), get.headers.get(name), `${target} ${name}`);
    }
  }
});

test("options_answers_on_every_route_and_lets_pages_of_allowed_origins_in", async () => {
  const unknown = "4833755c-f5d0-4bf2-a101-7d3a7e5e586f";
  for (const [template, operations] of Object.entries<object>(rest.openapi.paths)) {
    const target = template.replaceAll(/\{\w+\}/g, unknown);
    const plain = await rest.ask("OPTIONS", target, { token: null });
    assert.equal(plain.status, 204, target);
    const allow = plain.headers.get("allow")?.split(", ") ?? [];
    for (const method of Object.keys(operations)) {
      assert.ok(allow.includes(method.toUpperCase()), `${target} ${method}`);
    }
    assert.ok(allow.includes("OPTIONS"), target);
    assert.equal(plain.headers.get("access-control-allow-origin"), null);
    const page = await rest.ask("OPTIONS", target, {
      token: null,
      headers: {
        origin: "https://app.example",
        "access-control-request-method": allow[0] ?? "",
        "access-control-request-headers": "authorization, content-type, if-match",
      },
    });
    assert.equal(page.status, 204, target);
    assert.equal(page.headers.get("access-control-allow-origin"), "https://app.example");
    const methods = page.headers.get("access-control-allow-methods")?.split(", ") ?? [];
    for (const method of allow) assert.ok(methods.includes(method), `${target} ${method}`);
    for (const name of ["Authorization", "Content-Type", "If-Match"]) {
      assert.match(page.headers.get("access-control-allow-headers") ?? "", new RegExp(name));
    }
    assert.match(page.headers.get("vary") ?? "", /Origin/);
    const evil = await rest.ask("OPTIONS", target, {
      token: null,
      headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
    });
    assert.equal(evil.headers.get("access-control-allow-origin"), null);
    assert.equal(evil.headers.get("access-control-allow-methods"), null);
  }
  assert.equal((await rest.ask("OPTIONS", "/nothing", { token: null })).status, 404);
  assert.equal((await rest.ask("OPTIONS", "/docs/", { token: null })).status, 204);
  const star = await askRaw(rest.url, request("OPTIONS *"));
  assert.equal(star.status, 204);
  assert.match(star.headers["allow"] ?? "", /POST/);
  const failed = await rest.ask("GET", path, {
    token: null,
    headers: { origin: "https://app.example" },
  });
  assert.match(failed.headers.get("access-control-expose-headers") ?? "", /Location.*ETag.*Link/);
});

test("an_upgrade_to_what_is_not_spoken_is_ignored", async () => {
  const h2c = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
  for (const headers of [
    h2c,
    "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "Upgrade: x/1\r\n",
  ]) {
    const bytes = `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${rest.token}\r\n${headers}\r\n`;
    const answer = readAnswer(await sendRaw(rest.url, bytes, '"next_page_token"'));
    assert.equal(answer.status, 200, headers);
  }
});

test("a_target_in_absolute_form_is_understood", async () => {
  const answer = await askRaw(rest.url, request("GET http://parley.test/ping?a=b"));
  assert.equal(answer.status, 200);
});

test("a_page_of_another_origin_cannot_write_with_a_cookie", async () => {
  const cookie = `token=${rest.token}`;
  const own = new URL(rest.url).origin;
  const write = (headers: Record<string, string>, token: string | null = null) =>
    rest.ask("POST", path, { body: { type: "conference" }, headers, token });
  const foreign: Record<string, string>[] = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: own.replace(/:\d+$/, ":1") },
    { origin: `${own}.evil.example` },
    { origin: "https://app.example" },
    { origin: own, "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ];
  for (const headers of foreign) {
    const refused = await write({ ...headers, cookie });
    assert.equal(refused.status, 403, JSON.stringify(headers));
    assert.equal(refused.body.error.reason, "FOREIGN_ORIGIN");
    assert.equal((await write({ ...headers, cookie }, rest.token)).status, 200, "with a token");
    const { origin: _, ...rest_headers } = headers;
    const read = await rest.ask("GET", path, { token: null, headers: { ...rest_headers, cookie } });
    assert.equal(read.status, 200, "reads are CORS's matter");
  }
  for (const headers of [{}, { origin: own }, { "sec-fetch-site": "same-origin" }]) {
    assert.equal((await write({ ...headers, cookie })).status, 200, JSON.stringify(headers));
  }
  const { id } = (await write({ cookie })).body;
  for (const [method, target] of [
    ["PUT", `${path}/${id}`],
    ["DELETE", `${path}/${id}`],
    ["PATCH", `${path}/${id}`],
  ] as const) {
    const refused = await rest.ask(method, target, {
      token: null,
      body: {},
      headers: { cookie, origin: "https://evil.example" },
    });
    assert.ok([403, 405].includes(refused.status), method);
  }
});

test("a_page_of_another_origin_cannot_set_or_take_the_cookie", async () => {
  const body = { username: "admin", password: "correct horse battery staple" };
  const ask = (target: string, origin: string) =>
    rest.ask("POST", target, { body, token: null, headers: { origin } });
  for (const target of ["/auth/login", "/auth/logout"]) {
    const foreign = await ask(target, "https://evil.example");
    assert.equal(foreign.headers.get("set-cookie"), null, target);
    const own = await ask(target, new URL(rest.url).origin);
    assert.match(own.headers.get("set-cookie") ?? "", /^token=/, target);
  }
});

test("strangers_learn_one_word_of_the_health_and_nothing_of_the_metrics", async () => {
  const ask = (target: string, headers: Record<string, string> = {}) =>
    rest.ask("GET", target, { token: null, headers });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  assert.equal((await ask("/health")).text, '{"ok":true}');
  assert.equal((await ask("/health", bearer("wrong"))).text, '{"ok":true}');
  assert.equal((await ask("/metrics")).status, 401);
  const customer = await rest.otherCustomer("curious");
  assert.equal((await ask("/health", bearer(customer))).text, '{"ok":true}');
  assert.equal((await ask("/metrics", bearer(customer))).status, 403);
  for (const token of [rest.token, "a token of the monitoring".replaceAll(" ", "%20")]) {
    const headers = token === rest.token ? bearer(token) : {};
    const query = token === rest.token ? "" : `?token=${token}`;
    assert.deepEqual((await ask(`/health${query}`, headers)).body, { ok: true, parts: {} });
    assert.equal((await ask(`/metrics${query}`, headers)).status, 200);
  }
  const said = { "x-forwarded-for": "192.0.2.1" };
  assert.equal((await ask("/health", said)).text, '{"ok":true}', "a stranger cannot say where");
  assert.equal((await ask("/ping")).text, '{"result":"pong"}');
});

test("an_address_on_the_list_reads_the_vitals_unless_it_is_a_proxy_for_others", async () => {
  const shared = { ...rest.store, close: async () => undefined };
  const local = await startRest({
    env: { PARLEY_HTTP_VITALS_ADDRESSES: "127.0.0.0/8" },
    store: shared,
  });
  const ask = (headers: Record<string, string>) =>
    local.ask("GET", "/health", { token: null, headers });
  assert.deepEqual((await ask({})).body, { ok: true, parts: {} });
  for (const name of ["x-forwarded-for", "forwarded", "x-real-ip", "via"]) {
    assert.equal((await ask({ [name]: "for=198.51.100.1" })).text, '{"ok":true}', name);
  }
  await local.close();
});

test("a_server_that_ends_starts_nothing_new_and_closes_each_connection_behind_its_answer", async () => {
  const { id } = (await rest.ask("POST", path, { body: { type: "conference" } })).body;
  is_draining = true;
  for (const [target, body] of [
    [path, { type: "conference" }],
    [`${path}/${id}/join_tokens`, {}],
    ["/v1.0/accesskeys", {}],
    ["/v1.0/agents", { username: "late", password: "long enough" }],
  ] as const) {
    const refused = await rest.ask("POST", target, { body });
    assert.equal(refused.status, 503, target);
    assert.equal(refused.body.error.reason, "SERVICE_UNAVAILABLE");
    assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  }
  const read = readAnswer(
    await sendRaw(
      rest.url,
      `GET ${path}/${id} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${rest.token}\r\n\r\n`,
    ),
  );
  assert.equal(read.status, 200);
  assert.equal(read.headers["connection"], "close");
  is_draining = false;
});

test("an_address_has_so_many_connections_and_no_more", async () => {
  const few = await startRest({
    env: { PARLEY_LIMITS_CONNECTIONS_PER_ADDRESS_MAX: "3" },
    store: { ...rest.store, close: async () => undefined },
  });
  // The log-in's own connection is one of them.
  const held = [await dial(few.url), await dial(few.url)];
  const refused = readAnswer(await sendRaw(few.url, ""));
  assertWhole(refused, 429, "LIMIT_EXCEEDED", "one too many");
  assert.equal(refused.body.error.details[0].limited_by, "ip");
  for (const socket of held) socket.destroy();
  await few.close();
});

test("the_end_waits_for_nobody_who_holds_a_connection_open", async () => {
  const ending = await startRest({ store: { ...rest.store, close: async () => undefined } });
  const held = [await dial(ending.url), await dial(ending.url), await dial(ending.url)];
  const gone = held.map((socket) => new Promise((done) => socket.once("close", done)));
  held[1]?.write("GET /ping HTTP/1.1\r\nHost: a\r\n");
  held[2]?.write(
    `POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ending.token}\r\nContent-Length: 100\r\n\r\n{`,
  );
  const kept = await dial(ending.url);
  held.push(kept);
  gone.push(new Promise((done) => kept.once("close", done)));
  kept.write("GET /ping HTTP/1.1\r\nHost: a\r\n\r\nGET /ping HTTP/1.1\r\n");
  await new Promise((done) => kept.once("data", done));
  await ending.close();
  await Promise.all(gone);
});
