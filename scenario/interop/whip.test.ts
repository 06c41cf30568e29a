// RFC 9725's exchange, request by request, with an offer as OBS writes it: types, headers, preconditions, refusals, CORS.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { obs_offer } from "../../server/test/offers.ts";
import { type Parley, startParley } from "../harness/parley.ts";

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

test("whip_refuses_other_types_methods_and_callers", async () => {
  // Every other type of a POST is read as JSON; an offer is told from it.
  for (const type of ["text/plain", "application/json", "nonsense"]) {
    const other = await ask("POST", endpoint, { "content-type": type }, obs_offer);
    assert.equal(other.status, 415, type);
    assert.match(await other.text(), /looks like SDP: send it with Content-Type: application\/sdp/);
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

test("a_page_of_an_allowed_site_may_publish_and_another_may_not", async () => {
  const preflight = (from: string): Promise<Response> =>
    fetch(endpoint, {
      method: "OPTIONS",
      headers: { origin: from, "access-control-request-method": "POST" },
    });
  const allowed = (await preflight(origin)).headers;
  assert.equal(allowed.get("access-control-allow-origin"), origin);
  assert.match(allowed.get("access-control-allow-methods") ?? "", /POST/);
  assert.match(allowed.get("access-control-allow-headers") ?? "", /Authorization.*If-Match/);
  const foreign = (await preflight("https://elsewhere.example")).headers;
  assert.equal(foreign.get("access-control-allow-origin"), null);
  const exposed = (await publish()).headers.get("access-control-expose-headers") ?? "";
  assert.match(exposed, /Location/i);
  assert.match(exposed, /ETag/i);
});
