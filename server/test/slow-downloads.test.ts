// Answers that nobody reads: they fill no memory, and harm nobody else.
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { type Rest, startRest } from "./rest.ts";

let rest: Rest;
let path: string;
before(async () => {
  rest = await startRest({ env: { PARLEY_LIMITS_HTTP_BYTES_PER_CALLER_MAX: "1048576" } });
  const { id } = (await rest.ask("POST", "/v1.0/conferences", { body: { type: "conference" } }))
    .body;
  const data = { text: "x".repeat(60_000) };
  for (let count = 0; count < 110; count += 1) {
    await rest.ask("PUT", `/v1.0/conferences/${id}`, { body: { data } });
  }
  path = `/v1.0/conferences/${id}/events?limit=1000`;
});
after(() => rest?.close());

test("a_page_of_large_events_is_cut_by_bytes_and_goes_on_where_it_ended", async () => {
  const seen: number[] = [];
  let pages = 0;
  for (let next: number | null = 0; next !== null; pages += 1) {
    const { body, text } = await rest.ask("GET", `${path}&after=${next}`);
    assert.ok(text.length < 12 * 1024 * 1024);
    seen.push(...body.result.map(({ seq }: { seq: number }) => seq));
    next = body.next_after;
  }
  assert.ok(pages > 1);
  assert.deepEqual(
    seen,
    seen.map((_, at) => at + 1),
  );
  assert.equal(seen.length, 111);
});

test("who_reads_no_answers_gets_no_more_of_them_and_others_do", async () => {
  const other = await rest.otherCustomer("reader");
  const { hostname, port } = new URL(rest.url);
  const slow = await new Promise<Socket>((done) => {
    const socket = connect(Number(port), hostname, () => done(socket));
    socket.on("error", () => socket.destroy());
  });
  slow.pause();
  // One answer may fit into what the system keeps for a connection; several on it do not.
  const asked = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${rest.token}\r\n\r\n`;
  slow.write(asked.repeat(4));
  const late = performance.now() + 15_000;
  for (;;) {
    const refused = await rest.ask("GET", path);
    if (refused.status === 429) {
      assert.equal(refused.body.error.reason, "RATE_LIMIT_EXCEEDED");
      assert.equal(refused.headers.get("retry-after"), "1");
      break;
    }
    assert.ok(performance.now() < late, "the slow reader's answer was never counted");
  }
  assert.equal((await rest.ask("GET", "/v1.0/customer")).status, 200, "small ones go on");
  assert.equal((await rest.ask("GET", "/v1.0/customer", { token: other })).status, 200);
  slow.destroy();
  for (;;) {
    if ((await rest.ask("GET", path)).status === 200) break;
    assert.ok(performance.now() < late + 15_000, "what was held is free again");
  }
});
