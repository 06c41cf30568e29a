// The other end of {@link createHashThreads}: derives lines, one after the other, in a thread of its own.
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { deriveLine } from "./password.ts";

// Linux takes this for the one thread that says it, other systems for the whole process. On a busy machine the requests and
// sockets of everybody get three turns where whoever logs in gets one; more would keep people out of a machine that is full.
const niceness = 5;
if (process.platform === "linux") setPriority(niceness);

parentPort?.on("message", ({ password, recipe }: { password: string; recipe: string }) => {
  parentPort?.postMessage(deriveLine(password, recipe));
});
