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

test("whip_refuses_other_types_methods_and_callers", async () => {
  // Every other type of a POST is read as JSON, which an offer is not.
  const other = await ask("POST", endpoint, { "content-type": "text/plain" }, obs_offer);
  assert.equal(other.status, 400);
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
  assert.match(allowed.get("access-control-allow-methods") ?? "", /POST.*PATCH.*DELETE/);
  assert.match(allowed.get("access-control-allow-headers") ?? "", /Authorization.*If-Match/);
  const foreign = (await preflight("https://elsewhere.example")).headers;
  assert.equal(foreign.get("access-control-allow-origin"), null);
  const exposed = (await publish()).headers.get("access-control-expose-headers") ?? "";
  assert.match(exposed, /Location/i);
  assert.match(exposed, /ETag/i);
});
