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
  let looking: Timer | null = null;

  // Rows are written by the time that has not followed yet, however late a step is found: all of them are moved alike.
  const followStep = async (): Promise<void> => {
    const by_us = clock.stepped();
    if (by_us === 0) return;
    log.warn({ by_ms: Math.round(by_us / 1000) }, "the machine's clock was set, deadlines follow");
    await ports.shift(by_us);
    clock.follow(by_us);
  };

  const look = (): void => {
    if (running !== null || clock.stepped() === 0) return;
    armed?.timer.cancel();
    armed = null;
    fireInTurn();
  };

  // One after the other: a step must be followed once.
  const fireInTurn = (): void => {
    const turn = (running ?? Promise.resolve()).then(fire).finally(() => {
      if (running === turn) running = null;
    });
    running = turn;
  };

  const arm = (at: Instant): void => {
    if (is_closed || (armed && armed.at <= at)) return;
    armed?.timer.cancel();
    const wait_ms = Math.min(
      Math.max(0, Math.ceil((at - clock.steady_now()) / 1000)),
      look_again_ms,
    );
    const timer = clock.after(wait_ms, () => {
      armed = null;
      fireInTurn();
    });
    armed = { at, timer };
  };

  const fire = async (): Promise<void> => {
    try {
      await followStep();
      await ports.run();
      const next = await ports.next();
      if (next !== null) arm(next);
    } catch (cause) {
      log.warn({ err: cause }, "deadlines could not be worked off, trying again");
      arm(clock.steady_now() + retry_ms * 1000);
    }
  };

  return {
    noticed(at) {
      // While rows are being worked off the next one is read afterwards anyway, but a new one may come between.
      if (at !== null) arm(at);
    },
    async start() {
      fireInTurn();
      await running;
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
