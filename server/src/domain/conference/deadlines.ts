// One timer for everything that must happen at an instant that a row names, so that a restart forgets nothing.
import { type Clock, createStepDetector, type Instant, type Timer } from "../../kernel/clock.ts";
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

// How often it is looked whether the wall clock was set.
const step_look_ms = 1_000;

/** Makes the timer. `next` reads the earliest deadline, `run` does everything that is due. */
export function createDeadlines(ports: {
  clock: Clock;
  log: Log;
  next: () => Promise<Instant | null>;
  run: () => Promise<void>;
  /** Moves every deadline: the wall clock was set, and they mean durations. */
  shift: (by_us: number) => Promise<void>;
}): Deadlines {
  const { clock, log } = ports;
  let armed: { at: Instant; timer: Timer } | null = null;
  let running: Promise<void> | null = null;
  let is_closed = false;
  const stepped = createStepDetector(clock);
  let to_shift = 0;
  let looking: Timer | null = null;

  // Rows that were written between the step and now are moved with the others: it is looked for each second.
  const followSteps = async (): Promise<void> => {
    to_shift += stepped();
    const by_us = to_shift;
    if (by_us === 0) return;
    log.warn({ by_ms: Math.round(by_us / 1000) }, "the machine's clock was set, deadlines follow");
    to_shift = 0;
    try {
      await ports.shift(by_us);
    } catch (cause) {
      to_shift += by_us;
      throw cause;
    }
  };

  const look = (): void => {
    if (running !== null) return;
    to_shift += stepped();
    if (to_shift === 0) return;
    armed?.timer.cancel();
    armed = null;
    running = fire().finally(() => {
      running = null;
    });
  };

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
      await followSteps();
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
      looking = clock.every(step_look_ms, look);
    },
    async close() {
      is_closed = true;
      armed?.timer.cancel();
      looking?.cancel();
      await running;
    },
  };
}
