// A worker as a process: pipes, a pid, an end. The only place that starts one.
import { spawn } from "node:child_process";
import { PassThrough, type Readable, type Writable } from "node:stream";

/** A running worker, or one that pretends to be. */
export interface WorkerProcess {
  readonly pid: number;
  /** Commands, one a line. */
  readonly input: Writable;
  /** Messages, one a line. */
  readonly output: Readable;
  /** Its log, JSON lines. */
  readonly errors: Readable;
  /** Ends it at once (SIGKILL). */
  kill(): void;
  /** Resolves when it is gone, with a sentence for the log. Never rejects. */
  readonly ended: Promise<string>;
}

/** Starts the worker of a number. Errors: whatever the system says; `ended` may also tell it. */
export type SpawnWorker = (index: number) => WorkerProcess;

/** Starts workers from a program on disk. */
export const spawnWorkerProcess =
  (path: string): SpawnWorker =>
  () => {
    const child = spawn(path, [], {
      stdio: ["pipe", "pipe", "pipe"],
      // In a group of its own, so that Ctrl-C at the terminal reaches the server alone and calls can
      // be drained. When the server is gone in whatever way, the closed pipe ends the worker.
      detached: true,
      // It knows nothing but what its configuration says; no secret of ours is in its environment.
      env: {},
    });
    const ended = new Promise<string>((resolve) => {
      // Also told when a signal could not be sent, which ends nothing: only the first of the two counts.
      child.on("error", (error) => {
        if (child.pid === undefined) resolve(`could not be started: ${error.message}`);
      });
      child.once("exit", (code, signal) =>
        resolve(signal === null ? `exited with ${code}` : `was ended by ${signal}`),
      );
    });
    // Without a descriptor left Node makes no pipes and says why a moment later: `ended` tells it.
    const { stdin, stdout, stderr } = child as Partial<typeof child>;
    return {
      pid: child.pid ?? 0,
      input: stdin ?? new PassThrough(),
      output: stdout ?? new PassThrough(),
      errors: stderr ?? new PassThrough(),
      kill: () => {
        child.kill("SIGKILL");
      },
      ended,
    };
  };
