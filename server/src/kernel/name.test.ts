import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanName, readName } from "./name.ts";

test("names_of_every_script_stay_as_they_are", () => {
  for (const name of [
    "Ana",
    "José Ñandú",
    "محمد",
    "שלום",
    "नमस्ते",
    "می\u200cخواهم",
    "李小龙",
    "👩\u200d👩\u200d👧",
    "❤\ufe0f",
    "O'Brien-Smith Jr. (2)",
    "…",
  ]) {
    assert.equal(cleanName(name), name.normalize("NFC"), name);
  }
});

test("what_turns_other_text_around_or_cannot_be_seen_is_gone", () => {
  assert.equal(cleanName("a\u202egnp.exe\u202c"), "agnp.exe");
  assert.equal(cleanName("\u2066a\u2069\u200e\u061c"), "a");
  assert.equal(cleanName(" a \u00a0\u3000 b\n\tc\u2028d "), "a b c d");
  assert.equal(cleanName("a\u0000\u001b[31m\u007f"), "a[31m");
  assert.equal(cleanName("e\u0301"), "é");
  assert.equal(cleanName("a\u{e0041}\u{e0042}"), "a");
});

test("a_name_of_nothing_to_see_is_refused", () => {
  for (const name of [
    " ",
    "\u200b",
    "\u2060\ufeff",
    "\u3164",
    "\u2800",
    "\u115f\u1160",
    "\u202e",
    "\u200d",
    "\u0301",
    "\u00ad",
    "\ufe0f",
    "\t\n",
    "\u{e0020}",
    "\ud800",
  ]) {
    assert.equal(cleanName(name), "", JSON.stringify(name));
    assert.throws(
      () => readName(name, "name"),
      { reason: "INVALID_ARGUMENT" },
      JSON.stringify(name),
    );
  }
  assert.equal(readName("", "name"), "");
});
