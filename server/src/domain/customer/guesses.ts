// How soon somebody may try a password again. By name whether it exists or not; the delay grows and has an end, so that it locks nobody out.
import type { Clock } from "../../kernel/clock.ts";
import { hashSecret } from "../../kernel/id.ts";

/** Tries of passwords. */
export interface Guesses {
  /** Counts a try; 0 when it may be made, else the seconds until it may. */
  take(key: string): number;
  /** It was right, or was not made after all: it does not count. */
  undo(key: string): void;
}

/** Bounds of guessing. */
export const guess_limits = {
  /** Wrong tries without a delay. */
  free: 5,
  /** Milliseconds of the first delay; each further one is twice as long. */
  delay_ms: 1_000,
  /** Milliseconds of a delay, at most. */
  delay_max_ms: 60_000,
  /** Milliseconds without a wrong try until all are forgotten. */
  forget_ms: 3_600_000,
  /** Places where tries are counted, about 100 bytes each. Several names may share one: that never lets through more. */
  slots: 65_536,
} as const;

interface Slot {
  count: number;
  last_ms: number;
  next_ms: number;
}

/** Makes the counter; `seed` keeps strangers from choosing whose place they share. */
export function createGuesses(clock: Pick<Clock, "monotonic_ms">, seed: string): Guesses {
  const slots = new Map<number, Slot>();
  const slotOf = (key: string): Slot => {
    const at = Number.parseInt(hashSecret(seed + key).slice(0, 8), 16) % guess_limits.slots;
    const slot = slots.get(at) ?? { count: 0, last_ms: 0, next_ms: 0 };
    slots.set(at, slot);
    return slot;
  };
  return {
    take(key) {
      const slot = slotOf(key);
      const now_ms = clock.monotonic_ms();
      if (now_ms - slot.last_ms > guess_limits.forget_ms) slot.count = 0;
      if (slot.count >= guess_limits.free && now_ms < slot.next_ms) {
        return Math.max(1, Math.ceil((slot.next_ms - now_ms) / 1000));
      }
      slot.count += 1;
      slot.last_ms = now_ms;
      const over = slot.count - guess_limits.free;
      const { delay_ms, delay_max_ms } = guess_limits;
      slot.next_ms = over < 0 ? 0 : now_ms + Math.min(delay_max_ms, delay_ms * 2 ** over);
      return 0;
    },
    undo(key) {
      const slot = slotOf(key);
      slot.count = Math.max(0, slot.count - 1);
      if (slot.count < guess_limits.free) slot.next_ms = 0;
    },
  };
}
