// Public face of the browser edge: the live socket of a conference, and the event socket of a customer.
import type { Authenticator } from "../domain/accesskey/index.ts";
import type { Revocations } from "../domain/customer/index.ts";
import { createEventSockets } from "./events.ts";
import { createLiveSockets, type LivePorts } from "./live.ts";
import { createUpgrades, type Upgrades } from "./upgrade.ts";

/** Ports of the edge. */
export interface RealtimePorts extends LivePorts {
  readonly authenticator: Authenticator;
  readonly revocations: Pick<Revocations, "find" | "onRevoked">;
  /** Origins of other sites whose pages may connect (`http.allowed_origins`). */
  readonly allowed_origins: readonly string[];
}

/** Both sockets behind one door. `http.server.on("upgrade", realtime.take)`; close it before the HTTP server, which waits for open connections. */
export function createRealtime(ports: RealtimePorts): Upgrades {
  const live = createLiveSockets(ports);
  const events = createEventSockets(ports);
  return createUpgrades({ ...ports, live, events });
}

export type { Upgrades } from "./upgrade.ts";
