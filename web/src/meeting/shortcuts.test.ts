import assert from "node:assert/strict";
import { test } from "node:test";
import { type KeyPress, placeOf, shortcutFor, shortcuts } from "./shortcuts.ts";

const press = (key: string, given: Partial<KeyPress> = {}): KeyPress => ({
  key,
  with_modifier: false,
  is_repeat: false,
  is_composing: false,
  where: "page",
  ...given,
});

test("every_shortcut_of_the_list_works_on_the_page_in_either_case", () => {
  for (const { key, action } of shortcuts) {
    assert.equal(shortcutFor(press(key)), action);
    assert.equal(shortcutFor(press(key.toUpperCase())), action);
  }
});

test("no_shortcut_fires_in_a_text_field_or_dialog_with_a_modifier_or_while_composing", () => {
  for (const { key } of shortcuts) {
    assert.equal(shortcutFor(press(key, { where: "text" })), null);
    assert.equal(shortcutFor(press(key, { where: "dialog" })), null);
    assert.equal(shortcutFor(press(key, { with_modifier: true })), null);
    assert.equal(shortcutFor(press(key, { is_composing: true })), null);
    assert.equal(shortcutFor(press(key, { is_repeat: true })), null);
  }
});

test("space_on_a_button_presses_the_button_and_talks_to_nobody", () => {
  assert.equal(shortcutFor(press(" ", { where: "control" })), null);
  assert.equal(shortcutFor(press(" ")), "talk");
  assert.equal(shortcutFor(press("m", { where: "control" })), "microphone");
});

test("keys_are_given_once", () => {
  assert.equal(new Set(shortcuts.map(({ key }) => key)).size, shortcuts.length);
  assert.equal(new Set(shortcuts.map(({ action }) => action)).size, shortcuts.length);
});

// An element as far as the rule looks at it: which of these names stand in a matching part of the selector.
const element = (...matching: string[]) => ({
  closest: (selector: string) =>
    selector.split(", ").some((part) => matching.some((name) => part.startsWith(name))) ? {} : null,
});

test("the_place_of_a_key_is_told_by_its_element", () => {
  assert.equal(placeOf(element("textarea")), "text");
  assert.equal(placeOf(element("input:not")), "text");
  assert.equal(placeOf(element("[role=dialog]", "button")), "dialog");
  assert.equal(placeOf(element("textarea", "[role=dialog]")), "text");
  assert.equal(placeOf(element("button")), "control");
  assert.equal(placeOf(element()), "page");
});
