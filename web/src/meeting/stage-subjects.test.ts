import assert from "node:assert/strict";
import { test } from "node:test";
import type { Person } from "@parley/client";
import { orderTiles, pickLarge, sharesAfter } from "./stage-subjects.ts";

const person = (id: string, fields: Partial<Person> = {}): Person =>
  ({ id, is_me: false, role: "member", screen: false, tm_update: "", ...fields }) as Person;

test("the_newest_screen_is_large_and_when_it_ends_the_one_before", () => {
  const ada = person("ada", { screen: true });
  const ben = person("ben");
  let shares = sharesAfter([], [ada, ben]);
  assert.equal(pickLarge([ada, ben], shares, null)?.person.id, "ada");
  const sharing = person("ben", { screen: true });
  shares = sharesAfter(shares, [ada, sharing]);
  assert.deepEqual(pickLarge([ada, sharing], shares, null), { person: sharing, source: "screen" });
  shares = sharesAfter(shares, [ada, ben]);
  assert.equal(pickLarge([ada, ben], shares, null)?.person.id, "ada");
});

test("ones_own_screen_is_never_large_by_itself_but_by_choice", () => {
  const me = person("me", { screen: true, is_me: true });
  const ada = person("ada", { screen: true });
  assert.equal(pickLarge([me], ["me"], null), null);
  assert.equal(pickLarge([ada, me], ["ada", "me"], null)?.person.id, "ada");
  const large = pickLarge([ada, me], ["ada", "me"], { person_id: "me", source: "screen" });
  assert.deepEqual(large, { person: me, source: "screen" });
});

test("a_choice_of_a_screen_that_has_ended_falls_back_to_the_newest", () => {
  const ada = person("ada", { screen: true });
  const ben = person("ben");
  const large = pickLarge([ada, ben], ["ada"], { person_id: "ben", source: "screen" });
  assert.equal(large?.person.id, "ada");
});

test("who_shared_before_one_came_in_is_ordered_by_the_last_change", () => {
  const late = person("ada", { screen: true, tm_update: "2026-01-01 10:00:02.000000" });
  const early = person("ben", { screen: true, tm_update: "2026-01-01 10:00:01.000000" });
  assert.deepEqual(sharesAfter([], [late, early]), ["ben", "ada"]);
});

test("screens_stand_at_the_end_of_the_first_page_and_nobody_moves_for_them", () => {
  const people = ["a", "b", "c", "d"];
  const given = { before: people, people, spoke: [], kept: null };
  const roomy = orderTiles({ ...given, screens: ["b:screen"], per_page: 9 });
  assert.deepEqual(roomy.all, ["a", "b", "c", "d", "b:screen"]);
  const tight = orderTiles({ ...given, screens: ["b:screen", "c:screen"], per_page: 4 });
  assert.deepEqual(tight.all, ["a", "b", "b:screen", "c:screen", "c", "d"]);
});
