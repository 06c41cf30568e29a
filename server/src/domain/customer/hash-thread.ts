// The other end of {@link createHashThreads}: derives lines, one after the other, in a thread of its own.
import { constants, setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { deriveLine } from "./password.ts";

// Linux takes this for the one thread that says it, other systems for the whole process. Whoever logs in waits for a core
// rather than the requests and the sockets of everybody else.
if (process.platform === "linux") setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

parentPort?.on("message", ({ password, recipe }: { password: string; recipe: string }) => {
  parentPort?.postMessage(deriveLine(password, recipe));
});
