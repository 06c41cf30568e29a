import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

const root = join(import.meta.dirname, "../..");
const reason =
  process.platform !== "linux"
    ? "finds the processes in /proc"
    : process.env["PARLEY_MEDIA_WORKER_BIN"]
      ? false
      : "needs the media worker: npm test names it";

interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

const rows = (): Row[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [, state, parent] =
          /\) (\S) (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "utf8")) ?? [];
        if (state === "Z") return [];
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        return [{ pid: Number(name), parent: Number(parent), command }];
      } catch {
        // It ended while we looked.
        return [];
      }
    });

const below = (pid: number, all = rows()): Row[] =>
  all.filter((row) => row.parent === pid).flatMap((row) => [row, ...below(row.pid, all)]);

interface Started {
  readonly npm: ChildProcess;
  readonly family: readonly Row[];
  pidOf(part: string): number;
}

async function npmStart(t: TestContext): Promise<Started> {
  const data_dir = mkdtempSync(join(tmpdir(), "parley-launch-"));
  const args = ["start", "--", "--http.port", "0", "--media.port", "0", "--data_dir", data_dir];
  const npm = spawn("npm", args, {
    cwd: root,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PARLEY_LOG_LEVEL: "warn" },
  });
  t.after(() => rmSync(data_dir, { recursive: true, force: true }));
  for await (const line of createInterface({ input: npm.stdout })) {
    if (line.startsWith("ready ")) break;
  }
  npm.stdout.resume();
  const family = below(npm.pid ?? 0);
  assert.ok(family.some(({ command }) => command.includes("postgres")));
  assert.ok(family.some(({ command }) => command.includes("parley-worker")));
  return {
    npm,
    family,
    pidOf: (part) => family.find(({ command }) => command.includes(part))?.pid ?? assert.fail(part),
  };
}

async function allGone({ family }: Started): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const living = new Map(rows().map((row) => [row.pid, row.command]));
    const left = family.filter(({ pid, command }) => living.get(pid) === command);
    if (left.length === 0) return;
    assert.ok(tries < 300, `left behind: ${left.map(({ command }) => command).join(", ")}`);
    await delay(100);
  }
}

const ends: Record<string, (started: Started) => void> = {
  ctrl_c_ends_everything: ({ npm }) => process.kill(-(npm.pid ?? 0), "SIGINT"),
  a_polite_end_of_npm_ends_everything: ({ npm }) => process.kill(npm.pid ?? 0, "SIGTERM"),
  a_killed_npm_takes_everything_along: ({ npm }) => process.kill(npm.pid ?? 0, "SIGKILL"),
  a_killed_launcher_takes_everything_along: (started) =>
    process.kill(started.pidOf("launch.mjs start"), "SIGKILL"),
  a_killed_server_leaves_nothing_behind: (started) =>
    process.kill(started.pidOf("server/src/main.ts"), "SIGKILL"),
};
for (const [name, end] of Object.entries(ends)) {
  test(name, { skip: reason }, async (t) => {
    const started = await npmStart(t);
    end(started);
    await allGone(started);
  });
}

test("npm_ends_as_the_server_does_and_not_before_it", { skip: reason }, async (t) => {
  const started = await npmStart(t);
  const server = started.pidOf("server/src/main.ts");
  const ended = new Promise<number | null>((resolve) => started.npm.once("exit", resolve));
  // A server that takes its time to end: it cannot while it is stopped.
  process.kill(server, "SIGSTOP");
  process.kill(started.npm.pid ?? 0, "SIGTERM");
  const first = await Promise.race([ended, delay(1_000, "waits" as const)]);
  assert.equal(first, "waits", "npm ended while the server still held its ports");
  process.kill(server, "SIGCONT");
  assert.equal(await ended, 0, "a clean end is the server's exit code");
  await allGone(started);
});
