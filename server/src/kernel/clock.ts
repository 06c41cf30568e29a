// The only place that reads a clock, sleeps or arms a timer, so that tests own time.
import { setTimeout as delay } from "node:timers/promises";

/** An instant: integer microseconds since 1970-01-01 UTC. */
export type Instant = number;

/** A running timer. */
export interface Timer {
  /** Stops it; harmless when it has fired. */
  cancel(): void;
}

/** Time as everything else sees it. */
export interface Clock {
  /** Wall clock, integer microseconds UTC; strictly increasing within one clock, unless the machine's is set back by more than {@link step_min_ms}. */
  now(): Instant;
  /**
   * The instant by which deadlines are written and judged, integer microseconds UTC. It goes on evenly when the wall clock
   * is set, until `follow` is told that the deadlines that stand somewhere have been moved.
   */
  steady_now(): Instant;
  /** By how many microseconds the wall clock was set, as `steady_now` has not followed yet; 0 where it was not. */
  stepped(): number;
  /** Moves `steady_now`, after a step. */
  follow(by_us: number): void;
  /** Milliseconds on a clock that never jumps; only differences mean something. */
  monotonic_ms(): number;
  /** Resolves after `duration_ms`; rejects with the signal's reason when it aborts. */
  sleep(duration_ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` once after `duration_ms`. Does not keep the process alive. */
  after(duration_ms: number, run: () => void): Timer;
  /** Calls `run` every `interval_ms` until cancelled. Does not keep the process alive. */
  every(interval_ms: number, run: () => void): Timer;
}

// setTimeout counts in signed 32-bit milliseconds and fires at once above that.
const timeout_ms_max = 2 ** 31 - 1;

/** Milliseconds between wall clock and monotonic time that make a step: NTP's own corrections stay below. */
export const step_min_ms = 1_000;

function createSteady({
  now,
  monotonic_ms,
}: Pick<Clock, "now" | "monotonic_ms">): Pick<Clock, "steady_now" | "stepped" | "follow"> {
  const elapsed_us = (): number => Math.round(monotonic_ms() * 1000);
  let offset_us = now() - elapsed_us();
  return {
    steady_now: () => offset_us + elapsed_us(),
    stepped() {
      const step = now() - elapsed_us() - offset_us;
      return Math.abs(step) < step_min_ms * 1000 ? 0 : step;
    },
    follow(by_us) {
      offset_us += by_us;
    },
  };
}

/** The machine's clock. */
export function createSystemClock(): Clock {
  let last = 0;
  const after = (duration_ms: number, run: () => void): Timer => {
    let timer: NodeJS.Timeout;
    const arm = (left_ms: number): void => {
      timer = setTimeout(
        () => (left_ms > timeout_ms_max ? arm(left_ms - timeout_ms_max) : run()),
        Math.min(left_ms, timeout_ms_max),
      );
      timer.unref();
    };
    arm(Math.max(0, duration_ms));
    return { cancel: () => clearTimeout(timer) };
  };
  const now = (): Instant => {
    // Strictly increasing, so that timestamps never tie within one process, even when NTP steps back.
    const read = Math.floor((performance.timeOrigin + performance.now()) * 1000);
    const wall = Math.abs(read / 1000 - Date.now()) > 1000 ? Date.now() * 1000 : read;
    // A clock that was set ahead and back again must not stay ahead.
    last = wall > last || last - wall > step_min_ms * 1000 ? wall : last + 1;
    return last;
  };
  const monotonic_ms = (): number => performance.now();
  return {
    now,
    monotonic_ms,
    ...createSteady({ now, monotonic_ms }),
    sleep: async (duration_ms, signal) => {
      await delay(duration_ms, undefined, signal ? { signal } : undefined);
    },
    after,
    every(interval_ms, run) {
      const timer = setInterval(run, interval_ms);
      timer.unref();
      return { cancel: () => clearInterval(timer) };
    },
  };
}

/** A clock that moves only when told to; for tests and simulation. */
export interface ManualClock extends Clock {
  /** Sets the wall clock; what runs by monotonic time is not touched. */
  set(by_ms: number): void;
  /** Moves time on, firing what comes due in order, and lets promises settle in between. */
  advance(duration_ms: number): Promise<void>;
  /** Resolves with the promise while time stands still: what real work (a database) arms meanwhile and is due fires. */
  until<T>(promise: Promise<T>): Promise<T>;
}

/** Makes a {@link ManualClock} that starts at `start` (microseconds). */
export function createManualClock(start: Instant = 1_700_000_000_000_000): ManualClock {
  let elapsed_ms = 0;
  let tick_us = 0;
  let set_us = 0;
  let due: { at: number; run: () => void }[] = [];
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
  };
  const after = (duration_ms: number, run: () => void): Timer => {
    const entry = { at: elapsed_ms + Math.max(0, duration_ms), run };
    due.push(entry);
    return { cancel: () => (due = due.filter((other) => other !== entry)) };
  };
  const now = (): Instant => start + set_us + Math.round(elapsed_ms * 1000) + tick_us++;
  const monotonic_ms = (): number => elapsed_ms;
  const clock: ManualClock = {
    now,
    monotonic_ms,
    ...createSteady({ now, monotonic_ms }),
    set(by_ms) {
      set_us += by_ms * 1000;
    },
    sleep: (duration_ms, signal) =>
      new Promise((resolve, reject) => {
        const timer = after(duration_ms, resolve);
        signal?.addEventListener("abort", () => {
          timer.cancel();
          reject(signal.reason);
        });
      }),
    after,
    every(interval_ms, run) {
      let timer = after(interval_ms, function again() {
        timer = after(interval_ms, again);
        run();
      });
      return { cancel: () => timer.cancel() };
    },
    async advance(duration_ms) {
      const end = elapsed_ms + duration_ms;
      await settle();
      for (;;) {
        const next = due.toSorted((a, b) => a.at - b.at)[0];
        if (!next || next.at > end) break;
        elapsed_ms = Math.max(elapsed_ms, next.at);
        due = due.filter((other) => other !== next);
        next.run();
        await settle();
      }
      elapsed_ms = Math.max(elapsed_ms, end);
      await settle();
    },
    async until(promise) {
      let is_settled = false;
      const settled = (): void => {
        is_settled = true;
      };
      promise.then(settled, settled);
      while (!is_settled) await clock.advance(0);
      return await promise;
    },
  };
  return clock;
}
