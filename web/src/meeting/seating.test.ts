import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seat, spoke } from "./seating.ts";

test("newcomers_sit_at_the_end_and_nobody_else_moves", () => {
  assert.deepEqual(seat(["a", "b"], ["a", "b", "c"], [], 25, null), ["a", "b", "c"]);
  assert.deepEqual(seat(["b", "a"], ["a", "b", "c"], ["a"], 25, null), ["b", "a", "c"]);
});

test("whoever_leaves_leaves_no_gap", () => {
  assert.deepEqual(seat(["a", "b", "c"], ["a", "c"], [], 25, null), ["a", "c"]);
});

test("a_speaker_of_a_later_page_takes_the_place_of_the_one_silent_for_longest", () => {
  const order = seat(["a", "b", "c", "d"], ["a", "b", "c", "d"], ["d", "a", "c"], 3, null);
  assert.deepEqual(order, ["a", "d", "c", "b"]);
});

test("i_am_never_moved_off_the_first_page", () => {
  const order = seat(["me", "b", "c"], ["me", "b", "c"], ["c", "b"], 2, "me");
  assert.deepEqual(order, ["me", "c", "b"]);
});

test("a_speaker_who_is_visible_stays_in_place", () => {
  assert.deepEqual(seat(["a", "b", "c"], ["a", "b", "c"], ["b"], 2, null), ["a", "b", "c"]);
});

test("everybody_present_has_exactly_one_seat_whatever_happens", () => {
  const ids = fc.uniqueArray(fc.constantFrom(..."abcdefghijkl"));
  fc.assert(
    fc.property(ids, ids, ids, fc.integer({ min: 1, max: 12 }), (before, present, heard, page) => {
      const order = seat(before, present, heard, page, before[0] ?? null);
      assert.deepEqual(order.toSorted(), present.toSorted());
      const speaker = heard[0];
      const can_move = order.slice(0, page).some((id) => id !== before[0]) || order.length === 0;
      if (speaker !== undefined && present.includes(speaker) && can_move)
        assert.ok(order.indexOf(speaker) < page || page === 1);
    }),
  );
});

test("those_who_spoke_are_remembered_latest_first_and_once", () => {
  assert.deepEqual(spoke(["a", "b"], "b"), ["b", "a"]);
  assert.deepEqual(spoke(["a", "b"], "c", 2), ["c", "a"]);
  const same = ["a"];
  assert.equal(spoke(same, "a"), same);
});
