// `npm test`: every test of every room, one summary. Words after `--` choose files whose path contains one of them.
import { spawn } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { createSystemClock } from "../server/src/kernel/clock.ts";
import { createIds } from "../server/src/kernel/id.ts";
import { silentLog } from "../server/src/kernel/log.ts";
import { startEmbedded } from "../server/src/store/embedded.ts";
import { startSystemPostgres } from "./system-postgres.ts";
import { testFlags } from "./test-flags.ts";

interface Count {
  passed: number;
  failed: number;
  /** Names, with the reason where there is one. */
  skipped: string[];
}

const words = process.argv.slice(2);
const is_chosen = (path: string): boolean =>
  words.length === 0 || words.some((word) => path.includes(word));
const files = (...patterns: string[]): string[] =>
  patterns
    .flatMap((pattern) => globSync(pattern, { exclude: ["**/node_modules/**", "**/dist/**"] }))
    .filter(is_chosen)
    .sort();

const count: Count = { passed: 0, failed: 0, skipped: [] };

// One database server for all files, each of which makes databases of its own on it. Nothing of it is kept, so it waits for no disk.
async function shareDatabase(): Promise<void> {
  if (process.env["PARLEY_TEST_DATABASE_URL"]) return;
  const clock = createSystemClock();
  const { connection } = await startEmbedded({
    data_dir: await mkdtemp(join(tmpdir(), "parley-test-")),
    clock,
    ids: createIds(() => clock.now() / 1000),
    log: silentLog(),
    settings: { fsync: "off", synchronous_commit: "off", full_page_writes: "off" },
    is_temporary: true,
  });
  const { host, port, user, password, database } = connection;
  process.env["PARLEY_TEST_DATABASE_URL"] =
    `postgres://${user}:${password}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}

// The same promises on a database that is not ours: whoever runs a cluster brings their own.
async function runOnSystemPostgres(): Promise<void> {
  const paths = files("server/test/**/*.test.ts").filter((path) => !path.includes("embedded"));
  if (paths.length === 0) return;
  const database = await startSystemPostgres();
  if (database === null) {
    count.skipped.push(
      "server on the system's PostgreSQL: none of release 15 or later is installed",
    );
    return;
  }
  const before = process.env["PARLEY_TEST_DATABASE_URL"];
  process.env["PARLEY_TEST_DATABASE_URL"] = database.url;
  await runNode(`server on PostgreSQL ${database.release}`, paths, 2);
  process.env["PARLEY_TEST_DATABASE_URL"] = before ?? "";
  await database.stop();
}

async function runNode(title: string, paths: string[], concurrency: number): Promise<void> {
  if (paths.length === 0) return;
  console.log(`\n== ${title} (${paths.length} files)`);
  const events = run({
    files: paths,
    concurrency,
    execArgv: testFlags(),
  });
  events.on("test:summary", (summary) => {
    // One summary comes for each file, and one for all.
    if (summary.file !== undefined) return;
    const { tests, passed, skipped, todo } = summary.counts;
    count.passed += passed;
    count.failed += tests - passed - skipped - todo;
  });
  events.on("test:pass", ({ name, skip, file }) => {
    if (skip === undefined || skip === false) return;
    count.skipped.push(`${file ?? ""}: ${name}${typeof skip === "string" ? `: ${skip}` : ""}`);
  });
  const report = events.compose(spec);
  report.pipe(process.stdout, { end: false });
  await new Promise<void>((resolve, reject) => report.once("end", resolve).once("error", reject));
}

async function runCargo(): Promise<void> {
  if (!is_chosen("worker")) return;
  console.log("\n== worker");
  const cargo_bin = join(process.env["CARGO_HOME"] ?? join(homedir(), ".cargo"), "bin");
  const child = spawn("cargo", ["test", "--locked", "--workspace", "--no-fail-fast"], {
    cwd: "worker",
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PATH: `${process.env["PATH"]}:${cargo_bin}` },
  });
  let results = 0;
  const ended = new Promise<number | null>((resolve) => {
    child.once("error", (reason) => {
      console.log(String(reason));
      resolve(null);
    });
    child.once("close", resolve);
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    // A crate's every test has a line; only those that say something are shown.
    if (!/^test .* \.\.\. ok$|^running |^$/.test(line)) console.log(line);
    const result = /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/.exec(line);
    if (!result) return;
    results += 1;
    count.passed += Number(result[1]);
    count.failed += Number(result[2]);
  });
  const code = await ended;
  if (code === null) skipOrFail("worker: cargo is not installed: tools/setup-system installs it");
  else if (code !== 0 && (results === 0 || count.failed === 0)) count.failed += 1;
}

function skipOrFail(what: string): void {
  if (process.env["CI"] === "true") count.failed += 1;
  count.skipped.push(what);
}

const began = performance.now();
await shareDatabase();
await runNode(
  "units",
  files("{server/src,client,web,tools}/**/*.test.ts", "server/test/**/*.test.ts"),
  2,
);
await runOnSystemPostgres();
await runCargo();
// Whole systems with browsers, two at a time; one by one where a file says that it measures time or takes a machine's things.
const scenarios = files("scenario/**/*.test.ts");
const runsAlone = (path: string): boolean =>
  readFileSync(path, "utf8").includes("\n// Runs alone: ");
await runNode(
  "scenarios",
  scenarios.filter((path) => !runsAlone(path)),
  2,
);
await runNode("scenarios that run alone", scenarios.filter(runsAlone), 1);

for (const name of count.skipped) console.log(`skipped ${name}`);
const seconds = Math.round((performance.now() - began) / 1000);
console.log(`\n${seconds} s, ${count.skipped.length} skipped`);
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exit(count.failed === 0 && count.passed > 0 ? 0 : 1);
