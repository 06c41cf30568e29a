// What the pages remember in this browser. Nothing of it is secret but the console's log-in.

import { openBrowserStore, store_prefix } from "@parley/client";

/** Names of what is remembered. */
export type PreferenceName =
  | "name"
  | "language"
  | "theme"
  | "hide_self"
  | "microphone"
  | "camera"
  | "shortcuts"
  | "joins"
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

/** Calls `changed` when another tab changes what is remembered under this name; returns what ends it. */
export function onPreference(name: PreferenceName, changed: () => void): () => void {
  const hear = ({ key }: StorageEvent): void => {
    // Without a key everything was forgotten at once.
    if (key === null || key === `${store_prefix}page.${name}`) changed();
  };
  globalThis.addEventListener("storage", hear);
  return () => globalThis.removeEventListener("storage", hear);
}
