// How the process ends: signals, draining, and every part closed in the reverse order of its opening.
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";

/** Collects what must be closed, and closes it when the process is told to end. */
export interface Shutdown {
  /** Registers a part that was opened. */
  opened(part: string, close: () => Promise<void>): void;
  /** Registers what is waited for on SIGTERM: whether nothing runs any more. */
  drains(is_idle: () => boolean): void;
  /** Whether running calls are being waited for: new ones are to be refused. */
  readonly is_draining: boolean;
  /** Ends the process: at once, or after running calls have ended where `drain` is set. */
  stop(why: string, options?: { drain?: boolean; code?: number }): void;
}

// A part that hangs must not keep the others from closing, nor the process from ending.
const close_timeout_ms = 10_000;
const idle_check_ms = 50;

/** Makes the shutdown and listens for signals. */
export function createShutdown(ports: {
  clock: Clock;
  log: Log;
  drain_timeout_ms: number;
}): Shutdown {
  const { clock, log, drain_timeout_ms } = ports;
  const parts: { part: string; close: () => Promise<void> }[] = [];
  const waits: (() => boolean)[] = [];
  const hurry = new AbortController();
  let is_stopping = false;
  let is_draining = false;

  const drain = async (): Promise<void> => {
    is_draining = true;
    const deadline = clock.monotonic_ms() + drain_timeout_ms;
    while (!hurry.signal.aborted && clock.monotonic_ms() < deadline) {
      if (waits.every((is_idle) => is_idle())) return;
      await clock.sleep(idle_check_ms);
    }
  };
  const closeAll = async (): Promise<boolean> => {
    let is_clean = true;
    for (const { part, close } of parts.splice(0).reverse()) {
      try {
        await close();
        log.debug({ part }, "closed");
      } catch (err) {
        is_clean = false;
        log.error({ err, part }, "a part did not close");
      }
    }
    return is_clean;
  };
  const run = async (with_drain: boolean, code: number): Promise<void> => {
    if (with_drain) await drain();
    clock.after(close_timeout_ms, () => {
      log.error("closing takes too long, ending now");
      process.exit(1);
    });
    const is_clean = await closeAll();
    log.info("stopped");
    process.exit(is_clean ? code : 1);
  };
  const stop: Shutdown["stop"] = (why, options = {}) => {
    if (is_stopping) {
      hurry.abort();
      return;
    }
    is_stopping = true;
    log.info({ why, drain: options.drain === true }, "stopping");
    run(options.drain === true, options.code ?? 0).catch((err: unknown) => {
      log.fatal({ err }, "stopping failed");
      process.exit(1);
    });
  };

  // An orderly end waits for calls; whoever presses Ctrl-C or closes the terminal wants it gone.
  process.on("SIGTERM", () => stop("SIGTERM", { drain: true }));
  process.on("SIGINT", () => stop("SIGINT"));
  process.on("SIGHUP", () => stop("SIGHUP"));
  // The launcher holds the other end; when it was killed, nobody is left to pass signals on.
  if (process.connected) process.once("disconnect", () => stop("the launcher is gone"));
  return {
    opened: (part, close) => void parts.push({ part, close }),
    drains: (is_idle) => void waits.push(is_idle),
    get is_draining() {
      return is_draining;
    },
    stop,
  };
}
