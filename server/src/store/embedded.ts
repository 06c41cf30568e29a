// The private PostgreSQL server: made on the first start, on a Unix socket only, ends with this process however that ends.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { Client } from "pg";
import type { Clock } from "../kernel/clock.ts";
import type { Ids } from "../kernel/id.ts";
import type { Log } from "../kernel/log.ts";
import { explainProgram, StartRefusal } from "../kernel/start-refusal.ts";
import { isLocked } from "./lock.ts";
import { findPrograms, homeFor, type Identity, own, type Programs, socketFolder } from "./place.ts";
import { readPostmaster, signalPostmaster } from "./postmaster.ts";

/** How to reach a server; for a pool or a client of pg. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** A running private server. */
export interface EmbeddedServer {
  readonly connection: Connection;
  /** Folder of its files. */
  readonly home: string;
  /** The process that runs now; another one after it was restarted. */
  pid(): number;
  /** Ends it cleanly. */
  stop(): Promise<void>;
}

/** What {@link startEmbedded} needs. */
export interface EmbeddedPorts {
  readonly data_dir: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** Further settings of PostgreSQL; tests switch fsync off. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Removes `data_dir` when the database ends, however that comes about; for tests. */
  readonly is_temporary?: boolean;
}

const user = "parley";
const socket_port = 5432;
const start_timeout_ms = 30_000;
// An orphan that nobody locks for this long belongs to a server that was killed; a live server locks at once.
const orphan_after_ms = 1_000;
// The database of a server that was killed holds its lock until it has noticed, which may be a commit later.
const lock_let_go_ms = 3_000;
const stop_timeout_ms = 15_000;
const last_words_ms = 500;
const full_retry_ms = 1_000;

// Ends the database when our pipe closes, which the kernel does however this process ends. A shell, because PostgreSQL does not
// read its standard input, and because another Node would cost 40 MB. The pipe is descriptor 3 so that a background job may read it.
const guard = `
exec 3<&0 </dev/null
"$@" &
pid=$!
(
  while read -r _ <&3; do :; done
  kill -INT $pid 2>/dev/null
  n=0
  while kill -0 $pid 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
  kill -QUIT $pid 2>/dev/null
) &
watch=$!
exec 3<&-
wait $pid
status=$?
kill $watch 2>/dev/null
for folder in "$SOCKET_FOLDER" "$TEMPORARY_FOLDER"; do [ -n "$folder" ] && rm -rf "$folder"; done
exit $status
`;

/**
 * Starts the private server in `data_dir`, making its files where there are none. It is restarted when it dies.
 * Errors: another server uses the same folder; no PostgreSQL for this platform.
 */
