// What a browser remembers, whatever it allows: storage may be absent, null, full, or throw at every touch.

/** What is used of a browser's storage. */
export type KeptStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** A few words under names of their own. Never throws; where the browser keeps nothing, they last as long as the page. */
export interface BrowserStore {
  /** The remembered value, or null. */
  read(name: string): string | null;
  /** Remembers a value; null forgets it. */
  write(name: string, value: string | null): void;
}

/** Names in every store begin with it. */
export const store_prefix = "parley.";

/** Opens a store. `storage`: where values are kept; null: nowhere but in this page. Default: localStorage, where the browser gives it. */
export function openBrowserStore(storage: KeptStorage | null = ofBrowser()): BrowserStore {
  // What could not be kept, by name; null stands for "forgotten".
  const here = new Map<string, string | null>();
  return {
    read(name) {
      const kept = here.get(name);
      if (kept !== undefined) return kept;
      try {
        return storage?.getItem(store_prefix + name) ?? null;
      } catch {
        // Privacy settings, a sandboxed frame, a store that is broken: nothing is remembered.
        return null;
      }
    },
    write(name, value) {
      try {
        if (!storage) throw new Error("this browser keeps nothing");
        if (value === null) storage.removeItem(store_prefix + name);
        else storage.setItem(store_prefix + name, value);
        here.delete(name);
      } catch {
        // Not kept, or full: the page itself goes on with what was chosen.
        here.set(name, value);
      }
    },
  };
}

function ofBrowser(): KeptStorage | null {
  try {
    // null in some embedded browsers, absent in others; reading the property throws where storage is forbidden.
    return (globalThis.localStorage as KeptStorage | null | undefined) ?? null;
  } catch {
    return null;
  }
}
