// The connections of the HTTP server: how many there may be, of whom, and that each is gone when it should be.
import type { Server, Socket } from "node:net";
import type { Clock } from "../kernel/clock.ts";
import { limits } from "../kernel/limits.ts";
import { type Problem, problems } from "../kernel/problem.ts";
import { rateAddress } from "./rate.ts";

/** Watches them. */
export interface Connections {
  readonly count: number;
  /** Destroys what is still open when {@link limits.end_grace_ms} have passed; for the end, after new ones are refused. */
  endAll(): void;
}

/** Counts the connections of `server`, WebSockets included. `refuse` answers one too many, where it can still be answered. */
export function watchConnections(ports: {
  server: Server;
  clock: Clock;
  /** In all, and of one address (an IPv6 /64 counts as one). */
  connections_max: number;
  connections_per_address_max: number;
  /** Whether this address is a proxy's, which stands for many. */
  isProxy(address: string): boolean;
  refuse(socket: Socket, problem: Problem): void;
}): Connections {
  const { server, clock } = ports;
  const open = new Set<Socket>();
  const by_address = new Map<string, number>();

  const isOver = (key: string | null): Problem | null => {
    if (open.size > ports.connections_max) {
      return problems.SERVICE_UNAVAILABLE({
        message: "this server has all the connections that it may",
        details: [{ limit: ports.connections_max }],
      });
    }
    if (key === null || (by_address.get(key) ?? 0) <= ports.connections_per_address_max)
      return null;
    return problems.LIMIT_EXCEEDED({
      message: "this address has all the connections that it may",
      details: [{ limited_by: "ip", limit: ports.connections_per_address_max }],
    });
  };

  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    const key = ports.isProxy(address) ? null : rateAddress(address);
    open.add(socket);
    if (key !== null) by_address.set(key, (by_address.get(key) ?? 0) + 1);
    socket.once("close", () => {
      open.delete(socket);
      if (key === null) return;
      const left = (by_address.get(key) ?? 1) - 1;
      if (left > 0) by_address.set(key, left);
      else by_address.delete(key);
    });
    const problem = isOver(key);
    if (problem) ports.refuse(socket, problem);
  });

  return {
    get count() {
      return open.size;
    },
    endAll() {
      clock.after(limits.end_grace_ms, () => {
        for (const socket of open) socket.destroy();
      });
    },
  };
}
