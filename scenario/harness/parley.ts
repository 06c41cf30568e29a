// Starts a whole Parley as a user would get it (server, database, workers) on free ports in a folder of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** What `ready` printed. */
export interface Ready {
  readonly http: string;
  readonly [part: string]: unknown;
}

/** A running Parley. */
export interface Parley {
  readonly url: string;
  readonly data_dir: string;
  readonly token: string;
  readonly ready_ms: number;
  /** Lines printed so far, both outputs. */
  readonly log: readonly string[];
  pid(): number;
  /** Process ids of the media workers that are up. */
  workers(): Promise<number[]>;
  /** Process ids of everything below the server. */
  children(): number[];
  /** REST call with the admin's token; throws on anything but 2xx unless `expect` names the status. */
  api<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    expect?: number,
  ): Promise<T>;
  /** Makes a conference and gives its id; `fields` are further members of the request. */
  conference(fields?: Record<string, unknown>): Promise<string>;
  /** A meeting link for one person. */
  link(
    conference_id: string,
    name: string,
    role?: "host" | "member" | "listener",
  ): Promise<JoinLink>;
  /** Ends the server with SIGKILL and starts it again on the same ports and folder. */
  killAndRestart(): Promise<Parley>;
  /** SIGTERM, waits, removes the folder. */
  stop(): Promise<void>;
}

/** A join token and the page that uses it. */
export interface JoinLink {
  readonly token: string;
  readonly url: string;
}

/** Password of `admin`. */
export const password = "correct horse battery staple";
const secret = "a secret for tests that has more than thirty-two bytes";

/** Starts Parley; `settings` are extra environment variables. */
export async function startParley(settings: Record<string, string> = {}): Promise<Parley> {
  const data_dir = mkdtempSync(join(tmpdir(), "parley-scenario-"));
  return start(data_dir, settings, await freePorts());
}

// Ports that a killed server will find free again: the system gives none of these away to outgoing connections (they are
// below its range), and no other test takes them but by a rare chance.
const ports_from = 20_000;
const ports_to = 32_000;
async function freePorts(): Promise<Record<string, string>> {
  const block = 1 + availableParallelism();
  for (;;) {
    const first = randomInt(ports_from, ports_to - block);
    const ports = Array.from({ length: block }, (_, index) => first + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) {
      return { PARLEY_HTTP_PORT: String(first), PARLEY_MEDIA_PORT: String(first + 1) };
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

async function start(
  data_dir: string,
  settings: Record<string, string>,
  ports: Record<string, string>,
): Promise<Parley> {
  const began = performance.now();
  const child = spawn(process.execPath, ["server/src/main.ts"], {
    env: {
      ...process.env,
      PARLEY_HTTP_HOST: "127.0.0.1",
      PARLEY_MEDIA_HOST: "127.0.0.1",
      PARLEY_DATA_DIR: data_dir,
      PARLEY_ADMIN_PASSWORD: password,
      PARLEY_AUTH_SECRET: secret,
      ...ports,
      ...settings,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log: string[] = [];
  const ready = await new Promise<Ready>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      log.push(line);
      if (line.startsWith("ready ")) resolve(JSON.parse(line.slice(6)) as Ready);
    });
    createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
    child.once("exit", (code, signal) => {
      reject(new Error(`the server ended (${code ?? signal}) before ready:\n${log.join("\n")}`));
    });
  });
  const ready_ms = performance.now() - began;
  const url = ready.http;
  const login = await fetch(`${url}/auth/login`, {
    method: "POST",
    body: JSON.stringify({ username: "admin", password }),
  });
  if (!login.ok) throw new Error(`log-in answered ${login.status}: ${await login.text()}`);
  const { token } = (await login.json()) as { token: string };

  const api: Parley["api"] = async (method, path, body, expect) => {
    const reply = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    if (expect === undefined ? !reply.ok : reply.status !== expect) {
      throw new Error(`${method} ${path} answered ${reply.status}: ${text}`);
    }
    return (text === "" ? {} : JSON.parse(text)) as never;
  };
  const pid = (): number => child.pid ?? 0;
  return {
    url,
    data_dir,
    token,
    ready_ms,
    log,
    pid,
    async workers() {
      const health = (await (
        await fetch(`${url}/health`, { headers: { authorization: `Bearer ${token}` } })
      ).json()) as {
        parts: { media: { workers: { pid: number | null; state: string }[] } };
      };
      return health.parts.media.workers.flatMap(({ pid: id, state }) =>
        id !== null && state === "up" ? [id] : [],
      );
    },
    children: () => descendants(pid()),
    api,
    async conference(fields = {}) {
      const body = { type: "conference", ...fields };
      return (await api<{ id: string }>("POST", "/v1.0/conferences", body)).id;
    },
    link: (conference_id, name, role = "member") =>
      api<JoinLink & Record<string, unknown>>(
        "POST",
        `/v1.0/conferences/${conference_id}/join_tokens`,
        { name, role },
      ),
    async killAndRestart() {
      const gone = ended(child);
      child.kill("SIGKILL");
      await gone;
      return start(data_dir, settings, ports);
    },
    async stop() {
      const gone = ended(child);
      child.kill("SIGTERM");
      await gone;
      rmSync(data_dir, { recursive: true, force: true });
    },
  };
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

/** Process ids of everything below a process. */
export function descendants(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const below = (pid: number): number[] =>
    [...parents].filter(([, parent]) => parent === pid).flatMap(([id]) => [id, ...below(id)]);
  return below(root);
}

/** Whether a process is still there (a zombie is not). */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
  } catch {
    return false;
  }
}

/** Waits until `check` gives something true; throws with `what` after `within_ms`. */
export async function until<T>(
  what: string,
  check: () => Promise<T> | T,
  within_ms = 10_000,
): Promise<NonNullable<T>> {
  const end = performance.now() + within_ms;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end)
      throw new Error(`not within ${within_ms} ms: ${what} (${String(last)})`);
    await new Promise((done) => setTimeout(done, 25));
  }
}
