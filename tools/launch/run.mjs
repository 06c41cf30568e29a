// Runs the program to its end: passes signals on once each, ends as it ends, and takes it along when npm is killed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
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
  const npm = process.env.npm_lifecycle_event ? npmProcess() : null;
  const watch = setInterval(() => {
    if (npm !== null && hasEnded(npm)) child.kill("SIGTERM");
  }, orphan_check_ms);
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

// npm is our parent or, where it runs scripts through a shell that stays, the parent of that. Null where that cannot be told.
function npmProcess() {
  const shell = process.ppid;
  const told = status(shell);
  if (told === null) return null;
  return /^-?(sh|dash|bash|ash|zsh)$/.test(told.name) ? told.parent : shell;
}

function hasEnded(pid) {
  try {
    process.kill(pid, 0);
  } catch (reason) {
    return reason.code === "ESRCH";
  }
  // Killed, but not asked for by its own parent yet.
  return process.platform === "linux" && status(pid)?.state === "Z";
}

function status(pid) {
  if (process.platform === "linux") {
    if (!existsSync(`/proc/${pid}/stat`)) return null;
    // pid (name) state parent …; the name may hold spaces and brackets.
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [, name, state, parent] = /\((.*)\) (\S) (\d+)/s.exec(text);
    return { name, state, parent: Number(parent) };
  }
  const { stdout, error } = spawnSync("ps", ["-o", "ppid=", "-o", "comm=", "-p", String(pid)], {
    encoding: "utf8",
  });
  const told = error ? null : /^\s*(\d+)\s+(?:\S*\/)?(\S+)/.exec(stdout);
  return told && { name: told[2], state: "", parent: Number(told[1]) };
}
