// Writes whose outcome nobody knows yet: whoever asked is told so in time, and the write goes on to its end.
import type { Clock, Timer } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { type Problem, problems } from "../kernel/problem.ts";

/** Bounds how long answers to writes are waited for while the outcome of a commit is not known. */
export interface InDoubt {
  /**
   * The result of a write, as it comes. Errors: its own; SERVICE_UNAVAILABLE, which says that the outcome is not known, while
   * a commit is in doubt and this write has been waited for as long as a silent database is. Then its end is logged.
   */
  bound<T>(result: Promise<T>, request_id: string): Promise<T>;
  close(): void;
}

const look_interval_ms = 20;

/** Makes it. `isInDoubt` is the store's. */
export function createInDoubt(ports: {
  clock: Clock;
  log: Log;
  isInDoubt: () => boolean;
  limits: { readonly database_silent_ms: number };
}): InDoubt {
  const { clock, log, isInDoubt, limits } = ports;
  const waiting = new Set<{ readonly since_ms: number; giveUp(reason: Problem): void }>();
  let looking: Timer | null = null;

  const look = (): void => {
    if (waiting.size === 0) {
      looking?.cancel();
      looking = null;
      return;
    }
    if (!isInDoubt()) return;
    const before_ms = clock.monotonic_ms() - limits.database_silent_ms;
    // Oldest first.
    for (const one of waiting) {
      if (one.since_ms > before_ms) break;
      waiting.delete(one);
      one.giveUp(outcomeUnknown());
    }
  };

  return {
    bound: (result, request_id) =>
      new Promise((resolve, reject) => {
        const one = { since_ms: clock.monotonic_ms(), giveUp: reject };
        waiting.add(one);
        looking ??= clock.every(look_interval_ms, look);
        result.then(
          (value) => {
            if (waiting.delete(one)) resolve(value);
            else log.info({ request_id }, "a write that was answered without its outcome is done");
          },
          (err: unknown) => {
            if (waiting.delete(one)) reject(err);
            else
              log.warn({ err, request_id }, "a write that was answered without its outcome failed");
          },
        );
      }),
    close: () => looking?.cancel(),
  };
}

const outcomeUnknown = (): Problem =>
  problems.SERVICE_UNAVAILABLE({
    message:
      "The database does not say yet whether this was written. Ask again with the same Idempotency-Key, or look before you repeat it",
    details: [{ outcome: "unknown" }],
    retry_after_s: 1,
  });
