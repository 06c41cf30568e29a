// Which key does what, and when a key belongs to somebody else.
import type { TextKey } from "../text/index.ts";

/** What a key can do. */
export type ShortcutAction =
  | "microphone"
  | "talk"
  | "camera"
  | "chat"
  | "people"
  | "share"
  | "hand"
  | "full"
  | "help"
  | "escape";

/** A key and what it does, as the list of shortcuts shows it. */
export interface Shortcut {
  readonly action: ShortcutAction;
  /** As `KeyboardEvent.key`, lower case. */
  readonly key: string;
  readonly caption: string | TextKey;
  readonly text: TextKey;
}

/** Every shortcut, in the order of the list. */
export const shortcuts: readonly Shortcut[] = [
  { action: "microphone", key: "m", caption: "M", text: "shortcut_microphone" },
  { action: "talk", key: " ", caption: "key_space", text: "shortcut_talk" },
  { action: "camera", key: "v", caption: "V", text: "shortcut_camera" },
  { action: "share", key: "d", caption: "D", text: "shortcut_share" },
  { action: "hand", key: "r", caption: "R", text: "shortcut_hand" },
  { action: "chat", key: "c", caption: "C", text: "shortcut_chat" },
  { action: "people", key: "p", caption: "P", text: "shortcut_people" },
  { action: "full", key: "s", caption: "S", text: "shortcut_full" },
  { action: "help", key: "?", caption: "?", text: "shortcut_help" },
  { action: "escape", key: "escape", caption: "key_escape", text: "shortcut_escape" },
];

/** A key that was pressed, and where. */
export interface KeyPress {
  readonly key: string;
  readonly with_modifier: boolean;
  readonly is_repeat: boolean;
  /** Text is being composed (input methods). */
  readonly is_composing: boolean;
  /** `text`: a field takes the key. `control`: a button or list, which Space and Enter belong to. `dialog`: something is open above the page. */
  readonly where: "text" | "control" | "dialog" | "page";
}

/** What the key does here; null: it is not ours. Nothing ever fires in a text field. */
export function shortcutFor(press: KeyPress): ShortcutAction | null {
  if (press.with_modifier || press.is_repeat || press.is_composing) return null;
  const found = shortcuts.find(({ key }) => key === press.key.toLowerCase());
  if (!found || press.where === "text" || press.where === "dialog") return null;
  if (press.where === "control" && found.action === "talk") return null;
  return found.action;
}

/** Where a key was pressed, by the element that has it. */
export function placeOf(target: { closest(selector: string): unknown }): KeyPress["where"] {
  const text_fields =
    "textarea, select, [contenteditable=''], [contenteditable=true], input:not([type=checkbox]):not([type=radio]):not([type=button]):not([type=range])";
  if (target.closest(text_fields)) return "text";
  if (target.closest("[role=dialog], [role=alertdialog], [role=menu], [role=listbox]"))
    return "dialog";
  return target.closest("button, a, input, [role=tab], summary, [tabindex]") ? "control" : "page";
}
