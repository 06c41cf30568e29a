// Threads that hash passwords and do nothing else. Node's own way takes one of the four threads that files, DNS and zlib of the whole process wait for.
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** The threads. */
export interface HashThreads {
  /** Derives the line that is stored for a password; opens a thread where all are busy. How many are busy is the caller's to bound. Errors: the thread ended. */
  derive(password: string, recipe: string): Promise<string>;
}

/** Makes them; the first is opened with the first password. They keep no process from ending. */
export function createHashThreads(): HashThreads {
  const idle: Worker[] = [];
  const open = (): Worker => {
    const thread = new Worker(new URL("./hash-thread.ts", import.meta.url), { execArgv: [] });
    // Whoever waits for the thread is told; where nobody does it is replaced when somebody comes.
    thread.on("error", () => undefined);
    thread.once("exit", () => {
      const at = idle.indexOf(thread);
      if (at >= 0) idle.splice(at, 1);
    });
    return thread;
  };
  return {
    async derive(password, recipe) {
      const thread = idle.pop() ?? open();
      thread.ref();
      const ended = new AbortController();
      const onExit = (): void => ended.abort(new Error("a thread that hashes passwords ended"));
      thread.once("exit", onExit);
      try {
        thread.postMessage({ password, recipe });
        const [line] = (await once(thread, "message", { signal: ended.signal })) as [string];
        idle.push(thread);
        return line;
      } finally {
        thread.off("exit", onExit);
        thread.unref();
      }
    },
  };
}
