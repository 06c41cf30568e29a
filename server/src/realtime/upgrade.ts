// From an HTTP upgrade to a served socket: where it goes, from which page, who asks.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Authenticator } from "../domain/accesskey/index.ts";
import type { Caller, Revocations } from "../domain/customer/index.ts";
import { rateAddress } from "../kernel/address.ts";
import type { Clock } from "../kernel/clock.ts";
import { type ConferencecallId, type ConferenceId, isUuid, type TokenId } from "../kernel/id.ts";
import type { Log } from "../kernel/log.ts";
import { isOwnOrigin, type PageOfRequest } from "../kernel/origin.ts";
import { Problem, problems } from "../kernel/problem.ts";
import { createAddressOf } from "./address.ts";
import { createBudget, type Scope } from "./budget.ts";
import { type Connection, closeSoon, wrapSocket } from "./connection.ts";
import type { EventSockets } from "./events.ts";
import { close_codes, socket_limits } from "./limits.ts";
import type { LiveSockets } from "./live.ts";

/** The edge of both sockets. */
export interface Upgrades {
  /** Whether this request is for a socket of ours; others are no upgrades. */
  wants(request: IncomingMessage): boolean;
  /** For the `upgrade` event of an HTTP server. `refuse` answers in the server's own way; without it the connection ends. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer, refuse?: Refuse): void;
  readonly count: number;
  /** Sockets whose credential is being judged or was refused. */
  readonly unproven: number;
  /** Bytes that wait for all of them. */
  readonly waiting_bytes: number;
  close(): void;
}

/** How many there may be (`limits.*`). */
export interface SocketLimits {
  readonly sockets_max: number;
  readonly sockets_per_customer_max: number;
  readonly sockets_unproven_max: number;
  readonly sockets_unproven_per_address_max: number;
  readonly sockets_bytes_max: number;
  readonly sockets_customer_bytes_max: number;
}

/** Answers an upgrade that is not made. */
export type Refuse = (problem: Problem, headers?: Readonly<Record<string, string>>) => void;

type Target =
  | { readonly type: "events" }
  | {
      readonly type: "live";
      readonly conference_id: ConferenceId;
      readonly conferencecall_id: ConferencecallId | null;
      readonly after: number | null;
    };

/** The subprotocol that clients may name, beside `bearer.<credential>`: the one place where a page can put a credential without an address. */
const protocol = "parley.v1";

function credentialIn(protocols: string | undefined): string | null {
  const found = protocols?.split(",").find((one) => one.trim().startsWith("bearer."));
  return found?.trim().slice("bearer.".length) || null;
}

