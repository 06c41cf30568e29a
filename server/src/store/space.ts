// Room on the disk of the private database. PostgreSQL ends when it finds none for its log of writes, and cannot start again
// before there is some: writes are refused while it still has enough to live on.
import { statfs } from "node:fs/promises";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { problems } from "../kernel/problem.ts";

const mib = 1024 * 1024;
// How old what is known of the disk may be.
const look_interval_ms = 250;

/** Lets a write through. Errors: STORAGE_FULL below `free_min_mib`; what cannot be looked at is not refused. */
export function createSpaceGuard(
  folder: string,
  free_min_mib: number,
  ports: { clock: Clock; log: Log; free_mib?: (folder: string) => Promise<number> },
): () => Promise<void> {
  const { clock, log, free_mib = freeMib } = ports;
  if (free_min_mib === 0) return async () => undefined;
  let is_full = false;
  let looked_ms = -Infinity;
  let looking: Promise<void> | null = null;

  const look = async (): Promise<void> => {
    try {
      const free = await free_mib(folder);
      const was_full = is_full;
      is_full = free < free_min_mib;
      const told = { folder, free_mib: Math.floor(free), needed_mib: free_min_mib };
      if (is_full && !was_full) log.error(told, "the disk is full, writes are refused");
      if (!is_full && was_full) log.info(told, "the disk has room again");
    } catch (err) {
      log.warn({ err, folder }, "the room on the disk is not known");
      is_full = false;
    }
    looked_ms = clock.monotonic_ms();
    looking = null;
  };

  return async () => {
    if (clock.monotonic_ms() - looked_ms >= look_interval_ms) {
      looking ??= look();
      await looking;
    }
    if (is_full) throw problems.STORAGE_FULL();
  };
}

async function freeMib(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return (bavail * bsize) / mib;
}
