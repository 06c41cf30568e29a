import assert from "node:assert/strict";
import { test } from "node:test";
import type { Person } from "@parley/client";
import { addJoin, mineOf } from "./mine.ts";

test("joins_of_a_conference_are_remembered_in_order_none_twice_and_not_for_ever", () => {
  let kept: string | null = null;
  const add = (conference_id: string, id: string): readonly string[] => {
    const added = addJoin(kept, conference_id, id);
    ({ kept } = added);
    return added.joins;
  };
  add("c", "one");
  add("c", "two");
  assert.deepEqual(add("c", "one"), ["two", "one"]);
  for (let at = 0; at < 30; at += 1) add(`other ${at}`, "x");
  assert.deepEqual(add("c", "three"), ["three"]);
});

test("what_is_remembered_may_be_anything", () => {
  for (const kept of ["", "[", "null", "7", '{"c": 5}', '"x"'])
    assert.deepEqual(addJoin(kept, "c", "one").joins, ["one"]);
});

test("what_somebody_wrote_who_is_in_beside_me_is_theirs_until_they_leave", () => {
  const people = [{ id: "me", is_me: true } as Person, { id: "tab", is_me: false } as Person];
  assert.deepEqual([...mineOf(["old", "tab"], "me", people)], ["old", "me"]);
  assert.deepEqual([...mineOf(["old", "tab"], "me", people.slice(0, 1))], ["old", "tab", "me"]);
});
