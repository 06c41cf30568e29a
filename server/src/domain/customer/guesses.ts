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

/** Bounds of guessing (`limits.*`). */
export interface GuessLimits {
  /** Wrong tries without a delay. */
  readonly password_guesses_free: number;
  /** Milliseconds of the first delay; each further one is twice as long. */
  readonly password_delay_ms: number;
  /** Milliseconds of a delay, at most. */
  readonly password_delay_max_ms: number;
  /** Milliseconds without a wrong try until all are forgotten. */
  readonly password_forget_ms: number;
}

/** Places where tries are counted, about 100 bytes each. Several names may share one: that never lets through more. */
const slots_max = 65_536;

interface Slot {
  count: number;
  last_ms: number;
  next_ms: number;
}

/** Makes the counter; `seed` keeps strangers from choosing whose place they share. */
export function createGuesses(
  clock: Pick<Clock, "monotonic_ms">,
  seed: string,
  limits: GuessLimits,
): Guesses {
  const { password_guesses_free: free, password_delay_ms, password_delay_max_ms } = limits;
  const slots = new Map<number, Slot>();
  const slotOf = (key: string): Slot => {
    const at = Number.parseInt(hashSecret(seed + key).slice(0, 8), 16) % slots_max;
    const slot = slots.get(at) ?? { count: 0, last_ms: 0, next_ms: 0 };
    slots.set(at, slot);
    return slot;
  };
  return {
    take(key) {
      const slot = slotOf(key);
      const now_ms = clock.monotonic_ms();
      if (now_ms - slot.last_ms > limits.password_forget_ms) slot.count = 0;
      if (slot.count >= free && now_ms < slot.next_ms) {
        return Math.max(1, Math.ceil((slot.next_ms - now_ms) / 1000));
      }
      slot.count += 1;
      slot.last_ms = now_ms;
      const over = slot.count - free;
      const wait_ms = Math.min(password_delay_max_ms, password_delay_ms * 2 ** over);
      slot.next_ms = over < 0 ? 0 : now_ms + wait_ms;
      return 0;
    },
    undo(key) {
      const slot = slotOf(key);
      slot.count = Math.max(0, slot.count - 1);
      if (slot.count < free) slot.next_ms = 0;
    },
  };
}
