// Nobody waits for a database that says nothing: once it has been silent for a while all who wait are told, whoever comes is told at
// once, and a probe of its own finds out when it is back.
import type { Clock, Timer } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";

/** The database said nothing for too long. */
export class DatabaseSilent extends Error {
  override readonly name = "DatabaseSilent";
  constructor(silent_ms: number) {
    super(`the database has said nothing for ${silent_ms} ms`);
  }
}

/** How long silence may last (`limits.database_*`). */
export interface SilenceLimits {
  readonly database_silent_ms: number;
  readonly database_look_ms: number;
  readonly database_probe_interval_ms: number;
}

/** Watches what is asked of the database. */
export interface Breaker {
  /** Waits for an answer. Errors: {@link DatabaseSilent} where it does not come and nothing else does, or where that is known already; `late` gets what comes after all. */
  wait<T>(ask: () => Promise<T>, late?: (result: T) => void): Promise<T>;
  /** From here on it watches; the first connections may take their time. */
  arm(): void;
  close(): void;
}

/** Makes it. `probe` asks the database by a way of its own and rejects when nothing comes; `hasSpoken` tells whether anything came on any connection since it was last asked. */
export function createBreaker(ports: {
  clock: Clock;
  log: Log;
  limits: SilenceLimits;
  probe: () => Promise<void>;
  hasSpoken: () => boolean;
}): Breaker {
  const { clock, log, limits } = ports;
  const waiting = new Set<(reason: Error) => void>();
  let is_armed = false;
  let is_silent = false;
  let looks = 0;
  let looking: Timer | null = null;
  let probing: Timer | null = null;

  const look = (): void => {
    if (waiting.size === 0) {
      looking?.cancel();
      looking = null;
      return;
    }
    // Half an answer is none yet, but who gives it is there: a new connection takes several.
    if (ports.hasSpoken()) looks = 0;
    else looks += 1;
    // Statements may wait for each other's locks: whether anybody is there is asked besides.
    if (looks * limits.database_look_ms >= limits.database_silent_ms / 2) ask();
    if (looks * limits.database_look_ms < limits.database_silent_ms) return;
    is_silent = true;
    looking?.cancel();
    looking = null;
    log.error(
      { waiting: waiting.size },
      "the database is silent, requests are answered without it",
    );
    for (const reject of waiting) reject(new DatabaseSilent(limits.database_silent_ms));
    waiting.clear();
    probe();
  };

  let is_asking = false;
  const ask = (): void => {
    if (is_asking) return;
    is_asking = true;
    ports.probe().then(
      () => {
        is_asking = false;
        looks = 0;
      },
      (cause: unknown) => {
        is_asking = false;
        log.debug({ err: cause }, "the database did not answer a probe");
      },
    );
  };

  const probe = (): void => {
    ports.probe().then(
      () => {
        is_silent = false;
        log.info("the database answers again");
      },
      (cause: unknown) => {
        log.debug({ err: cause }, "the database is still silent");
        if (is_armed) probing = clock.after(limits.database_probe_interval_ms, probe);
      },
    );
  };

  return {
    wait(ask, late) {
      if (!is_armed) return ask();
      if (is_silent) return Promise.reject(new DatabaseSilent(limits.database_silent_ms));
      if (waiting.size === 0) looks = 0;
      looking ??= clock.every(limits.database_look_ms, look);
      return new Promise((resolve, reject) => {
        let is_over = false;
        const giveUp = (reason: Error): void => {
          is_over = true;
          reject(reason);
        };
        waiting.add(giveUp);
        const heard = (): void => {
          looks = 0;
          waiting.delete(giveUp);
        };
        ask().then(
          (result) => {
            heard();
            if (is_over) late?.(result);
            else resolve(result);
          },
          (reason: unknown) => {
            heard();
            // After giving up there is nobody to hear it.
            if (!is_over) reject(reason);
          },
        );
      });
    },
    arm() {
      is_armed = true;
    },
    close() {
      is_armed = false;
      looking?.cancel();
      probing?.cancel();
    },
  };
}
