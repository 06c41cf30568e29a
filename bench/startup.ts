// From `npm start` to `ready`: when nothing changed, and after everything was killed in the middle of writes. And what it
// weighs when idle. Writes bench/results/startup.json.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

const rounds = 7;
const password = "correct horse battery staple";
const data_dir = mkdtempSync(join(tmpdir(), "parley-startup-"));

interface Running {
  readonly npm: ChildProcess;
  readonly url: string;
  readonly ready_ms: number;
}

async function start(): Promise<Running> {
  const began = performance.now();
  const npm = spawn("npm", ["start", "--silent"], {
    env: {
      ...process.env,
      PARLEY_HTTP_PORT: "0",
      PARLEY_MEDIA_PORT: "0",
      PARLEY_DATA_DIR: data_dir,
      PARLEY_ADMIN_PASSWORD: password,
      PARLEY_LIMITS_REST_RATE: "0",
      PARLEY_LOG_LEVEL: "error",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: npm.stdout as Readable }).on("line", (line) => {
      if (line.startsWith("ready ")) resolve((JSON.parse(line.slice(6)) as { http: string }).http);
    });
    npm.once("exit", () => reject(new Error("it ended before ready")));
  });
  return { npm, url, ready_ms: performance.now() - began };
}

/** Process ids below one, it included, with their commands. */
function below(root: number): { pid: number; command: string }[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, pid, parent, command]) => ({
      pid: Number(pid),
      parent: Number(parent),
      command: command ?? "",
    }));
  const walk = (pid: number): typeof rows =>
    rows.filter(({ parent }) => parent === pid).flatMap((row) => [row, ...walk(row.pid)]);
  return [...rows.filter(({ pid }) => pid === root), ...walk(root)];
}

const memory_mb = (pid: number): number =>
  Math.round(
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 102.4,
  ) / 10;

async function stop({ npm }: Running): Promise<void> {
  const gone = new Promise((resolve) => npm.once("exit", resolve));
  npm.kill("SIGTERM");
  await gone;
}

async function killWhileWriting(running: Running): Promise<void> {
  const login = await fetch(`${running.url}/auth/login`, {
    method: "POST",
    body: JSON.stringify({ username: "admin", password }),
  });
  const { token } = (await login.json()) as { token: string };
  let written = 0;
  const write = async (): Promise<void> => {
    for (;;) {
      await fetch(`${running.url}/v1.0/conferences`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: '{"type":"conference","name":"load"}',
      });
      written += 1;
      if (written === 200) {
        for (const { pid } of below(running.npm.pid ?? 0)) process.kill(pid, "SIGKILL");
      }
    }
  };
  // Each writer ends with the connection that the kill cut.
  await Promise.allSettled(Array.from({ length: 8 }, write));
}

const figures = (values: number[]): object => {
  const sorted = values.map(Math.round).toSorted((a, b) => a - b);
  return {
    median_ms: sorted[Math.floor(sorted.length / 2)],
    max_ms: sorted.at(-1),
    all_ms: sorted,
  };
};

try {
  await stop(await start());
  const warm: number[] = [];
  const killed: number[] = [];
  let idle = {};
  for (let round = 0; round < rounds; round += 1) {
    const running = await start();
    warm.push(running.ready_ms);
    if (round === 0) {
      await new Promise((done) => setTimeout(done, 3_000));
      const processes = below(running.npm.pid ?? 0);
      const server = processes.find(
        ({ command }) => /server\/src\/main\.ts/.test(command) && !/launch/.test(command),
      );
      const workers = processes.filter(
        ({ command }) => /worker/.test(command) && !/node/.test(command),
      );
      idle = {
        server_mb: server ? memory_mb(server.pid) : null,
        worker_mb: workers.map(({ pid }) => memory_mb(pid)),
      };
    }
    await killWhileWriting(running);
    const again = await start();
    killed.push(again.ready_ms);
    await stop(again);
  }
  const result = {
    measurement: "startup",
    commit: execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim(),
    machine: {
      cpu: cpus()[0]?.model ?? "",
      cores: cpus().length,
      load_average_1min: loadavg()[0],
      node: process.version,
    },
    load: `${rounds} rounds of npm start with everything built, to the line "ready"; killed: every process at once by SIGKILL while 8 writers write`,
    warm: figures(warm),
    after_kill: figures(killed),
    idle,
    targets: {
      "warm.median_ms": "at most 2000",
      "after_kill.median_ms": "at most 2000",
      "idle.server_mb": "at most 150",
      "idle.worker_mb": "at most 20",
    },
  };
  console.log(JSON.stringify(result, null, 2));
  writeFileSync("bench/results/startup.json", `${JSON.stringify(result, null, 2)}\n`);
} finally {
  rmSync(data_dir, { recursive: true, force: true });
}
