import assert from "node:assert/strict";
import { test } from "node:test";
import { createBudget, type Share } from "./budget.ts";

function rig(bytes_max: number) {
  const budget = createBudget(bytes_max);
  const closed: string[] = [];
  const open = (name: string, owner: string, owner_max: number): Share => {
    const share: Share = budget.open([{ key: owner, bytes_max: owner_max }], () => {
      closed.push(name);
      share.leave();
    });
    return share;
  };
  return { budget, closed, open };
}

test("whoever_holds_most_of_a_scope_gives_way_and_the_others_stay", () => {
  const { budget, closed, open } = rig(1_000);
  const small = open("small", "a", 100);
  const large = open("large", "a", 100);
  const other = open("other", "b", 100);
  other.take(100);
  large.take(90);
  small.take(11);
  assert.deepEqual(closed, ["large"]);
  assert.equal(budget.held, 111);
});

test("many_callers_together_hold_no_more_than_all_may", () => {
  const { budget, closed, open } = rig(250);
  for (let count = 0; count < 50; count += 1) {
    open(`one-${count}`, `caller-${count}`, 100).take(50);
    assert.ok(budget.held <= 250);
  }
  assert.equal(closed.length, 45);
});

test("what_was_given_back_or_has_left_counts_no_more", () => {
  const { budget, closed, open } = rig(100);
  const share = open("one", "a", 100);
  share.take(80);
  share.give(80);
  share.take(90);
  share.leave();
  share.give(90);
  share.take(1_000);
  assert.equal(budget.held, 0);
  assert.deepEqual(closed, []);
});
