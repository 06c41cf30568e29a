// Loaded before each test file: ends its process when all of it takes too long, whatever it does at that moment (a loop
// without an await reaches no timer of its own thread). Each single test has its limit besides (tools/test.ts).
import { Worker } from "node:worker_threads";

const file_timeout_ms = 900_000;
const watch = `
  const { workerData } = require("node:worker_threads");
  setTimeout(() => {
    require("node:fs").writeSync(2, workerData.file + " did not end within " + workerData.file_timeout_ms + " ms\\n");
    process.kill(process.pid, "SIGKILL");
  }, workerData.file_timeout_ms);`;
new Worker(watch, {
  eval: true,
  execArgv: [],
  workerData: { file: process.argv[1] ?? "", file_timeout_ms },
}).unref();
