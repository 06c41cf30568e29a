// Tokens that count no more although their signature is right: after a log-out, a ban, or when somebody took them back.
import type { Clock, Instant } from "../../kernel/clock.ts";
import type { CustomerId, TokenId } from "../../kernel/id.ts";
import type { Log } from "../../kernel/log.ts";
import { createSharedWork } from "../../kernel/shared-work.ts";
import type { Database, Store } from "../../store/index.ts";
import * as tokenStore from "./token-store.ts";

/** `banned`: makes no join and no new watcher any more, while others are in with it. `revoked`: good for nothing. */
export type Revocation = "banned" | "revoked";

/** A token that is taken back. */
export interface Revoked {
  readonly id: TokenId;
  readonly customer_id: CustomerId;
  readonly state: Revocation;
  /** When it would have expired; not before it may be forgotten. */
  readonly tm_expire: Instant;
}

/** A revocation that counts already and is not written yet. */
export interface Held {
  /** Writes it; several calls write more. */
  write(db: Database, revoked: readonly Revoked[]): Promise<void>;
  /** What was written is committed: it counts for good, and everybody is told. */
  keep(): void;
  /** Nothing was written: what was held counts again. Harmless after {@link keep}. */
  release(): void;
}

/** What is known of taken-back tokens. */
export interface Revocations {
  /** Whether a token was taken back. Without a wait, but for the first call and on an installation with very many. */
  find(id: TokenId): Revocation | null | Promise<Revocation | null>;
  /** From now on the token makes no join, before anything is written: what is under way meanwhile cannot slip through. */
  hold(ids: readonly TokenId[]): Held;
  /** Holds, writes and keeps. */
  revoke(revoked: readonly Revoked[]): Promise<void>;
  /** Calls `told` with each token that was taken back, at once. The result ends it. */
  onRevoked(told: (id: TokenId, state: Revocation) => void): () => void;
  /** Stops the timer. */
  close(): void;
}

/** Taken-back tokens kept in memory, about 150 bytes each; where there are more, the database is asked. */
const kept_max = 200_000;
/** Milliseconds between two looks for what can be forgotten. */
const purge_interval_ms = 86_400_000;
/** Milliseconds that the wall clock may have moved beside the other one in that time; beyond it nothing is forgotten. */
const steady_ms = 3_600_000;

/** Makes them; read from the database when first asked. */
export function createRevocations(ports: {
  store: Store;
  clock: Clock;
  log: Log;
  /** For tests. */
  kept_max?: number;
}): Revocations {
  const { store, clock, log } = ports;
  const max = ports.kept_max ?? kept_max;
  const kept = new Map<TokenId, Revocation>();
  const held = new Map<TokenId, number>();
  const listeners = new Set<(id: TokenId, state: Revocation) => void>();
  const loading = createSharedWork<"all", void>();
  let is_loaded = false;
  let is_complete = true;

  const remember = (id: TokenId, state: Revocation): void => {
    if (kept.has(id) || kept.size < max) kept.set(id, state);
    else is_complete = false;
  };
  const load = (): Promise<void> =>
    loading.run(
      "all",
      async () => {
        for (const { id, state } of await tokenStore.allRevoked(store.db, max + 1)) {
          // What was taken back meanwhile is newer.
          if (!kept.has(id)) remember(id, state);
        }
      },
      () => {
        is_loaded = true;
      },
    );
  const judge = (id: TokenId): Revocation | null | Promise<Revocation | null> => {
    const known = kept.get(id);
    if (known) return known;
    if (held.has(id)) return "banned";
    return is_complete ? null : tokenStore.findRevoked(store.db, id);
  };

  // What has expired need not be known; but a clock that is years ahead for a moment must bring nothing back.
  let looked = { wall_us: clock.now(), at_ms: clock.monotonic_ms() };
  const purge = clock.every(purge_interval_ms, () => {
    const now = { wall_us: clock.now(), at_ms: clock.monotonic_ms() };
    const drift_ms = (now.wall_us - looked.wall_us) / 1000 - (now.at_ms - looked.at_ms);
    looked = now;
    if (Math.abs(drift_ms) > steady_ms) return;
    tokenStore
      .purge(store.db, now.wall_us)
      .then((gone) => {
        for (const id of gone) kept.delete(id);
      })
      .catch((err: unknown) => log.warn({ err }, "expired tokens could not be cleared away"));
  });

  const hold: Revocations["hold"] = (ids) => {
    let mine = [...ids];
    for (const id of mine) held.set(id, (held.get(id) ?? 0) + 1);
    const release = (): void => {
      for (const id of mine) {
        const left = (held.get(id) ?? 1) - 1;
        if (left > 0) held.set(id, left);
        else held.delete(id);
      }
      mine = [];
    };
    let written: readonly Revoked[] = [];
    return {
      async write(db, revoked) {
        written = [...written, ...revoked];
        await tokenStore.insertRevoked(db, revoked, clock.now());
      },
      keep() {
        for (const { id, state } of written) {
          const before = kept.get(id);
          if (before === state || before === "revoked") continue;
          remember(id, state);
          for (const told of listeners) told(id, state);
        }
        release();
      },
      release,
    };
  };

  return {
    find: (id) => (is_loaded ? judge(id) : load().then(() => judge(id))),
    hold,
    async revoke(revoked) {
      const taken = hold(revoked.map(({ id }) => id));
      try {
        await taken.write(store.db, revoked);
        taken.keep();
      } finally {
        taken.release();
      }
    },
    onRevoked(told) {
      listeners.add(told);
      return () => listeners.delete(told);
    },
    close: () => purge.cancel(),
  };
}