/** Makes the edge. */
export function createUpgrades(ports: {
  readonly live: LiveSockets;
  readonly events: EventSockets;
  readonly authenticator: Authenticator;
  readonly revocations: Pick<Revocations, "find" | "onRevoked">;
  readonly trusted_proxies: readonly string[];
  readonly limits: SocketLimits;
  /** How others reach this server, where a proxy changes `Host`; may be left out. */
  readonly public_url?: string;
  readonly clock: Clock;
  readonly log: Log;
}): Upgrades {
  const { live, events, authenticator, revocations, clock, log } = ports;
  const addressOf = createAddressOf(ports.trusted_proxies);
  const budget = createBudget(ports.limits.sockets_bytes_max);
  /** Whether the credential was put there by somebody; a cookie comes along with whatever page asks. */
  const isByToken = (request: IncomingMessage): boolean => {
    const { authorization, cookie } = request.headers;
    if (cookie === undefined) return true;
    if (credentialIn(request.headers["sec-websocket-protocol"]) !== null) return true;
    try {
      const url = request.url ?? "";
      return authenticator.credentialOf({ authorization, cookie: undefined, url }) !== null;
    } catch (thrown) {
      // More than one: whoever judges them will say so.
      if (thrown instanceof Problem) return true;
      throw thrown;
    }
  };
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: socket_limits.payload_bytes_max,
    perMessageDeflate: false,
    clientTracking: false,
    // Never the one with the token in it: the answer would repeat it.
    handleProtocols: (offered) => (offered.has(protocol) ? protocol : false),
  });
  const refusals = new WeakMap<IncomingMessage, Refuse>();
  /** Answers in the server's own way; where nobody said how, the connection just ends. */
  const refuseEarly = (request: IncomingMessage, problem: Problem, headers = {}): void => {
    const refuse = refusals.get(request);
    if (refuse) refuse(problem, headers);
    else request.socket.destroy();
  };
  server.on("wsClientError", (error, _socket, request) => {
    if (/version/i.test(error.message)) {
      const problem = problems.UPGRADE_REQUIRED({ message: "this speaks WebSocket version 13" });
      refuseEarly(request, problem, { "sec-websocket-version": "13", upgrade: "websocket" });
    } else refuseEarly(request, problems.INVALID_ARGUMENT({ message: error.message }));
  });
  const open = new Set<WebSocket>();
  const held = createCounts();
  const unproven = createCounts();
  const answered = new WeakMap<WebSocket, number>();
  const alive = clock.every(socket_limits.alive_interval_ms, () => {
    const now_ms = clock.monotonic_ms();
    for (const socket of open) {
      if (now_ms - (answered.get(socket) ?? now_ms) > socket_limits.alive_timeout_ms) {
        socket.terminate();
      } else socket.ping();
    }
  });

  const guests = new Set<{
    readonly token_id: TokenId;
    readonly is_watching: boolean;
    readonly connection: Connection;
  }>();
  const looks = new Set<() => void>();
  // A token that is taken back takes its sockets with it, at once. Where it is only barred, those of people who are in stay.
  const stopHearing = revocations.onRevoked((id, state) => {
    for (const { token_id, is_watching, connection } of guests) {
      if (token_id === id && (state === "revoked" || is_watching)) {
        connection.close(close_codes.removed);
      }
    }
    for (const look of looks) look();
  });

  /** Lets a credential end its sockets when it ends; a join's token may expire, so that a link that does ends no meeting, but not be taken back. */
  const recheck = (
    credential: string,
    caller: Caller,
    connection: Connection,
    is_watching: boolean,
  ): void => {
    if (caller.type === "participant") {
      const guest = { token_id: caller.jti, is_watching, connection };
      guests.add(guest);
      connection.onClose(() => guests.delete(guest));
      return;
    }
    let is_asking = false;
    const look = (): void => {
      if (is_asking || authenticator.known(credential)) return;
      is_asking = true;
      authenticator
        .authenticate(credential)
        .catch((thrown: unknown) => {
          if (thrown instanceof Problem && thrown.kind.status === "UNAUTHENTICATED") {
            connection.close(close_codes.credential, thrown.reason);
          } else log.warn({ err: thrown }, "a socket's credential could not be judged again");
        })
        .finally(() => {
          is_asking = false;
        });
    };
    looks.add(look);
    const timer = clock.every(socket_limits.recheck_interval_ms, look);
    connection.onClose(() => {
      timer.cancel();
      looks.delete(look);
    });
  };

  /** Counts the caller's sockets, so that neither one credential nor one customer can take all there are. */
  const hold = (caller: Caller, socket: Duplex): boolean => {
    const { sockets_per_join_max, sockets_per_customer_caller_max } = socket_limits;
    const is_join = caller.type === "participant";
    const of_caller = is_join ? sockets_per_join_max : sockets_per_customer_caller_max;
    const keys = [
      [is_join ? caller.jti : caller.id, of_caller],
      [`customer:${caller.customer_id}`, ports.limits.sockets_per_customer_max],
    ] as const;
    if (keys.some(([key, max]) => held.of(key) >= max)) return false;
    for (const [key] of keys) held.add(key, 1);
    socket.once("close", () => {
      for (const [key] of keys) held.add(key, -1);
    });
    return true;
  };

  /** Takes a place among those who have not proved who they are; false where there is none. Gives it back when the connection ends, or before. */
  const enterUnproven = (request: IncomingMessage, socket: Duplex): (() => void) | null => {
    const address = rateAddress(addressOf(request));
    const { sockets_unproven_max, sockets_unproven_per_address_max } = ports.limits;
    if (
      unproven.total >= sockets_unproven_max ||
      unproven.of(address) >= sockets_unproven_per_address_max
    ) {
      return null;
    }
    unproven.add(address, 1);
    const late = clock.after(socket_limits.proof_timeout_ms, () => socket.destroy());
    let is_in = true;
    const leave = (): void => {
      if (!is_in) return;
      is_in = false;
      late.cancel();
      unproven.add(address, -1);
    };
    socket.once("close", leave);
    return leave;
  };

  const scopesOf = (caller: Caller): Scope[] => {
    const customer = {
      key: `customer:${caller.customer_id}`,
      bytes_max: ports.limits.sockets_customer_bytes_max,
    };
    if (caller.type !== "participant") return [customer];
    return [{ key: `join:${caller.jti}`, bytes_max: socket_limits.join_bytes_max }, customer];
  };

  const serve = async (
    made: WebSocket,
    target: Target,
    { caller, credential }: Proven,
  ): Promise<void> => {
    const connection = wrapSocket(made, { clock, budget, scopes: scopesOf(caller) });
    try {
      const is_watching = target.type === "live" && target.conferencecall_id === null;
      recheck(credential, caller, connection, is_watching);
      // What was taken back since it was judged is not heard of any more.
      const state = caller.type === "participant" ? await revocations.find(caller.jti) : null;
      if (state === "revoked" || (state === "banned" && is_watching)) {
        connection.close(close_codes.removed);
      } else if (target.type === "events") events.serve(caller, connection);
      else await live.serve({ ...target, caller }, connection);
    } catch (thrown) {
      connection.close(closeCodeFor(thrown), reasonFor(thrown));
      if (!(thrown instanceof Problem)) log.error({ err: thrown }, "a socket met a fault of ours");
    }
  };

  // A browser is told nothing of an HTTP refusal, so the handshake is done, and then closed with the code.
  const refuseOpen = (
    [request, socket, head]: Upgrade,
    code: number,
    reason: string | undefined,
  ): void => {
    server.handleUpgrade(request, socket, head, (made) => {
      made.on("error", () => made.terminate());
      closeSoon(made, clock, code, reason);
    });
  };

  const admit = (upgrade: Upgrade, target: Target, proven: Proven): void => {
    const [request, socket, head] = upgrade;
    if (open.size >= ports.limits.sockets_max) {
      refuseEarly(request, problems.SERVICE_UNAVAILABLE());
      return;
    }
    if (!hold(proven.caller, socket)) {
      if (enterUnproven(request, socket)) {
        refuseOpen(upgrade, close_codes.too_many, undefined);
      } else refuseEarly(request, problems.SERVICE_UNAVAILABLE());
      return;
    }
    server.handleUpgrade(request, socket, head, (made) => {
      open.add(made);
      answered.set(made, clock.monotonic_ms());
      made.on("pong", () => answered.set(made, clock.monotonic_ms()));
      made.on("close", () => open.delete(made));
      void serve(made, target, proven);
    });
  };

  // Who they are is asked before the upgrade. Until then, and where they are nobody, they have places of their own.
  const prove = async (upgrade: Upgrade, target: Target, credential: string): Promise<void> => {
    const [request, socket] = upgrade;
    const leave = enterUnproven(request, socket);
    if (leave === null) {
      refuseEarly(request, problems.SERVICE_UNAVAILABLE());
      return;
    }
    let caller: Caller;
    try {
      caller = await authenticator.authenticate(credential);
    } catch (thrown) {
      if (!(thrown instanceof Problem)) log.error({ err: thrown }, "a socket met a fault of ours");
      refuseOpen(upgrade, closeCodeFor(thrown), reasonFor(thrown));
      return;
    }
    leave();
    admit(upgrade, target, { caller, credential });
  };

  return {
    get count() {
      return open.size;
    },
    get unproven() {
      return unproven.total;
    },
    get waiting_bytes() {
      return budget.held;
    },
    wants: (request) => readTarget(request.url ?? "") !== null,
    take(request, socket, head, refuse) {
      // The client may be gone at any moment, which is no fault.
      socket.on("error", () => socket.destroy());
      if (refuse) refusals.set(request, refuse);
      const target = readTarget(request.url ?? "");
      if (target === null) {
        refuseEarly(request, problems.RESOURCE_NOT_FOUND());
        return;
      }
      // A browser lets every page open a socket and adds our cookie; CORS does not hold here. Who brings a token may come from anywhere.
      if (!isByToken(request) && !isOwnOrigin(pageOf(request), ports.public_url ?? "")) {
        refuseEarly(request, problems.FOREIGN_ORIGIN());
        return;
      }
      const upgrade: Upgrade = [request, socket, head];
      let credential: string | null = null;
      try {
        const { authorization, cookie } = request.headers;
        credential =
          credentialIn(request.headers["sec-websocket-protocol"]) ??
          authenticator.credentialOf({ authorization, cookie, url: request.url ?? "" });
      } catch (thrown) {
        if (!(thrown instanceof Problem)) throw thrown;
        refuseEarly(request, thrown);
        return;
      }
      if (credential === null) {
        if (enterUnproven(request, socket)) refuseOpen(upgrade, close_codes.credential, undefined);
        else refuseEarly(request, problems.SERVICE_UNAVAILABLE());
        return;
      }
      const caller = authenticator.known(credential);
      if (caller) admit(upgrade, target, { caller, credential });
      else void prove(upgrade, target, credential);
    },
    close() {
      alive.cancel();
      stopHearing();
      live.close();
      events.close();
      for (const socket of open) closeSoon(socket, clock, close_codes.restarting);
      server.close();
    },
  };
}

