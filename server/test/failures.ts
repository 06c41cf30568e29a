// Makes any await of the domain fail: statements, transactions, requests to a media worker. Counted, so that each can be reached in turn.
import type { KyselyPlugin } from "kysely";
import type { Database, Store, Tx } from "../src/store/index.ts";
import type { FakeWorkers } from "./fake-worker.ts";

/** What fails at an await; the next ones are as ever. */
export type Failure = () => Error;

/** Counts awaits and lets one or some of them fail. */
export interface Fuse {
  /** Called at each await; throws where it is one that fails. */
  pass(point: string): void;
  /** From here on awaits are counted anew, and those at the given numbers (1 is the next) fail. */
  arm(failing: ReadonlyMap<number, Failure>): void;
  /** Nothing fails any more; gives the points that did. */
  disarm(): string[];
}

/** Makes one that lets everything pass. */
export function createFuse(): Fuse {
  let failing: ReadonlyMap<number, Failure> = new Map();
  let count = 0;
  let failed: string[] = [];
  return {
    pass(point) {
      count += 1;
      const failure = failing.get(count);
      if (!failure) return;
      failed.push(`${count} ${point}`);
      throw failure();
    },
    arm(given) {
      failing = given;
      count = 0;
      failed = [];
    },
    disarm() {
      failing = new Map();
      return failed;
    },
  };
}

/**
 * A store of which each statement may fail before it is made and after it was answered, each transaction before it
 * begins and before it is committed, and one without events afterwards: of one with events the store knows what became of it.
 */
export function failingStore(store: Store, fuse: Fuse): Store {
  const plugin: KyselyPlugin = {
    transformQuery({ node }) {
      fuse.pass("a statement");
      return node;
    },
    async transformResult({ result }) {
      fuse.pass("the answer to a statement");
      return result;
    },
  };
  return {
    ...store,
    db: store.db.withPlugin(plugin),
    journal: {
      ...store.journal,
      async read(...given) {
        fuse.pass("a read of the journal");
        return await store.journal.read(...given);
      },
    },
    async transaction<T>(run: (tx: Tx) => Promise<T>): Promise<T> {
      fuse.pass("a transaction");
      let has_events = false;
      const result = await store.transaction(async (tx) => {
        const inside = await run({
          db: tx.db.withPlugin(plugin) as Database,
          append(event) {
            has_events = true;
            return tx.append(event);
          },
        });
        fuse.pass("a commit");
        return inside;
      });
      if (!has_events) fuse.pass("the answer to a commit");
      return result;
    },
  };
}

/** Lets the media workers refuse a request, or die of it: what they had done by then is gone with them. */
export function failWorkers(fakes: FakeWorkers, fuse: Fuse): void {
  const never = new Set(["configure", "hello", "restore", "ping", "shutdown", "stats"]);
  fakes.answer = (request, worker) => {
    if (never.has(request.type)) return undefined;
    // What is closed is closed: a worker refuses that to nobody.
    if (!request.type.endsWith("_close")) {
      try {
        fuse.pass(`${request.type}, refused`);
      } catch {
        return { code: "limit_reached" };
      }
    }
    try {
      fuse.pass(`${request.type}, of which the worker dies`);
    } catch {
      worker.die();
      return null;
    }
    return undefined;
  };
}
