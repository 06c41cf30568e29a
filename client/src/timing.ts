// Time as the SDK sees it, so that tests own it.

/** A running timer. */
export interface Timer {
  /** Stops it; harmless when it has fired. */
  cancel(): void;
}

/** Clock and timers. */
export interface Timing {
  /** Milliseconds on a clock that never jumps. */
  now_ms(): number;
  /** Calls `run` once after `delay_ms`. */
  after(delay_ms: number, run: () => void): Timer;
  /** 0 ≤ n < 1, to spread retries of many browsers. */
  random(): number;
}

/** The browser's own time. */
export const browserTiming: Timing = {
  now_ms: () => performance.now(),
  after(delay_ms, run) {
    const timer = setTimeout(run, delay_ms);
    return { cancel: () => clearTimeout(timer) };
  },
  random: () => Math.random(),
};
