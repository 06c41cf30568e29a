// `npm start`, `npm test`, …: makes ready what is missing or stale, then runs. Plain JavaScript for Node 20, since it
// is what finds a newer Node. Everything that it says goes to standard error; standard output is the program's own.
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { newestNode } from "./launch/node.mjs";
import { ensurePackages } from "./launch/packages.mjs";
import { ensurePages } from "./launch/pages.mjs";
import { runToTheEnd } from "./launch/run.mjs";
import { explain, Refusal, say } from "./launch/say.mjs";
import { ensureSdk, packSdk } from "./launch/sdk.mjs";
import { noteCommit } from "./launch/stamp.mjs";
import { missingPrograms, setUpSystem } from "./launch/system.mjs";
import { ensureWorker } from "./launch/worker.mjs";

const usage = `npm start [-- --http.port 8080 …]     run Parley; -- --help lists the settings
npm test [-- path …]                  every test, or those whose path contains one of the words
npm run check                         format, lint, types, import directions, unused code, contracts
npm run bench [-- name …]             measure; results under bench/results/
npm run soak [-- --minutes 60 …]      attack, ask at random and fuzz for that long; --seed 1 begins with that seed
npm run contract                      write contract/ and docs/reference/ from the sources
npm run pack [-- folder]              the SDK as a package for npm install; prints its path
npm run reset-password -- <user name> set somebody's password anew while the server is down
npm run build                         only make ready what npm start needs; for images and CI
Each takes --no-system: install no system programs.`;

const commands = {
  start: async (args) => {
    if (args.some((arg) => ["--help", "-h", "--version"].includes(arg)))
      return run("server/src/main.ts", args);
    // What a body names `__proto__` must never reach a prototype, whichever library reads it.
    return run("--disable-proto=throw", ["server/src/main.ts", ...args], await built());
  },
  "reset-password": async (args) => run("server/src/reset-password.ts", args),
  test: async (args) => {
    let missing = missingPrograms(["test"]);
    if (missing.length > 0 && setUpSystem(["test"], is_system_allowed)) {
      missing = missingPrograms(["test"]);
    }
    for (const { program, why } of missing) {
      say(`${program} is missing (${why}): its tests are skipped. tools/setup-system installs it`);
    }
    return run("tools/test.ts", args, await built({ is_optional: true }));
  },
  check: async (args) => run("tools/check.ts", args),
  contract: async (args) => run("tools/contract.ts", args),
  soak: async (args) => run("tools/soak.ts", args, await built()),
  bench: async (args) => run("tools/bench.ts", args, await built()),
  packages: async () => {
    // They are installed before every command.
  },
  build: async () => {
    await built();
    noteCommit();
  },
  sdk: async () => ensureSdk(newestNode()),
  pack: async ([folder = "."]) => {
    await ensureSdk(newestNode());
    process.stdout.write(`${packSdk(resolve(asked_from, folder))}\n`);
  },
};

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// npm itself goes to the project's folder first and says where it was called.
const asked_from = process.env.INIT_CWD ?? process.cwd();
process.chdir(root);
const is_system_allowed = !process.argv.includes("--no-system");
const [command = "", ...args] = process.argv.slice(2).filter((arg) => arg !== "--no-system");

// What the program needs beside packages: worker and pages.
async function built({ is_optional = false } = {}) {
  const node = newestNode();
  const env = {};
  try {
    env.PARLEY_MEDIA_WORKER_BIN = await ensureWorker({ is_system_allowed });
  } catch (reason) {
    if (!is_optional || process.env.CI === "true" || !(reason instanceof Refusal)) throw reason;
    say(`${reason.message}\nThe tests that need it are skipped.`);
  }
  await ensurePages(node);
  await ensureSdk(node);
  return env;
}

function run(script, given, env = {}) {
  return runToTheEnd(newestNode(), [script, ...given], env);
}

if (!Object.hasOwn(commands, command)) {
  process.stderr.write(`${usage}\n`);
  process.exit(command === "" ? 0 : 2);
}
try {
  await ensurePackages();
  await commands[command](args);
} catch (reason) {
  say(explain(reason, process.env.PARLEY_LOG_LEVEL === "debug"));
  process.exitCode = 1;
}
