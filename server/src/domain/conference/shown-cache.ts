// Conferences as text, ready to send: reading one of them is what clients do most.
import type { ConferenceId, CustomerId } from "../../kernel/id.ts";

/** A conference in its shown form. */
export interface Shown {
  readonly customer_id: CustomerId;
  /** JSON. */
  readonly text: string;
}

/** Remembers shown conferences. Only one server process writes a database, so what it forgets at each write is enough. */
export interface ShownCache {
  get(id: ConferenceId): Shown | undefined;
  /** Reads through `load`; what was forgotten meanwhile is given but not kept. */
  read(id: ConferenceId, load: () => Promise<Shown | null>): Promise<Shown | null>;
  forget(id: ConferenceId): void;
}

/** Makes a cache of at most `size` conferences; the longest unread goes first. */
export function createShownCache(size: number): ShownCache {
  const kept = new Map<ConferenceId, Shown>();
  // How often each conference was forgotten while somebody was loading it.
  const loading = new Map<ConferenceId, { readers: number; forgotten: number }>();
  return {
    get: (id) => kept.get(id),
    async read(id, load) {
      const found = kept.get(id);
      if (found) {
        // Moves it to the young end.
        kept.delete(id);
        kept.set(id, found);
        return found;
      }
      const state = loading.get(id) ?? { readers: 0, forgotten: 0 };
      loading.set(id, state);
      state.readers += 1;
      const forgotten = state.forgotten;
      try {
        const shown = await load();
        if (shown && state.forgotten === forgotten) {
          kept.set(id, shown);
          const oldest = kept.keys().next();
          if (kept.size > size && !oldest.done) kept.delete(oldest.value);
        }
        return shown;
      } finally {
        state.readers -= 1;
        if (state.readers === 0) loading.delete(id);
      }
    },
    forget(id) {
      kept.delete(id);
      const state = loading.get(id);
      if (state) state.forgotten += 1;
    },
  };
}
