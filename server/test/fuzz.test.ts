// Requests that nobody would write, by a seed: methods, headers, encodings, bodies, cut and joined as they please. No answer is a
// fault of ours, none lacks its form, none repeats a credential.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { dial } from "./raw-http.ts";
import { type Rest, startRest } from "./rest.ts";

const seed = Number(process.env["PARLEY_TEST_SEED"] ?? 20_261_126);
const rounds = Number(process.env["PARLEY_TEST_ROUNDS"] ?? 400);

let rest: Rest;
let paths: string[] = [];
let credentials: string[] = [];
before(async () => {
  rest = await startRest({ env: { PARLEY_LIMITS_REST_RATE: "0" } });
  const { id } = (await rest.ask("POST", "/v1.0/conferences", { body: { type: "conference" } }))
    .body;
  const link = await rest.ask("POST", `/v1.0/conferences/${id}/join_tokens`, { body: {} });
  const key = await rest.ask("POST", "/v1.0/accesskeys", { body: {} });
  credentials = [rest.token, link.body.token, key.body.token];
  const templates = Object.keys(rest.openapi.paths).filter((path) => path.startsWith("/v1.0"));
  paths = [
    ...templates.map((path) => path.replaceAll(/\{\w+\}/g, id)),
    "/ping",
    "/health",
    "/docs/",
  ];
});
after(() => rest.close());

// Mulberry32: small, and the same everywhere.
function createChance(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const methods = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "QUERY",
  "PROPFIND",
  "FOO",
  "get",
];
const oddities = [
  "",
  "%00",
  "%zz",
  "%ff",
  "..",
  "%2e%2e%2f",
  "//",
  "?",
  "?a=%",
  "?after=9223372036854775808",
  "?page_token=9999-99-99",
  "?page_size=1e9",
  "?token=",
  "#x",
  ";a=b",
];
const values = [
  "0",
  "-1",
  "1e309",
  "9223372036854775808",
  "null",
  "true",
  '"\\ud800"',
  '"\\u0000"',
  "[]",
  "{}",
  '{"__proto__":1}',
  `"${"x".repeat(2_000)}"`,
  '"9999-01-01 00:00:00.000000"',
  '"00000000-0000-0000-0000-000000000000"',
];
const members = [
  "type",
  "name",
  "id",
  "data",
  "timeout",
  "pre_actions",
  "expires_in",
  "expire",
  "role",
  "label",
  "text",
  "username",
  "password",
  "offer",
  "permission",
  "emoji",
];
const headers = [
  "Content-Type: application/sdp",
  "Content-Type: /",
  "Content-Encoding: gzip",
  "Expect: 100-continue",
  "Expect: x",
  "Upgrade: h2c",
  "Upgrade: websocket",
  "Connection: upgrade",
  'If-Match: W/"a", *',
  "Range: bytes=5-1",
  "Origin: null",
  "Origin: https://a.example",
  "Idempotency-Key: a b",
  "Idempotency-Key: k",
  "X-Request-Id: \u00ff",
  "X-Parley-View: legacy",
  "Accept: */*;q=x",
  "Transfer-Encoding: chunked",
  "Sec-WebSocket-Version: 12",
  "Accept-Version: 9",
  "Host: b",
  "Authorization: Basic YTpi",
  "X-Forwarded-For: 1.2.3.4, x",
];

test("no_request_of_whatever_form_meets_a_fault_or_has_its_secret_repeated", async (context) => {
  context.diagnostic(`seed ${seed}, ${rounds} rounds`);
  const chance = createChance(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(chance() * from.length)] as T;
  const some = (most: number): number => Math.floor(chance() * (most + 1));
  const one = (): string => {
    const credential = pick(credentials);
    const by = pick(["header", "query", "cookie", "none"]);
    const target = pick(paths) + pick(oddities);
    const glue = target.includes("?") ? "&" : "?";
    const body =
      chance() < 0.6
        ? `{${Array.from({ length: some(3) }, () => `"${pick(members)}":${pick(values)}`).join(",")}}`
        : pick(["", "{", "v=0\r\n", "\u0000", "[[[[", '"']);
    const lines = [
      `${pick(methods)} ${target}${by === "query" ? `${glue}token=${credential}` : ""} HTTP/1.1`,
      "Host: parley.test",
      ...(by === "header" ? [`Authorization: Bearer ${credential}`] : []),
      ...(by === "cookie" ? [`Cookie: token=${credential}`] : []),
      ...Array.from({ length: some(3) }, () => pick(headers)),
      `Content-Length: ${Buffer.byteLength(body) + (chance() < 0.05 ? 1 : 0)}`,
    ];
    return `${lines.join("\r\n")}\r\n\r\n${body}`;
  };
  for (let round = 0; round < rounds; round += 1) {
    const sent = Array.from({ length: 1 + some(2) }, one).join("");
    const came = await exchange(sent, chance);
    const what = `seed ${seed}, round ${round}: ${JSON.stringify(sent)} -> ${JSON.stringify(came)}`;
    for (const [, status] of came.matchAll(/HTTP\/1\.1 (\d{3})/g)) {
      assert.ok(Number(status) < 500 || status === "501" || status === "505", what);
    }
    // HEAD is answered without a body.
    for (const answer of came.split("HTTP/1.1 ").filter((text) => /^4\d\d/.test(text))) {
      const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
      if (body !== "") assert.ok(JSON.parse(body).error.reason, what);
    }
    for (const credential of credentials) assert.ok(!came.includes(credential), what);
  }
  assert.equal((await rest.ask("GET", "/ping")).status, 200);
});

// Sends the bytes in pieces, half-closes, and reads what comes until nothing does.
async function exchange(sent: string, chance: () => number): Promise<string> {
  const socket = await dial(rest.url);
  return await new Promise((resolve) => {
    let came = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (came += chunk));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(came));
    const cut = Math.floor(chance() * sent.length);
    socket.write(sent.slice(0, cut), "latin1", () => socket.end(sent.slice(cut), "latin1"));
  });
}
