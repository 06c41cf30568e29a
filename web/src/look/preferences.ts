// What the pages remember in this browser. Nothing of it is secret but the console's log-in.

import { openBrowserStore } from "@parley/client";

/** Names of what is remembered. */
export type PreferenceName =
  | "name"
  | "language"
  | "theme"
  | "hide_self"
  | "microphone"
  | "camera"
  | "shortcuts"
  | "login";

const store = openBrowserStore();

/** The remembered value, or null. Where the browser forbids storage, what was chosen on this page. */
export function readPreference(name: PreferenceName): string | null {
  return store.read(`page.${name}`);
}

/** Remembers a value; null forgets it. */
export function writePreference(name: PreferenceName, value: string | null): void {
  store.write(`page.${name}`, value);
}
