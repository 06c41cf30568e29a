// What the pages remember in this browser. Nothing of it is secret but the console's log-in.

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

const keyOf = (name: PreferenceName): string => `parley.page.${name}`;

/** The remembered value, or null. Also null where the browser forbids storage. */
export function readPreference(name: PreferenceName): string | null {
  return storage()?.getItem(keyOf(name)) ?? null;
}

/** Remembers a value; null forgets it. */
export function writePreference(name: PreferenceName, value: string | null): void {
  const kept = storage();
  if (value === null) kept?.removeItem(keyOf(name));
  else kept?.setItem(keyOf(name), value);
}

function storage(): Storage | null {
  try {
    return globalThis.localStorage;
  } catch {
    // Reading the property throws where the user forbids storage; then nothing is remembered.
    return null;
  }
}
