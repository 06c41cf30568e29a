// The data folder, looked at before anything is kept in it: there, ours, writable, with room.
import { existsSync, mkdirSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Config } from "../kernel/config.ts";
import { limits } from "../kernel/limits.ts";
import type { Log } from "../kernel/log.ts";
import { explainFile, StartRefusal } from "../kernel/start-refusal.ts";

const mib = 1024 * 1024;

/** Makes the folder where it is not there yet. Errors: StartRefusal where it cannot be used or has too little room. */
export function checkDataDir(
  config: Pick<Config, "data_dir" | "database" | "limits">,
  log: Log,
  space: (path: string) => Space = spaceOf,
): void {
  const folder = resolve(config.data_dir);
  try {
    // Passable for others where the database runs as one of them.
    mkdirSync(folder, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    if (!config.database.url.is_set) checkSpace(folder, config.limits, log, space(folder));
    const probe = join(folder, `.probe-${process.pid}`);
    try {
      writeFileSync(probe, "Whether this folder can be written.\n", { mode: 0o600 });
    } finally {
      rmSync(probe, { force: true });
    }
  } catch (reason) {
    const told = explainFile(reason, "data_dir");
    if (told === null) throw reason;
    throw new StartRefusal(`data_dir: ${told}`, { cause: reason });
  }
}

/** For a command that works on what a server left: refuses where there is nothing. Errors: StartRefusal. */
export function requireDatabase({ data_dir, database }: Pick<Config, "data_dir" | "database">) {
  if (database.url.is_set) return;
  const folder = resolve(data_dir);
  try {
    statSync(join(folder, "postgres"));
  } catch (reason) {
    const is_absent = (reason as NodeJS.ErrnoException).code === "ENOENT";
    const told = is_absent
      ? `there is no database in ${folder}. Name the server's own folder with data_dir, or its database with database.url`
      : explainFile(reason, "data_dir");
    if (told === null) throw reason;
    throw new StartRefusal(`data_dir: ${told}`, { cause: reason });
  }
}

/** What a file system has left. */
interface Space {
  readonly free_mib: number;
  /** Files that can still be made; null where the file system does not count them. */
  readonly files: number | null;
}

function spaceOf(path: string): Space {
  const { bavail, bsize, ffree, files } = statfsSync(path);
  return { free_mib: Math.floor((bavail * bsize) / mib), files: files > 0 ? ffree : null };
}

function checkSpace(
  folder: string,
  given: Config["limits"],
  log: Log,
  { free_mib, files }: Space,
): void {
  const { disk_free_min, disk_free_warn } = given;
  if (disk_free_min === 0) return;
  const is_first = !existsSync(join(folder, "postgres"));
  const needed_mib = disk_free_min + (is_first ? limits.first_start_disk_mib : 0);
  if (free_mib < needed_mib) {
    throw new StartRefusal(
      `data_dir: ${folder} has ${free_mib} MiB of free space, ${needed_mib} are needed${is_first ? " for a first start" : ""}. Free some, choose another folder with data_dir, or set limits.disk_free_min`,
    );
  }
  if (files !== null && files < limits.data_dir_files_min) {
    throw new StartRefusal(
      `data_dir: the file system of ${folder} can hold ${files} more files, ${limits.data_dir_files_min} are needed. Remove some, or choose another folder with data_dir`,
    );
  }
  if (free_mib < disk_free_warn) {
    log.warn(
      { folder, free_mib, warn_below_mib: disk_free_warn, refused_below_mib: disk_free_min },
      "the data folder has little room left; writes are refused when it is full",
    );
  }
}
