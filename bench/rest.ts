// (e) REST: authenticated GET of one conference (how many a second, what one costs, how long one takes at half of that), and durable writes.
// The server is a process of its own as `npm start` runs it; requests come from another one over kept connections.
import { type ChildProcess, execFileSync, fork, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

const connections = 32;
const pipelined = 8;
const measure_ms = 5_000;
// Longer than anything in the server that comes back by itself, such as judging a credential anew.
const steady_ms = 15_000;
// Enough for the compiler to have seen everything, however busy the machine is.
const warm_up_requests = 60_000;
const warm_up_rounds_max = 20;
const writes = 400;
const ticks_per_second = 100;
const password = "correct horse battery staple";

interface Target {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly token: string;
}
type Task =
  | { readonly kind: "flood"; readonly target: Target; readonly duration_ms: number }
  | {
      readonly kind: "steady";
      readonly target: Target;
      readonly duration_ms: number;
      readonly rate: number;
    };
interface Outcome {
  readonly answered: number;
  readonly elapsed_ms: number;
  readonly latencies_ms: readonly number[];
}

async function main(): Promise<void> {
  const server = await startServer();
  try {
    const target = await prepare(server.url);
    const generator = fork(import.meta.filename);
    let warm = 0;
    for (let round = 0; round < warm_up_rounds_max && warm < warm_up_requests; round += 1) {
      warm += (await ask(generator, { kind: "flood", target, duration_ms: 1_000 })).answered;
    }
    const before_s = cpuSeconds(server.child);
    const flood = await ask(generator, { kind: "flood", target, duration_ms: measure_ms });
    const cpu_s = cpuSeconds(server.child) - before_s;
    const rate = Math.round((flood.answered / flood.elapsed_ms) * 1000);
    const per_core = Math.round(flood.answered / cpu_s);
    const half = Math.round(rate / 2);
    const stolen_before_s = stolenSeconds();
    const steady_before_s = cpuSeconds(server.child);
    const steady = await ask(generator, {
      kind: "steady",
      target,
      duration_ms: steady_ms,
      rate: half,
    });
    const steady_cpu_s = cpuSeconds(server.child) - steady_before_s;
    const stolen_s = stolenSeconds() - stolen_before_s;
    generator.disconnect();
    const written = await writeLatencies(server.url, target);
    const result = {
      measurement: "rest",
      commit: execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim(),
      machine: {
        cpu: cpus()[0]?.model ?? "unknown",
        cores: availableParallelism(),
        load_average_1min: Number(loadavg()[0]?.toFixed(2)),
        node: process.version,
      },
      load: `${connections} kept connections, ${pipelined} requests each, from a second process; access log on, written to a file`,
      get_conference: {
        requests_per_second: rate,
        server_cpu_us_per_request: Math.round((cpu_s / flood.answered) * 1e7) / 10,
        requests_per_second_of_server_cpu: per_core,
      },
      get_conference_at_half_rate: {
        requests_per_second: half,
        ...percentiles(steady.latencies_ms),
        server_cpu_us_per_request: Math.round((steady_cpu_s / steady.answered) * 1e7) / 10,
        stolen_by_the_host_ms: Math.round(stolen_s * 1000),
      },
      put_conference_durable: { requests: writes, ...percentiles(written) },
      targets: {
        "get_conference.requests_per_second": "at least 20000 on one core",
        "get_conference_at_half_rate.p99_ms": "at most 10",
        "put_conference_durable.p50_ms": "at most 5",
      },
    };
    mkdirSync("bench/results", { recursive: true });
    writeFileSync("bench/results/rest.json", `${JSON.stringify(result, null, 2)}\n`);
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await server.stop();
  }
}

async function startServer() {
  const data_dir = mkdtempSync(join(tmpdir(), "parley-bench-"));
  const child = spawn(process.execPath, ["server/src/main.ts"], {
    env: {
      ...process.env,
      PARLEY_HTTP_PORT: "0",
      PARLEY_MEDIA_PORT: "0",
      PARLEY_MEDIA_WORKER_COUNT: "1",
      PARLEY_DATA_DIR: data_dir,
      PARLEY_ADMIN_PASSWORD: password,
      PARLEY_LIMITS_REST_RATE: "0",
    },
    stdio: ["ignore", "pipe", openSync(join(data_dir, "log"), "w")],
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout as Readable }).on("line", (line) => {
      if (line.startsWith("ready ")) resolve((JSON.parse(line.slice(6)) as { http: string }).http);
    });
    child.once("exit", () =>
      reject(new Error(`no server:\n${readFileSync(join(data_dir, "log"), "utf8")}`)),
    );
  });
  return {
    child,
    url,
    async stop() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await gone;
      rmSync(data_dir, { recursive: true, force: true });
    },
  };
}

