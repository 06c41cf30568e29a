import assert from "node:assert/strict";
import { test } from "node:test";
import { recipientOf } from "./recipient.ts";

const [ben, cleo] = [{ id: "ben" }, { id: "cleo" }];

test("what_is_meant_for_one_person_reaches_nobody_once_that_person_has_left", () => {
  assert.deepEqual(recipientOf(ben, [ben, cleo]), { kind: "one", one: ben });
  assert.deepEqual(recipientOf(ben, [cleo]), { kind: "gone" });
  assert.deepEqual(recipientOf(ben, []), { kind: "gone" });
  assert.deepEqual(recipientOf(null, [cleo]), { kind: "everyone" });
});
