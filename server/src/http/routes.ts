// Every route, in the order of the manual.
import type { Accesskeys, Authenticator } from "../domain/accesskey/index.ts";
import type { Conferences } from "../domain/conference/index.ts";
import type { Customers } from "../domain/customer/index.ts";
import { accesskeyRoutes } from "./accesskeys.ts";
import { authRoutes } from "./auth.ts";
import { conferencecallRoutes } from "./conferencecalls.ts";
import { conferenceRoutes } from "./conferences.ts";
import { conversationRoutes } from "./conversations.ts";
import { customerRoutes } from "./customers.ts";
import type { AnyRoute } from "./route.ts";

/** The nouns behind the routes. */
export interface RoutePorts {
  readonly customers: Customers;
  readonly accesskeys: Accesskeys;
  readonly authenticator: Authenticator;
  readonly conferences: Conferences;
  readonly token_lifetime_ms: number;
}

/** Makes every route. Each noun adds a line. */
export function createRoutes(ports: RoutePorts): AnyRoute[] {
  return [
    ...authRoutes(ports),
    ...conferenceRoutes(ports),
    ...conferencecallRoutes(ports.conferences),
    ...accesskeyRoutes(ports),
    ...customerRoutes(ports),
    ...conversationRoutes(),
  ];
}
