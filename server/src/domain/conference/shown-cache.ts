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
  /** What is kept of this customer's; another's is not there. */
  get(id: ConferenceId, customer_id: CustomerId): Shown | undefined;
  /** Reads a customer's own through `load`, once for all of theirs who ask at the same time; what was forgotten meanwhile is given but not kept. */
  read(
    id: ConferenceId,
    customer_id: CustomerId,
    load: () => Promise<Shown | null>,
  ): Promise<Shown | null>;
  forget(id: ConferenceId): void;
}

/** Makes a cache of at most `size` conferences; the longest unread goes first. */
export function createShownCache(size: number): ShownCache {
  const kept = new Map<ConferenceId, Shown>();
  const loading = createSharedWork<string, Shown | null>();
  /** By conference, the customers who wait for it: whose it is they are about to learn. */
  const readers = new Map<ConferenceId, Set<CustomerId>>();
  const keyOf = (id: ConferenceId, customer_id: CustomerId): string => `${id} ${customer_id}`;
  return {
    get(id, customer_id) {
      const found = kept.get(id);
      if (found?.customer_id !== customer_id) return undefined;
      // Moves it to the young end.
      kept.delete(id);
      kept.set(id, found);
      return found;
    },
    read(id, customer_id, load) {
      const waiting = readers.get(id) ?? new Set();
      readers.set(id, waiting.add(customer_id));
      const read = loading.run(keyOf(id, customer_id), load, (shown) => {
        if (!shown) return;
        kept.set(id, shown);
        const oldest = kept.keys().next();
        if (kept.size > size && !oldest.done) kept.delete(oldest.value);
      });
      const done = (): void => {
        waiting.delete(customer_id);
        if (waiting.size === 0 && readers.get(id) === waiting) readers.delete(id);
      };
      read.then(done, done);
      return read;
    },
    forget(id) {
      kept.delete(id);
      for (const customer_id of readers.get(id) ?? []) loading.forget(keyOf(id, customer_id));
      readers.delete(id);
    },
  };
}
