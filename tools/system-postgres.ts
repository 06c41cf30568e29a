// A PostgreSQL that the system has, older or newer than ours, for running the tests of the server on it, too.
import { execFileSync, spawn } from "node:child_process";
import { globSync } from "node:fs";
import { chown, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Client } from "pg";

/** The oldest release that Parley runs on. */
const release_min = 15;
const start_timeout_ms = 20_000;
// PostgreSQL refuses to run as root: "nobody", as our own private database does.
const nobody = 65_534;

/** A running one. */
export interface SystemPostgres {
  readonly release: number;
  readonly url: string;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

/** Starts the oldest installed release that Parley supports, on files of its own; null where there is none. It ends with this process, however that ends. */
export async function startSystemPostgres(): Promise<SystemPostgres | null> {
  const [found] = globSync("/usr/lib/postgresql/*/bin/initdb")
    .concat(globSync("/usr/pgsql-*/bin/initdb"))
    .map((initdb) => ({ initdb, release: Number(/(\d+)\/bin\/initdb$/.exec(initdb)?.[1]) }))
    .filter(({ release }) => release >= release_min)
    .toSorted((a, b) => a.release - b.release);
  if (!found) return null;
  const folder = await mkdtemp(join(tmpdir(), "parley-test-"));
  const identity = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  if ("uid" in identity) await chown(folder, nobody, nobody);
  const cluster = join(folder, "cluster");
  execFileSync(
    found.initdb,
    ["-D", cluster, "-U", "parley", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
    {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
      env: { PATH: "/usr/bin:/bin" },
      ...identity,
    },
  );
  const settings = { listen_addresses: "", unix_socket_directories: folder, fsync: "off" };
  // The shell ends the database when our pipe closes, which the kernel does however this process ends.
  const child = spawn(
    "/bin/sh",
    [
      ...["-c", '"$@" & pid=$!; cat >/dev/null; kill -INT $pid; wait $pid; rm -rf "$FOLDER"', "sh"],
      ...[join(dirname(found.initdb), "postgres"), "-D", cluster],
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
    {
      cwd: folder,
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C", FOLDER: folder },
      detached: true,
      ...identity,
    },
  );
  const url = `postgres://parley@/postgres?host=${encodeURIComponent(folder)}&port=5432`;
  await answers(url);
  return {
    release: found.release,
    url,
    stop: () =>
      new Promise((done) => {
        child.once("exit", () => done());
        child.stdin.end();
      }),
  };
}

async function answers(url: string): Promise<void> {
  const deadline = performance.now() + start_timeout_ms;
  for (;;) {
    const client = new Client(url);
    try {
      await client.connect();
      return;
    } catch (reason) {
      if (performance.now() > deadline) throw reason;
      await new Promise((done) => setTimeout(done, 50));
    } finally {
      await client.end();
    }
  }
}
