// Customers are walled off: on every route that the published contract names, a foreign id is answered exactly as an
// unknown one, and nothing about it changes.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { type Parley, startParley } from "../harness/parley.ts";

let parley: Parley;
before(async () => {
  parley = await startParley();
});
after(() => parley.stop());

interface Contract {
  readonly paths: Record<
    string,
    Record<string, { requestBody?: { content: Record<string, unknown> } }>
  >;
}

/** Things of the admin's customer, by the path that names them. */
async function ownThings(): Promise<Record<string, string>> {
  const created = async (path: string, body: object): Promise<string> =>
    String((await parley.api("POST", path, body))["id"]);
  const conference = await created("/v1.0/conferences", { type: "conference", name: "ours" });
  const message = await created(`/v1.0/conferences/${conference}/messages`, { text: "ours" });
  const accesskey = await created("/v1.0/accesskeys", { name: "ours" });
  const agent = await created("/v1.0/agents", {
    username: `agent-${randomUUID()}`,
    password: "a password of theirs",
    permission: 32,
  });
  const customer = String((await parley.api("GET", "/v1.0/customer"))["id"]);
  const { token } = await parley.link(conference, "Ada");
  const offer = await fetch(`${parley.url}/v1.0/conferences/${conference}/conferencecalls`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" },
    body: player_offer,
  });
  assert.equal(offer.status, 201, await offer.text());
  const conferencecall = String(offer.headers.get("location")).split("/").at(-1) ?? "";
  return {
    conferences: conference,
    messages: message,
    accesskeys: accesskey,
    agents: agent,
    customers: customer,
    conferencecalls: conferencecall,
  };
}

// A WHEP player: one line of sound, one picture.
const player_offer = `${[
  "v=0",
  "o=- 1 1 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0 1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "c=IN IP4 0.0.0.0",
  "a=mid:0",
  "a=recvonly",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:abcdefghijklmnopqrstuvwx",
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => "AB").join(":")}`,
  "a=setup:actpass",
  "a=rtcp-mux",
  "a=rtpmap:111 opus/48000/2",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "c=IN IP4 0.0.0.0",
  "a=mid:1",
  "a=recvonly",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:abcdefghijklmnopqrstuvwx",
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => "AB").join(":")}`,
  "a=setup:actpass",
  "a=rtcp-mux",
  "a=rtpmap:96 VP8/90000",
].join("\r\n")}\r\n`;

/** What a stranger is told, without what differs from request to request. */
async function told(token: string, method: string, path: string, sdp: boolean): Promise<string> {
  const reply = await fetch(`${parley.url}${path}`, {
    method: method.toUpperCase(),
    headers: {
      authorization: `Bearer ${token}`,
      ...(sdp ? { "content-type": "application/sdp" } : {}),
      "if-match": "*",
    },
    ...(method === "get"
      ? {}
      : {
          body: sdp
            ? player_offer
            : JSON.stringify({
                name: "x",
                text: "x",
                type: "conference",
                emoji: "👍",
                role: "member",
              }),
        }),
  });
  const text = (await reply.text()).replaceAll(/"request_id":"[^"]*"/g, "");
  return `${reply.status} ${text}`;
}

test("a_foreign_id_is_answered_as_an_unknown_one_on_every_route", async () => {
  const things = await ownThings();
  const username = `other-${randomUUID()}`;
  await parley.api("POST", "/v1.0/customers", {
    name: "Others",
    username,
    password: "a password of others",
  });
  const login = await fetch(`${parley.url}/auth/login`, {
    method: "POST",
    body: JSON.stringify({ username, password: "a password of others" }),
  });
  const { token } = (await login.json()) as { token: string };
  const shown = async (): Promise<string> =>
    JSON.stringify([
      await parley.api("GET", `/v1.0/conferences/${things["conferences"]}`),
      await parley.api("GET", `/v1.0/conferences/${things["conferences"]}/messages`),
      await parley.api("GET", `/v1.0/conferencecalls/${things["conferencecalls"]}`),
      await parley.api("GET", "/v1.0/accesskeys"),
      await parley.api("GET", "/v1.0/agents"),
    ]);
  const before_attempts = await shown();

  const { paths } = await parley.api<Contract & Record<string, unknown>>(
    "GET",
    "/v1.0/openapi.json",
  );
  let compared = 0;
  for (const [path, methods] of Object.entries(paths)) {
    if (!path.includes("{")) continue;
    // A parameter is named by the part of the path before it; those of other kinds keep one value.
    const fill = (own: boolean): string =>
      path.replaceAll(/\/([a-z_]+)\/\{(\w+)\}/g, (_whole, noun: string) => {
        if (!Object.hasOwn(things, noun))
          return `/${noun}/${noun === "reactions" ? "%F0%9F%91%8D" : "x"}`;
        return `/${noun}/${own ? things[noun] : randomUUID()}`;
      });
    for (const [method, operation] of Object.entries(methods)) {
      const takes_sdp = Object.hasOwn(operation.requestBody?.content ?? {}, "application/sdp");
      for (const sdp of takes_sdp ? [true, false] : [false]) {
        const foreign = await told(token, method, fill(true), sdp);
        const unknown = await told(token, method, fill(false), sdp);
        assert.equal(foreign, unknown, `${method} ${path}`);
        assert.match(foreign, /^(4\d\d) /, `${method} ${path} is refused`);
        compared += 1;
      }
    }
  }
  assert.ok(compared >= 20, `${compared} routes were compared`);
  assert.equal(await shown(), before_attempts, "nothing changed");
});