type Upgrade = readonly [IncomingMessage, Duplex, Buffer];

interface Proven {
  readonly caller: Caller;
  readonly credential: string;
}

/** How many there are of each, and of all. */
function createCounts() {
  const counts = new Map<string, number>();
  let total = 0;
  return {
    get total() {
      return total;
    },
    of: (key: string): number => counts.get(key) ?? 0,
    add(key: string, by: 1 | -1): void {
      total += by;
      const now = (counts.get(key) ?? 0) + by;
      if (now > 0) counts.set(key, now);
      else counts.delete(key);
    },
  };
}

/** What a client may be told beside the code: why a credential does not count. */
const reasonFor = (thrown: unknown): string | undefined =>
  thrown instanceof Problem ? thrown.reason : undefined;

function closeCodeFor(thrown: unknown): number {
  if (!(thrown instanceof Problem)) return close_codes.fault;
  switch (thrown.kind.status) {
    case "UNAUTHENTICATED":
      // Whose link was taken back was removed; whose log-in ended logs in again.
      return thrown.details[0]?.["credential"] === "join_token"
        ? close_codes.removed
        : close_codes.credential;
    case "NOT_FOUND":
      return close_codes.not_found;
    case "PERMISSION_DENIED":
      return close_codes.removed;
    case "UNAVAILABLE":
    case "INTERNAL":
      return close_codes.fault;
    default:
      return close_codes.bad_frame;
  }
}

