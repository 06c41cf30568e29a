// Conferences as text, ready to send: reading one of them is what clients do most.
import type { ConferenceId, CustomerId } from "../../kernel/id.ts";
import { createSharedWork } from "../../kernel/shared-work.ts";

/** A conference in its shown form. */
export interface Shown {
  readonly customer_id: CustomerId;
  /** JSON. */
  readonly text: string;
}

/** Remembers shown conferences. Only one server process writes a database, so what it forgets at each write is enough. */
export interface ShownCache {
  get(id: ConferenceId): Shown | undefined;
  /** Reads through `load`, once for all who ask at the same time; what was forgotten meanwhile is given but not kept. */
  read(id: ConferenceId, load: () => Promise<Shown | null>): Promise<Shown | null>;
  forget(id: ConferenceId): void;
}

/** Makes a cache of at most `size` conferences; the longest unread goes first. */
export function createShownCache(size: number): ShownCache {
  const kept = new Map<ConferenceId, Shown>();
  const loading = createSharedWork<ConferenceId, Shown | null>();
  return {
    get: (id) => kept.get(id),
    read(id, load) {
      const found = kept.get(id);
      if (found) {
        // Moves it to the young end.
        kept.delete(id);
        kept.set(id, found);
        return Promise.resolve(found);
      }
      return loading.run(id, load, (shown) => {
        if (!shown) return;
        kept.set(id, shown);
        const oldest = kept.keys().next();
        if (kept.size > size && !oldest.done) kept.delete(oldest.value);
      });
    },
    forget(id) {
      kept.delete(id);
      loading.forget(id);
    },
  };
}
