// One timer for everything that must happen at an instant that a row names, so that a restart forgets nothing.
import type { Clock, Instant, Timer } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";

/** The timer over all rows with a deadline. */
export interface Deadlines {
  /** A row with this deadline was written; call it after the commit. */
  noticed(at: Instant | null): void;
  /** Does what is overdue and arms the timer; call it once, when everything else stands. */
  start(): Promise<void>;
  /** Stops the timer; resolves when what was being done is done. */
  close(): Promise<void>;
}

// After a failure, mostly of the database, the rows are read again this much later.
const retry_ms = 1_000;
// A far deadline is looked at again this often; it keeps one timer's length within reason.
const look_again_ms = 3_600_000;

/** Makes the timer. `next` reads the earliest deadline, `run` does everything that is due. */
export function createDeadlines(ports: {
  clock: Clock;
  log: Log;
  next: () => Promise<Instant | null>;
  run: () => Promise<void>;
}): Deadlines {
  const { clock, log } = ports;
  let armed: { at: Instant; timer: Timer } | null = null;
  let running: Promise<void> | null = null;
  let is_closed = false;

  const arm = (at: Instant): void => {
    if (is_closed || (armed && armed.at <= at)) return;
    armed?.timer.cancel();
    const wait_ms = Math.min(Math.max(0, Math.ceil((at - clock.now()) / 1000)), look_again_ms);
    const timer = clock.after(wait_ms, () => {
      armed = null;
      running = fire().finally(() => {
        running = null;
      });
    });
    armed = { at, timer };
  };

  const fire = async (): Promise<void> => {
    try {
      await ports.run();
      const next = await ports.next();
      if (next !== null) arm(next);
    } catch (cause) {
      log.warn({ err: cause }, "deadlines could not be worked off, trying again");
      arm(clock.now() + retry_ms * 1000);
    }
  };

  return {
    noticed(at) {
      // While rows are being worked off the next one is read afterwards anyway, but a new one may come between.
      if (at !== null) arm(at);
    },
    async start() {
      running = fire();
      await running;
      running = null;
    },
    async close() {
      is_closed = true;
      armed?.timer.cancel();
      await running;
    },
  };
}
