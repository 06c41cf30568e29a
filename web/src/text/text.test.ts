import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { en } from "./en.ts";
import { chooseLanguage, languages, type TextKey, write } from "./index.ts";

const keys = Object.keys(en) as TextKey[];
const forms = (entry: string | { one: string; other: string }): string[] =>
  typeof entry === "string" ? [entry] : [entry.one, entry.other];
const blanks = (text: string): string[] =>
  [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name))].toSorted();

test("every_language_has_exactly_the_english_keys", () => {
  for (const [code, { texts }] of Object.entries(languages))
    assert.deepEqual(Object.keys(texts).toSorted(), keys.toSorted(), code);
});

test("every_translation_fills_the_same_blanks_and_says_something", () => {
  for (const [code, { texts }] of Object.entries(languages)) {
    for (const key of keys) {
      const wanted = new Set(forms(en[key]).flatMap(blanks));
      const given = new Set(forms(texts[key]).flatMap(blanks));
      assert.deepEqual([...given].toSorted(), [...wanted].toSorted(), `${code}: ${key}`);
      for (const text of forms(texts[key])) assert.notEqual(text.trim(), "", `${code}: ${key}`);
      assert.equal(typeof texts[key], typeof en[key], `${code}: ${key} has other forms`);
    }
  }
});

test("every_text_is_used_somewhere", () => {
  const root = join(import.meta.dirname, "..");
  const source = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => /\.tsx?$/.test(path) && !/^text\//.test(path) && !/\.test\./.test(path))
    .map((path) => readFileSync(join(root, path), "utf8"))
    .join("\n");
  // Keys that are put together: `status_${…}` and its like. A mere blank would fit everything.
  const made = [...source.matchAll(/`([a-z_]*)\$\{[^}]+\}([a-z_]*)`/g)]
    .filter(([, start = "", end = ""]) => start.length + end.length >= 4)
    .map(([, start = "", end = ""]) => new RegExp(`^${start}[a-z_]+${end}$`));
  const unused = keys.filter(
    (key) => !source.includes(`"${key}"`) && !made.some((pattern) => pattern.test(key)),
  );
  assert.deepEqual(unused, []);
});

test("numbers_choose_the_form_and_are_written_as_the_language_does", () => {
  assert.equal(write("en", "people_count", { count: 1 }), "1 person");
  assert.equal(write("en", "people_count", { count: 1200 }), "1,200 people");
  assert.equal(write("de", "people_count", { count: 1200 }), "1.200 Personen");
  assert.equal(write("de", "people_count", { count: 1 }), "1 Person");
});

test("a_blank_without_a_value_stays_visible", () => {
  assert.equal(write("en", "screen_of"), "Screen of {name}");
});

test("a_value_is_not_filled_again", () => {
  assert.equal(write("en", "screen_of", { name: "{name} $& {id}" }), "Screen of {name} $& {id}");
});

test("the_first_known_language_of_the_browser_is_chosen_else_english", () => {
  assert.equal(chooseLanguage(["fr-FR", "de-AT", "en"]), "de");
  assert.equal(chooseLanguage(["fr"]), "en");
  assert.equal(chooseLanguage(["constructor"]), "en");
  assert.equal(chooseLanguage([]), "en");
});