export async function startEmbedded(ports: EmbeddedPorts): Promise<EmbeddedServer> {
  const { clock, log } = ports;
  const { home, identity } = await homeFor(ports.data_dir, ports.ids);
  const programs = await findPrograms(home, identity);
  const cluster = join(home, "cluster");
  const password = await ensureCluster(home, cluster, programs, identity, ports.ids);
  const sockets = await socketFolder(home, identity);
  const connection = {
    host: sockets.path,
    port: socket_port,
    user,
    password,
    database: "postgres",
  };
  const given = { ...settings(sockets.path), ...ports.settings };

  const temporary: Record<string, string> = {};
  if (sockets.temporary) temporary["SOCKET_FOLDER"] = sockets.temporary;
  if (ports.is_temporary) {
    temporary["TEMPORARY_FOLDER"] = ports.data_dir;
    await own(ports.data_dir, identity);
  }

  let is_stopping = false;
  let running: ChildProcess | null = null;
  let relaunching: Promise<void> | null = null;

  const launch = async (is_first: boolean): Promise<ChildProcess> => {
    let is_full_told = false;
    const deadline = clock.monotonic_ms() + start_timeout_ms;
    for (;;) {
      await clearTheWay(cluster, connection, clock, log);
      // The guard removed it with the last server, where it was a temporary one.
      await mkdir(sockets.path, { recursive: true, mode: 0o700 });
      await own(sockets.path, identity);
      for (const name of [`.s.PGSQL.${socket_port}`, `.s.PGSQL.${socket_port}.lock`]) {
        await rm(join(sockets.path, name), { force: true });
      }
      const child = spawnGuarded(programs.postgres, cluster, given, identity, temporary);
      const said = collectLog(child, log);
      const silenced = once(child, "close");
      if (await becomesReady(child, connection, clock)) return child;
      // Its last words may come after its end.
      await Promise.race([silenced, clock.sleep(last_words_ms)]);
      const reason = said();
      // Another process came first, or the memory of one that was killed is still being given back.
      const is_passing = /lock file|pre-existing shared memory/.test(reason);
      // It ended for want of room for its log: it can start as soon as there is some, and media goes on without it.
      if (!is_first && !is_stopping && /No space left on device/.test(reason)) {
        if (!is_full_told)
          log.error({ reason }, "the disk is full, the private database waits for room");
        is_full_told = true;
        await clock.sleep(full_retry_ms);
        continue;
      }
      if (!is_passing || clock.monotonic_ms() > deadline) {
        throw (
          explained(programs.postgres, reason) ??
          new StartRefusal(
            `the private database in ${home} did not start: ${reason || "it gave no reason"}. With log.level debug its own log is shown`,
          )
        );
      }
      await clock.sleep(50);
    }
  };

  const watch = (child: ChildProcess): void => {
    running = child;
    child.once("exit", (code, signal) => {
      running = null;
      if (is_stopping) return;
      log.error({ code, signal }, "private database died, starting it again");
      relaunching = launch(false).then(watch, (reason: unknown) => {
        if (is_stopping) return; // whoever stops it wants it gone
        log.fatal({ err: reason }, "private database cannot be started again");
        process.exitCode = 1;
        process.kill(process.pid, "SIGTERM");
      });
    });
  };
  watch(await launch(true));

  return {
    connection,
    home,
    pid: () => readPostmaster(cluster)?.pid ?? 0,
    async stop() {
      is_stopping = true;
      // One that is just being started again would outlive us, and find its folder gone.
      await relaunching;
      const child = running;
      if (!child) return;
      const ended = once(child, "exit");
      child.ref();
      child.stdin?.end();
      const timer = clock.after(stop_timeout_ms, () => {
        log.error("private database does not stop, killing it");
        signalPostmaster(cluster, "SIGQUIT");
        child.kill("SIGKILL");
      });
      await ended;
      timer.cancel();
    },
  };
}

const settings = (sockets: string): Record<string, string> => ({
  listen_addresses: "",
  unix_socket_directories: sockets,
  unix_socket_permissions: "0700",
  port: String(socket_port),
  max_connections: "100",
  shared_buffers: "64MB",
  // Durability is the promise; these are the defaults, said because everything rests on them.
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  // Short statements only: compiling them costs more than it saves, and helpers would be idle processes.
  jit: "off",
  io_method: "sync",
  max_logical_replication_workers: "0",
  timezone: "UTC",
  log_timezone: "UTC",
  lc_messages: "C",
  // Statements carry names and texts of people; the log shall not.
  log_min_error_statement: "panic",
  log_error_verbosity: "terse",
});

async function ensureCluster(
  home: string,
  cluster: string,
  programs: Programs,
  identity: Identity | null,
  ids: Ids,
): Promise<string> {
  const password_path = join(home, "password");
  if (existsSync(join(cluster, "PG_VERSION"))) {
    const major = Number.parseInt(await readFile(join(cluster, "PG_VERSION"), "utf8"), 10);
    if (major !== programs.major) {
      throw new StartRefusal(
        `data_dir: the private database in ${cluster} was made by PostgreSQL ${major}, this Parley brings ${programs.major}. Start the Parley that made it, or move its data over with pg_dump (docs/guide/operations.md, "Another release of PostgreSQL")`,
      );
    }
    return (await readFile(password_path, "utf8")).trim();
  }
  // Made aside and moved into place, so that a start that was cut short is not taken for a database.
  const making = join(home, "cluster.new");
  await rm(making, { recursive: true, force: true });
  const password = ids.secret(43);
  await writeFile(password_path, `${password}\n`, { mode: 0o600 });
  await own(password_path, identity);
  await mkdir(making, { mode: 0o700 });
  await own(making, identity);
  const child = spawn(
    programs.initdb,
    [
      ...["-D", making, "-U", user, "--auth=scram-sha-256", `--pwfile=${password_path}`],
      ...["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
      "--no-instructions",
    ],
    { stdio: ["ignore", "ignore", "pipe"], cwd: home, env: environment(), ...identity },
  );
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said = (said + chunk).slice(-2000)));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) {
    throw (
      explained(programs.initdb, said) ??
      new StartRefusal(`the private database could not be made in ${home}: ${said.trim()}`)
    );
  }
  await rename(making, cluster);
  return password;
}

