// RFC 9725's exchange, request by request, with an offer as OBS writes it: types, headers, preconditions, refusals, CORS.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { obs_offer } from "../../server/test/offers.ts";
import { type Parley, startParley, until } from "../harness/parley.ts";

const origin = "https://studio.example";
const fragment_type = "application/trickle-ice-sdpfrag";

let parley: Parley;
let endpoint: string;
let authorization: string;
before(async () => {
  parley = await startParley({ PARLEY_HTTP_ALLOWED_ORIGINS: origin });
  const { id } = await parley.api<{ id: string }>("POST", "/v1.0/conferences", {
    type: "conference",
  });
  endpoint = `${parley.url}/v1.0/conferences/${id}/conferencecalls`;
  authorization = `Bearer ${(await parley.link(id, "OBS")).token}`;
});
after(async () => {
  // The server would wait for the joins that never connected.
  await parley?.api("DELETE", new URL(endpoint).pathname.replace(/\/conferencecalls$/, ""));
  await parley?.stop();
});

const ask = (
  method: string,
  url: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Response> =>
  fetch(url, {
    method,
    headers: { authorization, ...headers },
    ...(body === undefined ? {} : { body }),
  });
const publish = (): Promise<Response> =>
  ask("POST", endpoint, { "content-type": "application/sdp", origin }, obs_offer);
const fragment = (ufrag: string, pwd: string): string =>
  [
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${pwd}`,
    "m=audio 9 UDP/TLS/RTP/SAVPF 0",
    "a=mid:0",
    "a=candidate:1 1 UDP 2122252543 192.0.2.1 61764 typ host",
    "a=end-of-candidates",
    "",
  ].join("\r\n");
const present = fragment("qLj7", "A4yvm3T41oZ1gXPSjtq5Cr");
const next = fragment("ysXw", "vw5LmwG4y/e6dPP/zAP9Gp5k");

test("whip_publishes_trickles_restarts_and_leaves", async () => {
  const posted = await publish();
  assert.equal(posted.status, 201);
  assert.equal(posted.headers.get("content-type"), "application/sdp");
  assert.match(await posted.text(), /^v=0\r\n[\s\S]*a=recvonly/);
  const etag = posted.headers.get("etag") ?? "";
  assert.match(etag, /^".+"$/);
  const where = new URL(posted.headers.get("location") ?? "", endpoint).href;
  const patch = (if_match: string | null, body: string): Promise<Response> =>
    ask(
      "PATCH",
      where,
      { "content-type": fragment_type, ...(if_match === null ? {} : { "if-match": if_match }) },
      body,
    );

  assert.equal((await patch(etag, present)).status, 204);
  assert.equal((await patch(null, present)).status, 428);
  assert.equal((await patch('"another"', present)).status, 412);

  const restarted = await patch("*", next);
  assert.equal(restarted.status, 200);
  assert.equal(restarted.headers.get("content-type"), fragment_type);
  assert.match(await restarted.text(), /a=ice-ufrag:[\s\S]*a=ice-pwd:[\s\S]*a=candidate:/);
  const renewed = restarted.headers.get("etag") ?? "";
  assert.notEqual(renewed, etag);
  assert.equal((await patch(etag, next)).status, 412);
  assert.equal((await patch(renewed, next)).status, 204);

  assert.equal((await ask("DELETE", where)).status, 200);
});

test("who_has_no_live_socket_mutes_and_unmutes_by_rest", async () => {
  const conference_id = new URL(endpoint).pathname.split("/")[3] ?? "";
  const location = (await publish()).headers.get("location") ?? "";
  const where = new URL(location, endpoint).href;
  const change = async (
    body: object,
    token = authorization,
  ): Promise<{ status: number; muted?: boolean; camera?: boolean }> => {
    const reply = await ask("PATCH", where, { authorization: token }, JSON.stringify(body));
    return { ...((await reply.json()) as object), status: reply.status };
  };
  const live = (given: { status: number; muted?: boolean; camera?: boolean }): unknown[] => [
    given.muted,
    given.camera,
  ];
  assert.deepEqual(live(await change({ microphone: false })), [true, true]);
  assert.deepEqual(live(await change({ muted: false, camera: false })), [false, false]);
  assert.deepEqual(live(await parley.api("GET", location)), [false, false]);
  // The customer may do the same, a host mutes, and another member nothing.
  assert.deepEqual(live(await parley.api("PATCH", location, { camera: true })), [false, true]);
  const bearer = async (role: "host" | "member"): Promise<string> =>
    `Bearer ${(await parley.link(conference_id, role, role)).token}`;
  const host = await bearer("host");
  assert.deepEqual(live(await change({ muted: true }, host)), [true, true]);
  assert.equal((await change({ muted: false }, host)).status, 403);
  assert.equal((await change({ muted: true }, await bearer("member"))).status, 403);
  assert.equal((await change({})).status, 400);
  assert.equal((await change({ muted: true, microphone: true })).status, 400);
  const { result } = await parley.api<{ result: { type: string }[] }>(
    "GET",
    `/v1.0/conferences/${conference_id}/events?page_size=100`,
  );
  const types = new Set(result.map(({ type }) => type));
  for (const type of ["muted", "unmuted", "updated"]) {
    assert.ok(types.has(`conferencecall_${type}`), type);
  }
  await ask("DELETE", where);
});

/** A client that can send no header: its token stands in the URL. */
const publishByUrl = async (
  given: { token?: string; id?: string } = {},
): Promise<{ where: string; etag: string; id: string; key: string }> => {
  const url = given.id ? `${parley.url}/v1.0/conferences/${given.id}/conferencecalls` : endpoint;
  const token = given.token ?? authorization.slice("Bearer ".length);
  const posted = await fetch(`${url}?${new URLSearchParams({ token })}`, {
    method: "POST",
    headers: { "content-type": "application/sdp" },
    body: obs_offer,
  });
  assert.equal(posted.status, 201, await posted.text());
  const where = new URL(posted.headers.get("location") ?? "", url);
  assert.equal(where.searchParams.get("token"), null, "the token stands in no answer");
  const key = where.searchParams.get("resume_key") ?? "";
  assert.ok(key.length >= 40, where.href);
  const id = where.pathname.split("/").at(-1) ?? "";
  return { where: where.href, etag: posted.headers.get("etag") ?? "", id, key };
};
const bare = async (
  method: string,
  url: string,
  body?: string | object,
  headers: Record<string, string> = {},
): Promise<{ status: number; reason: string; text: string; call: Record<string, unknown> }> => {
  const text_body = typeof body === "object" ? JSON.stringify(body) : body;
  const reply = await fetch(url, {
    method,
    headers: { ...(typeof body === "string" ? { "content-type": fragment_type } : {}), ...headers },
    ...(text_body === undefined ? {} : { body: text_body }),
  });
  const text = await reply.text();
  const read = text.startsWith("{") ? JSON.parse(text) : {};
  return { status: reply.status, reason: read.error?.reason ?? "", text, call: read };
};

test("who_joined_with_the_token_in_the_url_trickles_restarts_mutes_and_leaves_by_location", async () => {
  const { where, etag } = await publishByUrl();
  assert.equal((await bare("PATCH", where, present, { "if-match": etag })).status, 204);
  // A client of the drafts before RFC 9725 names the session so.
  assert.equal((await bare("PATCH", where, present, { etag })).status, 204);
  assert.equal((await bare("PATCH", where, present)).status, 428);
  const restarted = await bare("PATCH", where, next, { "if-match": "*" });
  assert.equal(restarted.status, 200);
  assert.match(restarted.text, /a=ice-pwd:/);
  assert.equal((await bare("PATCH", where, { muted: true })).call["muted"], true);
  assert.equal((await bare("PATCH", where, { muted: false })).call["muted"], false);
  const left = await bare("DELETE", where);
  assert.deepEqual([left.status, left.call["leave_reason"]], [200, "left"]);
  assert.equal((await bare("DELETE", where)).status, 200, "again changes nothing");
  assert.equal((await bare("PATCH", where, { muted: true })).reason, "CONFERENCECALL_NOT_FOUND");
});

test("with_a_header_or_a_cookie_location_carries_no_secret", async () => {
  assert.doesNotMatch((await publish()).headers.get("location") ?? "", /\?/);
  const cookie = `token=${authorization.slice("Bearer ".length)}`;
  const kept = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/sdp", cookie, origin: parley.url },
    body: obs_offer,
  });
  assert.equal(kept.status, 201);
  assert.doesNotMatch(kept.headers.get("location") ?? "", /\?/);
});

test("the_key_in_location_opens_this_one_join_and_nothing_else", async () => {
  const conference_id = new URL(endpoint).pathname.split("/")[3] ?? "";
  // Of a host: nothing of that is in the key.
  const host = await parley.link(conference_id, "host", "host");
  const mine = await publishByUrl({ token: host.token });
  const theirs = await publishByUrl();
  const keyed = `resume_key=${mine.key}`;
  const other = `${parley.url}/v1.0/conferencecalls/${theirs.id}?${keyed}`;
  const nobody = other.replace(theirs.id, "00000000-0000-4000-8000-000000000000");
  const odd = other.replace(theirs.id, "nonsense");
  for (const url of [other, nobody]) {
    assert.equal((await bare("DELETE", url)).reason, "INVALID_CREDENTIALS", url);
    assert.equal((await bare("PATCH", url, { muted: true })).reason, "INVALID_CREDENTIALS", url);
    assert.equal((await bare("PATCH", url, present, { "if-match": "*" })).status, 401, url);
  }
  for (const [method, url] of [
    ["DELETE", odd],
    ["DELETE", mine.where.replace(mine.key, "")],
    ["GET", mine.where],
    ["GET", `${parley.url}/v1.0/conferences/${conference_id}?${keyed}`],
    ["GET", `${parley.url}/v1.0/conferencecalls?${keyed}`],
    ["DELETE", `${parley.url}/v1.0/conferences/${conference_id}?${keyed}`],
    ["POST", `${endpoint}?${keyed}`],
    ["POST", `${endpoint}?token=${mine.key}`],
  ] as const) {
    const answered = await bare(method, url);
    assert.equal(answered.status, 401, `${method} ${url}`);
    assert.ok(!answered.text.includes(mine.key), "a refusal repeats no key");
  }
  assert.equal((await bare("DELETE", `${mine.where}x`)).status, 401);
  // A whole credential counts before it.
  const both = await bare("PATCH", mine.where, { muted: true }, { authorization });
  assert.equal(both.status, 403);
  assert.equal(
    (
      await parley.api<{ status: string }>(
        "GET",
        other.slice(parley.url.length).split("?")[0] ?? "",
      )
    ).status,
    "joining",
  );
  for (const { where } of [mine, theirs]) assert.equal((await bare("DELETE", where)).status, 200);
});

test("a_kick_and_a_link_that_is_taken_back_end_the_key_of_the_join_too", async () => {
  const conference_id = new URL(endpoint).pathname.split("/")[3] ?? "";
  const one = await publishByUrl({ token: (await parley.link(conference_id, "one")).token });
  await parley.api("DELETE", `/v1.0/conferencecalls/${one.id}`);
  // Others stay in with a link that several use.
  const shared = (await parley.link(conference_id, "shared")).token;
  const [two, three] = [
    await publishByUrl({ token: shared }),
    await publishByUrl({ token: shared }),
  ];
  await parley.api("DELETE", `/v1.0/conferencecalls/${two.id}`);
  const link = await parley.link(conference_id, "four");
  const four = await publishByUrl({ token: link.token });
  const { id } = link as unknown as { id: string };
  await parley.api("DELETE", `/v1.0/conferences/${conference_id}/join_tokens/${id}`);
  for (const { where } of [one, two, four]) {
    assert.equal((await bare("PATCH", where, next, { "if-match": "*" })).reason, "TOKEN_REVOKED");
    assert.equal((await bare("PATCH", where, { muted: false })).reason, "TOKEN_REVOKED");
    assert.equal((await bare("DELETE", where)).reason, "TOKEN_REVOKED");
  }
  assert.equal((await bare("DELETE", three.where)).status, 200, "who was not removed leaves");
});

test("who_is_in_when_their_token_expires_still_trickles_and_leaves_by_the_key", async () => {
  const conference_id = new URL(endpoint).pathname.split("/")[3] ?? "";
  const path = `/v1.0/conferences/${conference_id}/join_tokens`;
  const { token } = await parley.api<{ token: string }>("POST", path, { expires_in: 2 });
  const { where } = await publishByUrl({ token });
  await until("the token is over", async () => {
    const read = await bare("GET", `${parley.url}/v1.0/conferencecalls?token=${token}`);
    return read.reason === "TOKEN_EXPIRED";
  });
  assert.equal((await bare("PATCH", where, next, { "if-match": "*" })).status, 200);
  assert.equal((await bare("DELETE", where)).status, 200);
});

test("the_customer_joins_by_url_too_and_the_key_stands_in_no_log_and_no_refusal", async () => {
  const { where, key } = await publishByUrl({ token: parley.token });
  assert.equal((await bare("PATCH", where, { muted: true })).call["muted"], true);
  // A refusal that repeats what was sent, and a path that does not exist.
  const wrong = await bare("PATCH", where, { [`resume_key=${key}`]: 1, muted: "x" });
  assert.equal(wrong.status, 400);
  const missing = await bare("GET", `${where.replace("conferencecalls", "nothing")}`);
  assert.equal(missing.status, 404);
  assert.equal((await bare("DELETE", where)).status, 200);
  for (const text of [wrong.text, missing.text]) assert.ok(!text.includes(key), text);
  const path = new URL(where).pathname;
  await until("the log tells of it", () =>
    parley.log.some((line) => line.includes(path) && line.includes('"DELETE"')),
  );
  for (const secret of [key, parley.token]) {
    assert.ok(!parley.log.some((line) => line.includes(secret)), "a secret stands in the log");
  }
});

test("whip_refuses_other_types_methods_and_callers", async () => {
  // Every other type of a body is read as JSON; SDP is told from it. Bytes go without a type, as fetch sends them.
  const made = new URL((await publish()).headers.get("location") ?? "", endpoint).href;
  for (const type of ["text/plain", "application/json", "nonsense", null]) {
    for (const [method, url, sdp, wanted] of [
      ["POST", endpoint, obs_offer, "application/sdp"],
      ["PATCH", made, present, fragment_type],
    ] as const) {
      const headers: Record<string, string> = type === null ? {} : { "content-type": type };
      const body = new TextEncoder().encode(sdp);
      const other = await fetch(url, { method, headers: { authorization, ...headers }, body });
      assert.equal(other.status, 415, `${method} ${type}`);
      const { error } = (await other.json()) as {
        error: { reason: string; message: string; details: unknown };
      };
      assert.equal(error.reason, "MEDIA_TYPE_NOT_SUPPORTED");
      assert.equal(error.message, `the body looks like SDP: send it with Content-Type: ${wanted}`);
      assert.deepEqual(error.details, [{ accepted: wanted }]);
    }
  }
  const broken = await ask("POST", endpoint, { "content-type": "application/sdp" }, "v=1\r\n");
  assert.equal(broken.status, 400);
  const stranger = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/sdp" },
    body: obs_offer,
  });
  assert.equal(stranger.status, 401);
  const where = new URL((await publish()).headers.get("location") ?? "", endpoint).href;
  const wrong = await ask("PATCH", where, { "content-type": "application/sdp" }, present);
  assert.equal(wrong.status, 415);
  for (const [method, url] of [
    ["PUT", where],
    ["POST", where],
    ["PUT", endpoint],
  ] as const) {
    const refused = await ask(method, url);
    assert.equal(refused.status, 405, `${method} ${url}`);
    assert.notEqual(refused.headers.get("allow") ?? "", "");
  }
});

test("a_page_of_an_allowed_site_may_publish_change_and_leave_and_another_may_not", async () => {
  const posted = await publish();
  const words = (headers: Headers, name: string): string[] =>
    (headers.get(name) ?? "").split(", ").map((word) => word.toLowerCase());
  const exposed = words(posted.headers, "access-control-expose-headers");
  for (const name of ["location", "etag", "link", "accept-post", "accept-patch", "allow"]) {
    assert.ok(exposed.includes(name), name);
  }
  assert.equal(posted.headers.get("access-control-allow-origin"), origin);
  const where = new URL(posted.headers.get("location") ?? "", endpoint).href;
  for (const [url, methods, accepts] of [
    // The methods of the join stand at the endpoint, too: clients look for PATCH there before they trickle.
    [endpoint, ["POST", "PATCH"], { "accept-post": "application/sdp, application/json" }],
    [where, ["PATCH", "DELETE"], { "accept-patch": `${fragment_type}, application/json` }],
  ] as const) {
    const preflight = (from: string, method: string): Promise<Response> =>
      fetch(url, {
        method: "OPTIONS",
        headers: { origin: from, "access-control-request-method": method },
      });
    for (const method of methods) {
      const { status, headers } = await preflight(origin, method);
      assert.equal(status, 204);
      assert.equal(headers.get("access-control-allow-origin"), origin);
      const allowed = words(headers, "access-control-allow-methods");
      assert.ok(allowed.includes(method.toLowerCase()) && allowed.includes("options"), url);
      const taken = words(headers, "access-control-allow-headers");
      for (const name of ["authorization", "content-type", "if-match", "etag"]) {
        assert.ok(taken.includes(name), name);
      }
      for (const [name, value] of Object.entries(accepts)) {
        assert.equal(headers.get(name), value);
      }
      const foreign = (await preflight("https://elsewhere.example", method)).headers;
      assert.equal(foreign.get("access-control-allow-origin"), null);
      assert.equal(foreign.get("access-control-allow-methods"), null);
    }
  }
  // A method that the address does not take says which bodies it takes, too.
  const wrong = await ask("PUT", where, { origin });
  assert.equal(wrong.status, 405);
  assert.match(wrong.headers.get("allow") ?? "", /PATCH, DELETE/);
  assert.equal(
    (await ask("DELETE", where, { origin })).headers.get("access-control-allow-origin"),
    origin,
  );
});