/** Reads where a socket wants to go; null: nowhere that exists. A parameter that is not understood counts as absent id, which is found nowhere. */
export function readTarget(url: string): Target | null {
  const [path = "", query = ""] = url.split("?", 2);
  if (/^\/v1\.0\/ws\/?$/.test(path)) return { type: "events" };
  const match = /^\/v1\.0\/conferences\/([^/]+)\/live\/?$/.exec(path);
  const conference_id = match?.[1]?.toLowerCase();
  if (conference_id === undefined || !isUuid(conference_id)) return null;
  const parameters = new URLSearchParams(query);
  const conferencecall_id = parameters.get("conferencecall_id")?.toLowerCase() ?? null;
  const after = parameters.get("after");
  if (conferencecall_id !== null && !isUuid(conferencecall_id)) return null;
  if (after !== null && !/^\d{1,15}$/.test(after)) return null;
  return {
    type: "live",
    conference_id: conference_id as ConferenceId,
    conferencecall_id: conferencecall_id as ConferencecallId | null,
    after: after === null ? null : Number(after),
  };
}

const pageOf = ({ headers, socket }: IncomingMessage): PageOfRequest => ({
  origin: headers.origin,
  fetch_site: headers["sec-fetch-site"] as string | undefined,
  host: headers.host,
  is_secure: "encrypted" in socket,
});
