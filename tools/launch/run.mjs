// Runs the program to its end: passes signals on once each, ends as it ends, and takes it along when npm is killed.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";

// npm passes on a signal that the terminal or a process manager already gave to the whole group.
const same_signal_ms = 500;
const orphan_check_ms = 1_000;

/** Resolves when the program has ended; this process's exit code is then the program's. */
export function runToTheEnd(node, args, env) {
  const child = spawn(node, args, {
    // The channel is a lifeline: it closes when this process is killed, and the program ends itself.
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    // Compiled sources are kept: a start takes half the time and the server 20 MB less.
    env: { NODE_COMPILE_CACHE: join(process.cwd(), ".cache", "node"), ...process.env, ...env },
    // A group of its own: a signal to ours reaches the program through us, and so exactly once.
    detached: true,
  });
  const last = new Map();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      const now = performance.now();
      const is_copy = now - (last.get(signal) ?? -Infinity) < same_signal_ms;
      last.set(signal, now);
      if (!is_copy) child.kill(signal);
    });
  }
  const parent = process.ppid;
  const watch = process.env.npm_lifecycle_event
    ? setInterval(() => {
        if (process.ppid !== parent) child.kill("SIGTERM");
      }, orphan_check_ms)
    : undefined;
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearInterval(watch);
      process.exitCode = code ?? 128 + constants.signals[signal];
      // Nothing of ours is left to wait for, whatever still holds the loop.
      process.exit();
      resolve();
    });
  });
}