async function prepare(url: string): Promise<Target> {
  const post = async (path: string, body: object, token = "") => {
    const reply = await fetch(url + path, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    if (!reply.ok) throw new Error(`${path} answered ${reply.status}: ${await reply.text()}`);
    return (await reply.json()) as Record<string, string>;
  };
  const { token = "" } = await post("/auth/login", { username: "admin", password });
  const conference = await post("/v1.0/conferences", { type: "conference", name: "bench" }, token);
  const { hostname, port } = new URL(url);
  return {
    host: hostname,
    port: Number(port),
    path: `/v1.0/conferences/${conference["id"]}`,
    token,
  };
}

async function writeLatencies(url: string, target: Target): Promise<number[]> {
  const latencies: number[] = [];
  for (let count = 0; count < writes + 50; count += 1) {
    const began = performance.now();
    const reply = await fetch(url + target.path, {
      method: "PUT",
      headers: { authorization: `Bearer ${target.token}` },
      body: JSON.stringify({ name: `bench ${count}` }),
    });
    if (!reply.ok) throw new Error(`PUT answered ${reply.status}: ${await reply.text()}`);
    await reply.arrayBuffer();
    if (count >= 50) latencies.push(performance.now() - began);
  }
  return latencies;
}

// Time that a virtual machine wanted to run and was not let to; proc(5), 0 where nobody counts it.
const stolenSeconds = (): number =>
  Number(/^cpu +(?:\d+ +){7}(\d+)/.exec(readFileSync("/proc/stat", "utf8"))?.[1] ?? 0) /
  ticks_per_second;

// User and system time of the process, all its threads; fields 14 and 15 of proc(5).
function cpuSeconds(child: ChildProcess): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticks_per_second;
}

function percentiles(latencies_ms: readonly number[]) {
  const sorted = latencies_ms.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(
      (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 100,
    ) / 100;
  return { p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) };
}

const ask = (generator: ChildProcess, task: Task): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    generator.once("message", (outcome: Outcome | { failed: string }) =>
      "failed" in outcome ? reject(new Error(outcome.failed)) : resolve(outcome),
    );
    generator.send(task);
  });

// The other process.

async function load(task: Task): Promise<void> {
  try {
    process.send?.(await (task.kind === "flood" ? flood(task) : steady(task)));
  } catch (thrown) {
    process.send?.({ failed: String(thrown) });
  }
}

const requestOf = ({ host, path, token }: Target): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n\r\n`;

const open = (target: Target): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(target.port, target.host, () => resolve(socket));
    socket.setNoDelay(true);
    socket.once("error", reject);
  });

// Every answer to the same request has the same length, so that counting bytes counts answers.
async function answerLength(target: Target): Promise<number> {
  const socket = await open(target);
  socket.write(requestOf(target));
  const text = await new Promise<string>((resolve) => {
    let read = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => {
      read += chunk;
      const body_at = read.indexOf("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(read)?.[1]);
      if (body_at >= 0 && read.length === body_at + 4 + length) resolve(read);
    });
  });
  socket.destroy();
  if (!text.startsWith("HTTP/1.1 200 ")) throw new Error(`answered ${text.slice(0, 200)}`);
  return text.length;
}

async function flood({ target, duration_ms }: Extract<Task, { kind: "flood" }>): Promise<Outcome> {
  const length = await answerLength(target);
  const request = requestOf(target);
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(target)));
  let bytes = 0;
  const began = performance.now();
  for (const socket of sockets) {
    let rest = 0;
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      rest += chunk.length;
      const answered = Math.floor(rest / length);
      rest -= answered * length;
      if (answered > 0) socket.write(request.repeat(answered));
    });
    socket.write(request.repeat(pipelined));
  }
  await new Promise((resolve) => setTimeout(resolve, duration_ms));
  const elapsed_ms = performance.now() - began;
  const answered = Math.floor(bytes / length);
  for (const socket of sockets) socket.destroy();
  return { answered, elapsed_ms, latencies_ms: [] };
}

// Requests leave whether or not earlier ones were answered, and count from the time at which they were due: what the timer below is late
// by, 1 to 2 ms, counts too. Watching the clock without a pause would give it back, and take a core from the server.
async function steady(task: Extract<Task, { kind: "steady" }>): Promise<Outcome> {
  const { target, duration_ms, rate } = task;
  const length = await answerLength(target);
  const request = requestOf(target);
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(target)));
  const waiting: number[][] = sockets.map(() => []);
  const latencies_ms: number[] = [];
  sockets.forEach((socket, index) => {
    let rest = 0;
    socket.on("data", (chunk) => {
      rest += chunk.length;
      const now = performance.now();
      for (; rest >= length; rest -= length) {
        latencies_ms.push(now - (waiting[index]?.shift() ?? now));
      }
    });
  });
  const began = performance.now();
  let sent = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsed_ms = performance.now() - began;
      const due = Math.floor((Math.min(elapsed_ms, duration_ms) * rate) / 1000);
      for (; sent < due; sent += 1) {
        const index = sent % connections;
        waiting[index]?.push(began + (sent / rate) * 1000);
        sockets[index]?.write(request);
      }
      if (elapsed_ms < duration_ms || waiting.some((list) => list.length > 0)) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  const elapsed_ms = performance.now() - began;
  for (const socket of sockets) socket.destroy();
  return { answered: latencies_ms.length, elapsed_ms, latencies_ms };
}

if (process.send) process.on("message", (task: Task) => void load(task));
else await main();
