import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog, Pii } from "./log.ts";

const capture = (personal: boolean) => {
  const lines: string[] = [];
  const log = createLog({ level: "debug", personal }, { write: (line) => void lines.push(line) });
  return { log, text: () => lines.join("") };
};

test("a_credential_reaches_no_line_whichever_field_or_error_holds_it", () => {
  const { log, text } = capture(true);
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
  const key = "vb_0123456789abcdef0123";
  log.info({ url: `/v1.0/conferences?page_size=1&token=${jwt}&a=1` }, "request");
  log.info({ deep: { url: `/x?accesskey=${key}#top` } }, `bearer ${jwt}`);
  log.error({ err: new Error(`GET /meet?token=${jwt}`) }, "failed");
  log.child({ authorization: `Bearer ${key}` }).warn("child");
  assert.ok(!text().includes("eyJ") && !text().includes("vb_0"));
  assert.match(text(), /page_size=1&token=\*\*\*&a=1/);
  for (const line of text().trim().split("\n")) JSON.parse(line);
});

test("personal_data_shows_only_where_the_operator_asked_for_it", () => {
  const hidden = capture(false);
  hidden.log.info({ name: new Pii("Ada"), nested: { name: new Pii("Ada") } }, "joined");
  assert.ok(!hidden.text().includes("Ada"));
  const shown = capture(true);
  shown.log.info({ name: new Pii("Ada") }, "joined");
  assert.ok(shown.text().includes("Ada"));
});

test("an_error_shows_its_causes_and_nothing_that_a_library_hung_on_it", () => {
  const { log, text } = capture(true);
  const cause = Object.assign(new Error("connection refused"), {
    code: "ECONNREFUSED",
    client: { key: "k3y" },
  });
  log.error({ err: new Error("no answer", { cause }) }, "failed");
  const { err } = JSON.parse(text());
  assert.equal(err.message, "no answer");
  assert.equal(err.cause.code, "ECONNREFUSED");
  assert.match(err.cause.stack, /log\.test/);
  assert.ok(!text().includes("k3y"));
});
