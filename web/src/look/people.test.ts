import assert from "node:assert/strict";
import { test } from "node:test";
import { hue_count, hueOf, initials, readTime, someNames } from "./people.ts";

test("initials_are_the_first_letters_of_the_first_and_last_word", () => {
  assert.equal(initials("Ada Lovelace"), "AL");
  assert.equal(initials("ada maria lovelace"), "AL");
  assert.equal(initials("Élodie"), "É");
  assert.equal(initials("  "), "?");
  assert.equal(initials("(guest) 4"), "G4");
  assert.equal(initials("山田 太郎"), "山太");
});

test("a_colour_is_always_the_same_and_exists", () => {
  for (const id of ["a", "b", "019a41d2-8e0b-7c40-9f3e-5b2c7f1ad210", ""]) {
    assert.equal(hueOf(id), hueOf(id));
    assert.ok(hueOf(id) >= 0 && hueOf(id) < hue_count);
  }
});

test("three_names_are_said_and_the_rest_is_counted", () => {
  assert.deepEqual(someNames(["a", "b"]), { names: "a, b", count: 0 });
  assert.deepEqual(someNames(["a", "b", "c", "d", "e"]), { names: "a, b, c", count: 2 });
});

test("times_of_the_wire_are_utc_and_the_far_future_is_not_yet", () => {
  assert.equal(readTime("2026-11-23 10:00:02.123456")?.toISOString(), "2026-11-23T10:00:02.123Z");
  assert.equal(readTime("9999-01-01 00:00:00.000000"), null);
  assert.equal(readTime(""), null);
  assert.equal(readTime("soon"), null);
});
