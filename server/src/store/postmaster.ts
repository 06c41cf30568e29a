// Which process, if any, runs on a cluster's files.
import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";

/** What `postmaster.pid` names. */
export interface Postmaster {
  readonly pid: number;
  /** False: the number belongs to nobody, to a zombie, or to something else. */
  readonly is_alive: boolean;
  /** Folder of its socket, null while it starts. */
  readonly socket_folder: string | null;
}

/** Reads `postmaster.pid` in the cluster's folder; null when there is none. */
export function readPostmaster(cluster: string): Postmaster | null {
  let lines: string[];
  try {
    lines = readFileSync(join(cluster, "postmaster.pid"), "utf8").split("\n");
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw reason;
  }
  const pid = Number(lines[0]);
  const socket_folder = lines[4]?.trim() || null;
  const is_alive = Number.isInteger(pid) && pid > 1 && isPostgres(pid, cluster);
  return { pid, is_alive, socket_folder };
}

/** Sends the signal to the server that runs on these files, if one does. */
export function signalPostmaster(cluster: string, signal: NodeJS.Signals): void {
  const found = readPostmaster(cluster);
  if (!found?.is_alive) return;
  try {
    process.kill(found.pid, signal);
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code !== "ESRCH") throw reason;
  }
}

function isPostgres(pid: number, cluster: string): boolean {
  if (process.platform === "linux") {
    try {
      // pid (name) state …; the name may hold spaces and brackets.
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
      const state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
      if (name !== "postgres" || state === "Z" || state === "X") return false;
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(cluster);
    } catch (reason) {
      const { code } = reason as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ESRCH") return false;
      // Somebody else's process: not ours, since ours runs as us or was started by root.
      if (code === "EACCES" || code === "EPERM") return false;
      throw reason;
    }
  }
  try {
    const told = execFileSync("ps", ["-o", "stat=,comm=", "-p", String(pid)], { encoding: "utf8" });
    return !told.trim().startsWith("Z") && told.includes("postgres");
  } catch (reason) {
    // ps ends with 1 when there is no such process.
    if ((reason as { status?: number }).status === 1) return false;
    throw reason;
  }
}
