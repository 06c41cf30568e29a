// The sockets under the connections to the database: what comes on them shows that somebody is there.
import { Socket } from "node:net";
import { Client, type ClientConfig } from "pg";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { DatabaseSilent } from "./breaker.ts";

/** Sockets of connections that are being made or stand. */
export interface Sockets {
  /** Makes one; for `stream` of a client of pg, which connects it. */
  readonly make: () => Socket;
  /** Whether a byte came on any of them since it was last asked. */
  readonly haveSpoken: () => boolean;
  /** Closes those that are left, also one that never connected. */
  readonly destroy: () => void;
}

/** Makes an empty collection. */
export function createSockets(): Sockets {
  const bytes = new Map<Socket, number>();
  return {
    make() {
      const socket = new Socket();
      bytes.set(socket, 0);
      socket.once("close", () => bytes.delete(socket));
      return socket;
    },
    haveSpoken() {
      let have_spoken = false;
      for (const [socket, before] of bytes) {
        // Counted below TLS.
        const now = socket.bytesRead;
        if (now === before) continue;
        bytes.set(socket, now);
        have_spoken = true;
      }
      return have_spoken;
    },
    destroy() {
      for (const socket of bytes.keys()) socket.destroy();
    },
  };
}

/**
 * Asks the database on a connection of its own. However slow, it is waited for as long as bytes come.
 * Errors: {@link DatabaseSilent} after `silent_ms` without one; what keeps it from connecting.
 */
export async function probeDatabase(
  target: ClientConfig,
  silent_ms: number,
  { clock, log }: { clock: Clock; log: Log },
): Promise<void> {
  const sockets = createSockets();
  const client = new Client({ ...target, stream: sockets.make, application_name: "parley probe" });
  const broken = (err: unknown): void => log.debug({ err }, "a probe of the database broke");
  client.on("error", broken);
  const silent = Promise.withResolvers<never>();
  const watch = clock.every(silent_ms, () => {
    if (!sockets.haveSpoken()) silent.reject(new DatabaseSilent(silent_ms));
  });
  const asked = client.connect().then(() => client.query("select 1"));
  try {
    await Promise.race([asked, silent.promise]);
  } finally {
    watch.cancel();
    // Who waited has left; what it comes to is no news.
    asked.catch(broken);
    silent.promise.catch(broken);
    client.end().catch(broken);
    sockets.destroy();
  }
}
