// Public face of the browser edge: the live socket of a conference, and the event socket of a customer.
import type { Authenticator } from "../domain/accesskey/index.ts";
import type { Revocations } from "../domain/customer/index.ts";
import { createEventSockets } from "./events.ts";
import { createLiveSockets, type LivePorts } from "./live.ts";
import { createUpgrades, type SocketLimits, type Upgrades } from "./upgrade.ts";

/** Ports of the edge. */
export interface RealtimePorts extends LivePorts {
  readonly authenticator: Authenticator;
  readonly revocations: Pick<Revocations, "find" | "onRevoked">;
  readonly limits: SocketLimits;
  /** Whose word on addresses counts (`http.trusted_proxies`). */
  readonly trusted_proxies: readonly string[];
  /** How others reach this server (`http.public_url`). */
  readonly public_url?: string;
}

/** Both sockets behind one door. The HTTP server's `sockets`; close it before the HTTP server, which waits for open connections. */
export function createRealtime(ports: RealtimePorts): Upgrades {
  const live = createLiveSockets(ports);
  const events = createEventSockets(ports);
  return createUpgrades({ ...ports, live, events });
}

export type { SocketLimits, Upgrades } from "./upgrade.ts";
