import assert from "node:assert/strict";
import { test } from "node:test";
import { isFull, problemText } from "./problem-texts.ts";

test("a_full_conference_is_told_from_one_that_is_over", () => {
  const full = { reason: "STATE_INVALID", details: [{ limit: 2 }] };
  const over = { reason: "STATE_INVALID", details: [{ status: "terminated" }] };
  assert.ok(isFull(full));
  assert.ok(isFull({ reason: "CONFERENCE_FULL", details: [] }));
  assert.ok(!isFull(over));
  assert.equal(problemText(full), "problem_full");
  assert.equal(problemText(over), "problem_state");
});

test("a_reason_that_the_pages_do_not_know_is_left_to_the_server", () => {
  assert.equal(problemText({ reason: "INVALID_ARGUMENT", details: [] }), null);
  assert.equal(problemText({ reason: "constructor", details: [] }), null);
  assert.equal(problemText({ reason: "INVALID_CREDENTIALS", details: [] }), "problem_credentials");
});
