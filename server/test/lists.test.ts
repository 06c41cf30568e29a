// Lists of the largest things: pages end by their bytes, and few are in memory at a time.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { limits } from "../src/kernel/limits.ts";
import type { Store } from "../src/store/index.ts";
import { type Rest, startRest } from "./rest.ts";

const conferences = 30;
let rest: Rest;
let store: Store;
/** Pages of events that are being read, and most at once; `gate` holds them. */
const reading = { now: 0, most: 0, gate: null as Promise<void> | null };

before(async () => {
  rest = await startRest();
  const { journal } = rest.store;
  store = {
    ...rest.store,
    close: async () => undefined,
    journal: {
      ...journal,
      async readPage(...given) {
        reading.now += 1;
        reading.most = Math.max(reading.most, reading.now);
        try {
          await reading.gate;
          return await journal.readPage(...given);
        } finally {
          reading.now -= 1;
        }
      },
    },
  };
  // As large as a body may make them: what was left out of one keeps its value.
  const action = { type: "talk", option: { text: "x".repeat(1_900) } };
  for (let count = 0; count < conferences; count += 1) {
    const body = { type: "conference", pre_actions: Array.from({ length: 80 }, () => action) };
    const made = await rest.ask("POST", "/v1.0/conferences", { body });
    assert.equal(made.status, 200, made.text);
    const data = { text: "y".repeat(60_000) };
    await rest.ask("PUT", `/v1.0/conferences/${made.body.id}`, { body: { data } });
  }
});
after(() => rest?.close());

/** One place for each customer, two in all. */
const startNarrow = (): Promise<Rest> =>
  startRest({
    store,
    env: {
      PARLEY_LIMITS_HTTP_READING_BYTES_MAX: String(2 * limits.list_bytes_max),
      PARLEY_LIMITS_HTTP_READING_BYTES_PER_CUSTOMER_MAX: String(limits.list_bytes_max),
    },
  });

test("a_page_of_large_conferences_ends_by_its_bytes_and_the_next_goes_on_where_it_ended", async () => {
  const seen: string[] = [];
  let pages = 0;
  for (let token: string | null = ""; token !== null; pages += 1) {
    const asked = token === "" ? "" : `?page_token=${encodeURIComponent(token)}`;
    const { body, text } = await rest.ask("GET", `/v1.0/conferences${asked}`);
    assert.ok(Buffer.byteLength(text) < limits.list_bytes_max, `${text.length} bytes`);
    seen.push(...body.result.map(({ id }: { id: string }) => id));
    token = body.next_page_token === "" ? null : body.next_page_token;
  }
  assert.ok(pages > 1, `${pages} pages`);
  assert.equal(seen.length, conferences);
  assert.equal(new Set(seen).size, conferences);
  const few = await rest.ask("GET", "/v1.0/conferences?page_size=2");
  assert.equal(few.body.result.length, 2);
});

test("many_large_pages_at_once_are_read_one_after_the_other_and_others_are_answered_meanwhile", async () => {
  const narrow = await startNarrow();
  const other = await narrow.otherCustomer("another-reader");
  const { result } = (await narrow.ask("GET", "/v1.0/conferences?page_size=1")).body;
  const path = `/v1.0/conferences/${result[0].id}/events?limit=1000`;
  reading.most = 0;
  const asked = Array.from({ length: 30 }, () => narrow.ask("GET", path));
  const theirs = await narrow.ask("GET", "/v1.0/conferences", { token: other });
  assert.equal(theirs.status, 200);
  for (const { status, body } of await Promise.all(asked)) {
    if (status !== 200) assert.equal(body.error.reason, "RATE_LIMIT_EXCEEDED");
  }
  assert.equal(reading.most, 1);
  await narrow.close();
});

test("a_list_that_does_not_get_its_turn_is_refused_with_the_time_to_come_again", async () => {
  const narrow = await startNarrow();
  const { result } = (await narrow.ask("GET", "/v1.0/conferences?page_size=1")).body;
  const path = `/v1.0/conferences/${result[0].id}/events`;
  const { promise, resolve } = Promise.withResolvers<void>();
  reading.gate = promise;
  const first = narrow.ask("GET", path);
  while (reading.now === 0) await new Promise((done) => setImmediate(done));
  const refused = await narrow.ask("GET", path);
  assert.equal(refused.status, 429);
  assert.equal(refused.body.error.reason, "RATE_LIMIT_EXCEEDED");
  assert.equal(refused.body.error.details[0].limited_by, "customer");
  assert.equal(refused.headers.get("retry-after"), "1");
  const one = await narrow.ask("GET", `/v1.0/conferences/${result[0].id}`);
  assert.equal(one.status, 200, "what is no list goes on");
  reading.gate = null;
  resolve();
  assert.equal((await first).status, 200);
  assert.equal((await narrow.ask("GET", path)).status, 200, "its place is free again");
  await narrow.close();
});

test("every_route_that_answers_with_a_list_waits_for_its_turn", () => {
  const lists = rest.routes.filter(({ replies }) => {
    const properties = replies[200]?.schema as { properties?: object } | undefined;
    return properties?.properties !== undefined && "result" in properties.properties;
  });
  assert.ok(lists.length >= 6, `${lists.length} lists`);
  for (const { method, path, is_list } of lists) assert.equal(is_list, true, `${method} ${path}`);
});
