// How many bytes wait for readers: per socket, per caller, per customer and in all. Whoever holds most gives way first. Pure.

/** What one socket holds. */
export interface Share {
  /** Bytes that it holds now. */
  readonly held: number;
  /** Takes bytes; where that is too much in some scope, `over` of the largest share of that scope is called, which may be this one. */
  take(bytes: number): void;
  /** Gives bytes back. */
  give(bytes: number): void;
  /** The socket is closing or gone: what it holds counts no more. */
  leave(): void;
}

/** One bound that several shares have together. */
export interface Scope {
  readonly key: string;
  readonly bytes_max: number;
}

/** All shares. */
export interface Budget {
  /** Opens a share within these scopes. */
  open(scopes: readonly Scope[], over: () => void): Share;
  /** Bytes that all hold. */
  readonly held: number;
}

interface Pool {
  held: number;
  readonly bytes_max: number;
  readonly shares: Map<object, { held: number; readonly over: () => void }>;
}

/** Makes a budget of `bytes_max` for all shares together. */
export function createBudget(bytes_max: number): Budget {
  const all: Pool = { held: 0, bytes_max, shares: new Map() };
  const pools = new Map<string, Pool>();

  const relieve = (pool: Pool): void => {
    while (pool.held > pool.bytes_max) {
      let largest: { held: number; readonly over: () => void } | null = null;
      for (const share of pool.shares.values()) {
        if (largest === null || share.held > largest.held) largest = share;
      }
      if (largest === null) return;
      const before = pool.held;
      largest.over();
      // It left by that; one that did not would be asked for ever.
      if (pool.held >= before) return;
    }
  };

  return {
    get held() {
      return all.held;
    },
    open(scopes, over) {
      const mine = scopes.map(({ key, bytes_max: max }) => {
        const pool = pools.get(key) ?? { held: 0, bytes_max: max, shares: new Map() };
        pools.set(key, pool);
        return { key, pool };
      });
      const share = { held: 0, over };
      const everywhere = [...mine.map(({ pool }) => pool), all];
      for (const pool of everywhere) pool.shares.set(share, share);
      let has_left = false;
      const add = (bytes: number): void => {
        share.held += bytes;
        for (const pool of everywhere) pool.held += bytes;
      };
      return {
        get held() {
          return share.held;
        },
        take(bytes) {
          if (has_left) return;
          add(bytes);
          for (const pool of everywhere) relieve(pool);
        },
        give(bytes) {
          if (!has_left) add(-bytes);
        },
        leave() {
          if (has_left) return;
          add(-share.held);
          has_left = true;
          for (const pool of everywhere) pool.shares.delete(share);
          for (const { key, pool } of mine) if (pool.shares.size === 0) pools.delete(key);
        },
      };
    },
  };
}
