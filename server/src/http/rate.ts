// Token buckets: how often somebody may ask.
import type { Clock } from "../kernel/clock.ts";

/** A limit on how often. */
export interface Rate {
  /** Takes one; 0 when it was there, else the seconds until it is, rounded up. */
  take(key: string): number;
}

/** Buckets remembered per limit; the longest unused are forgotten first, which only ever lets through more. */
const buckets_max = 50_000;

interface Bucket {
  left: number;
  at_ms: number;
}

/** Makes a limit of `per_second`, `burst` at once. `per_second` 0 limits nothing. */
export function createRate(clock: Clock, per_second: number, burst: number): Rate {
  const buckets = new Map<string, Bucket>();
  const size = Math.max(1, burst);
  return {
    take(key) {
      if (per_second === 0) return 0;
      const now_ms = clock.monotonic_ms();
      let bucket = buckets.get(key);
      if (!bucket) {
        bucket = { left: size, at_ms: now_ms };
        buckets.set(key, bucket);
        if (buckets.size > buckets_max) forgetFull(buckets, now_ms);
      }
      bucket.left = Math.min(size, bucket.left + ((now_ms - bucket.at_ms) * per_second) / 1000);
      bucket.at_ms = now_ms;
      if (bucket.left >= 1) {
        bucket.left -= 1;
        return 0;
      }
      return Math.max(1, Math.ceil((1 - bucket.left) / per_second));
    },
  };

  // Full again means the same as never seen. Where none is full the older half goes.
  function forgetFull(all: Map<string, Bucket>, now_ms: number): void {
    for (const [key, bucket] of all) {
      if (bucket.left + ((now_ms - bucket.at_ms) * per_second) / 1000 >= size) all.delete(key);
    }
    let over = all.size - buckets_max / 2;
    for (const key of all.keys()) {
      if (over-- <= 0) break;
      all.delete(key);
    }
  }
}

export { rateAddress } from "../kernel/address.ts";