function explained(program: string, said: string): StartRefusal | null {
  const told = explainProgram(program, said, "data_dir");
  return told === null ? null : new StartRefusal(`the private database: ${told}`);
}

// Only what a program needs: nothing of ours, least of all secrets, is inherited.
const environment = (): Record<string, string> => ({
  PATH: "/usr/bin:/bin",
  LC_ALL: "C",
  TZ: "UTC",
});

function spawnGuarded(
  postgres: string,
  cluster: string,
  given: Readonly<Record<string, string>>,
  identity: Identity | null,
  temporary: Readonly<Record<string, string>>,
): ChildProcess {
  const options = Object.entries(given).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn(
    "/bin/sh",
    ["-c", guard, "parley-database", postgres, "-D", cluster, ...options],
    {
      stdio: ["pipe", "ignore", "pipe"],
      cwd: cluster,
      env: { ...environment(), ...temporary },
      // A session of its own: Ctrl-C at the terminal must reach the server alone, which then ends the database last.
      detached: true,
      ...identity,
    },
  );
  // Whoever uses the database keeps the process alive, not the database itself.
  child.unref();
  for (const pipe of [child.stdin, child.stderr]) if (pipe instanceof Socket) pipe.unref();
  return child;
}

function collectLog(child: ChildProcess, log: Log): () => string {
  let rest = "";
  const severe: string[] = [];
  child.stderr?.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const is_severe = / (FATAL|PANIC): |shared libraries|^\S+: .*version `|could not/.test(line);
      if (is_severe && !/system is (starting|shutting)/.test(line)) severe.push(line);
      if (severe.length > 20) severe.shift();
      log.debug({ line }, "private database");
    }
  });
  return () => severe.join(" ");
}

async function becomesReady(
  child: ChildProcess,
  connection: Connection,
  clock: Clock,
): Promise<boolean> {
  const deadline = clock.monotonic_ms() + start_timeout_ms;
  const ended = once(child, "exit").then(() => true);
  while (clock.monotonic_ms() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    if ((await answers(connection)) !== "silent") return true;
    await Promise.race([ended, clock.sleep(10)]);
  }
  child.kill("SIGKILL");
  return false;
}

// Whether a server answers, and whether somebody holds the lock on its database.
async function answers(connection: Connection): Promise<"silent" | "free" | "locked"> {
  const client = new Client({ ...connection, connectionTimeoutMillis: 2_000 });
  client.on("error", ignoreLostConnection);
  try {
    await client.connect();
    return (await isLocked(client)) ? "locked" : "free";
  } catch {
    return "silent";
  } finally {
    await client.end().catch(ignoreLostConnection);
  }
}

// The question was whether anybody answers; a connection that breaks is one of the answers.
function ignoreLostConnection(): undefined {
  return undefined;
}

// Waits for, ends or refuses what already runs on the same files.
async function clearTheWay(
  cluster: string,
  connection: Connection,
  clock: Clock,
  log: Log,
): Promise<void> {
  const since = clock.monotonic_ms();
  let is_told = false;
  for (;;) {
    const found = readPostmaster(cluster);
    if (found === null) return;
    if (!found.is_alive) {
      // PostgreSQL trusts the number alone; another program may have it by now.
      await rm(join(cluster, "postmaster.pid"), { force: true });
      return;
    }
    const at = found.socket_folder ?? connection.host;
    const waited_ms = clock.monotonic_ms() - since;
    const answer = await answers({ ...connection, host: at });
    if (answer === "locked" && waited_ms > lock_let_go_ms) {
      throw new StartRefusal(
        `another Parley uses this data folder (database process ${found.pid}). Stop that one, or choose another folder with data_dir`,
      );
    }
    if (answer !== "locked" && waited_ms > orphan_after_ms && !is_told) {
      log.warn({ pid: found.pid }, "ending a private database that was left behind");
      signalPostmaster(cluster, "SIGINT");
      is_told = true;
    }
    if (waited_ms > start_timeout_ms) {
      throw new StartRefusal(
        `the database process ${found.pid} of an earlier start does not end: end it (kill -INT ${found.pid}), then start again`,
      );
    }
    await clock.sleep(25);
  }
}
