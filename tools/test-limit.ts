// Loaded before each test file: ends its process when all of it takes too long, whatever it does at that moment (a loop
// without an await reaches no timer of its own thread). Each single test has its limit besides (tools/test.ts).
import { Worker } from "node:worker_threads";
import { file_timeout_ms } from "./test-flags.ts";

const limit_ms = Number(process.env["PARLEY_TEST_FILE_TIMEOUT_MS"] ?? file_timeout_ms);
const watch = `
  const { workerData } = require("node:worker_threads");
  setTimeout(() => {
    require("node:fs").writeSync(2, workerData.file + " did not end within " + workerData.limit_ms + " ms\\n");
    process.kill(process.pid, "SIGKILL");
  }, workerData.limit_ms);`;
new Worker(watch, {
  eval: true,
  execArgv: [],
  workerData: { file: process.argv[1] ?? "", limit_ms },
}).unref();
