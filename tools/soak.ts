// `npm run soak -- --minutes 60 [--seed 1] [part …]`: our fuzzer, schemathesis and the attacks, in turn, with another seed each time
// round, until the time is up. Ctrl-C ends it and everything that it started; what ran so far is summed up.
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

/** One of what is run again and again. */
interface Part {
  readonly name: string;
  readonly file: string;
  /** How it is told to take about this long. */
  environment(seconds: number): Readonly<Record<string, string>>;
}

const callers_count = 8;
const attacks_count = 10;
const parts: readonly Part[] = [
  {
    name: "fuzz",
    file: "server/test/fuzz.test.ts",
    // A hundred a second or so.
    environment: (seconds) => ({ PARLEY_TEST_ROUNDS: String(seconds * 100) }),
  },
  {
    name: "schemathesis",
    file: "scenario/api/schemathesis.test.ts",
    environment: (seconds) => ({
      PARLEY_TEST_CALLER_S: String(Math.max(1, Math.round(seconds / callers_count))),
    }),
  },
  {
    name: "attack",
    file: "scenario/attack/attack.test.ts",
    environment: (seconds) => ({
      PARLEY_TEST_ATTACK_MS: String(Math.max(1_000, Math.round((seconds * 1_000) / attacks_count))),
    }),
  },
];

// All parts once: in a run of an hour six times.
const cycle_s_max = 600;
const cycle_s_min = 30;
// A part that takes so much longer than it was given hangs.
const patience_s = 600;
// What a part that is ended has for its own end; its group is killed then.
const grace_ms = 10_000;
const logs = join(".cache", "soak");

const { values, positionals } = parseArgs({
  options: { minutes: { type: "string", default: "60" }, seed: { type: "string" } },
  allowPositionals: true,
});
const minutes = Number(values.minutes);
const first_seed = Number(values.seed ?? randomInt(1, 2 ** 31));
const unknown = positionals.filter((name) => !parts.some((part) => part.name === name));
if (!(minutes > 0) || !Number.isSafeInteger(first_seed) || unknown.length > 0) {
  console.error(
    `usage: npm run soak -- [--minutes 60] [--seed 1] [${parts.map(({ name }) => name).join("] [")}]`,
  );
  process.exit(2);
}
const chosen = parts.filter(({ name }) => positionals.length === 0 || positionals.includes(name));

interface Run {
  readonly part: Part;
  readonly seed: number;
  readonly seconds: number;
  readonly is_good: boolean;
  /** What it wrote; kept where it failed. */
  readonly log: string;
  readonly replay: string;
}

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => interrupted.abort());
}

/** Runs a part in a process group of its own, so that all of it can be ended. Null when it was interrupted. */
async function runPart(part: Part, seed: number, share_s: number): Promise<Run | null> {
  const given = { PARLEY_TEST_SEED: String(seed), ...part.environment(share_s) };
  const began = performance.now();
  const log = join(logs, `${part.name}-${seed}.log`);
  const limit_s = share_s + patience_s;
  const args = ["--test", `--test-timeout=${limit_s * 1_000}`, part.file];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...given },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const written = createWriteStream(log);
  child.stdout.pipe(written, { end: false });
  child.stderr.pipe(written, { end: false });
  const ended = new Promise<number | null>((done, fail) => {
    child.once("error", fail).once("close", done);
  });
  const stop = new AbortController();
  const cut = Promise.race([
    new Promise((done) => interrupted.signal.addEventListener("abort", done, { once: true })),
    sleep(limit_s * 1_000, null, { signal: stop.signal }).catch(() => null),
  ]).then(() => "cut" as const);
  const code = interrupted.signal.aborted ? "cut" : await Promise.race([ended, cut]);
  stop.abort();
  await endGroup(child);
  written.end();
  if (interrupted.signal.aborted) return null;
  const replay = Object.entries(given).map(([name, value]) => `${name}=${value}`);
  return {
    part,
    seed,
    seconds: Math.round((performance.now() - began) / 1_000),
    is_good: code === 0,
    log,
    replay: `${replay.join(" ")} npm test -- ${part.file}`,
  };
}

/** Ends what is left of a child's process group: nicely, and after a grace by force. */
async function endGroup({ pid }: ChildProcess): Promise<void> {
  if (pid === undefined) return;
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (!signalGroup(pid, signal)) return;
    const late = performance.now() + grace_ms;
    while (performance.now() < late && signalGroup(pid, 0)) await sleep(100);
  }
}

/** False when nobody is left in it. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw reason;
  }
}

const clock = (): string => new Date().toISOString().slice(11, 19);

mkdirSync(logs, { recursive: true });
const end = performance.now() + minutes * 60_000;
const cycle_s = Math.min(cycle_s_max, Math.max(cycle_s_min, (minutes * 60) / 3));
const share_s = Math.max(5, Math.round(cycle_s / chosen.length));
const runs: Run[] = [];
console.log(`soak: ${minutes} minutes, ${chosen.map(({ name }) => name).join(", ")}`);
soaking: for (let seed = first_seed; ; seed += 1) {
  for (const part of chosen) {
    if (interrupted.signal.aborted || performance.now() > end) break soaking;
    console.log(`${clock()} ${part.name}, seed ${seed}, about ${share_s} s`);
    const run = await runPart(part, seed, share_s);
    if (run === null) break soaking;
    runs.push(run);
    console.log(
      `${clock()} ${part.name} ${run.is_good ? "held" : "FAILED"} after ${run.seconds} s`,
    );
    if (!run.is_good) console.log(`  ${run.log}\n  ${run.replay}`);
  }
}

console.log(interrupted.signal.aborted ? "\nsoak: ended before its time" : "\nsoak: done");
for (const { name } of chosen) {
  const own = runs.filter(({ part }) => part.name === name);
  const seconds = own.reduce((sum, run) => sum + run.seconds, 0);
  const failed = own.filter(({ is_good }) => !is_good);
  console.log(`${name}: ${own.length} runs in ${seconds} s, ${failed.length} failed`);
  for (const { seed, log, replay } of failed) console.log(`  seed ${seed}: ${log}\n  ${replay}`);
}
process.exit(runs.every(({ is_good }) => is_good) ? 0 : 1);
