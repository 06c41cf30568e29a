// Both sockets on a real HTTP server and a real database, with a media side that a test moves by hand.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket } from "ws";
import { createAccesskeys, createAuthenticator } from "../src/domain/accesskey/index.ts";
import {
  type Conferences,
  createConferences,
  type LiveHints,
  type MediaAttendance,
  type Showing,
  type Speakers,
  talkRoom,
} from "../src/domain/conference/index.ts";
import type { ConferencecallRow } from "../src/domain/conferencecall/index.ts";
import { showConferencecall } from "../src/domain/conferencecall/index.ts";
import {
  type Caller,
  createCustomers,
  createRevocations,
  createTokens,
} from "../src/domain/customer/index.ts";
import { createTalk, type Talk } from "../src/domain/talk/index.ts";
import { createAnswerHeaders } from "../src/http/headers.ts";
import { createFailures } from "../src/http/problem-reply.ts";
import { createRawEdge } from "../src/http/raw-edge.ts";
import { type Clock, createSystemClock } from "../src/kernel/clock.ts";
import { readConfig } from "../src/kernel/config.ts";
import type { CallId, ConferencecallId, ConferenceId, Ids } from "../src/kernel/id.ts";
import { createIds } from "../src/kernel/id.ts";
import { silentLog } from "../src/kernel/log.ts";
import { createRealtime, type SocketLimits, type Upgrades } from "../src/realtime/index.ts";
import type { Store } from "../src/store/index.ts";
import { openTestStore } from "./database.ts";

/** Somebody with a join token. */
export interface Guest {
  readonly token: string;
  readonly caller: Caller;
}

/** The rig. */
export interface LiveRig {
  readonly url: string;
  readonly store: Store;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly conferences: Conferences;
  readonly talk: Talk;
  readonly admin: { readonly token: string; readonly caller: Caller };
  /** Another customer's administrator. */
  readonly other: { readonly token: string; readonly caller: Caller };
  readonly hints: FakeAttendance;
  readonly realtime: Upgrades;
  readonly shown: FakeShowing;
  conference(): Promise<ConferenceId>;
  guest(id: ConferenceId, role: "host" | "member" | "listener", name: string): Promise<Guest>;
  /** Joins and, unless told otherwise, is connected. */
  join(guest: Guest, is_joined?: boolean): Promise<ConferencecallId>;
  live(id: ConferenceId, query: Record<string, string>): Client;
  events(token: string): Client;
  /** Restarts the sockets, as a new server would. */
  close(): Promise<void>;
}

/** One end of a socket, with everything that came. */
export interface Client {
  readonly socket: WebSocket;
  // biome-ignore lint/suspicious/noExplicitAny: frames of every shape
  readonly frames: any[];
  readonly closed: Promise<number>;
  /** What was said beside the close code. */
  readonly reason: string;
  send(frame: unknown): void;
  /** The next frame that fits, from those that came or will come; each is given once. */
  // biome-ignore lint/suspicious/noExplicitAny: frames of every shape
  next(fits: (frame: any) => boolean): Promise<any>;
  /** Sends a command and gives its answer. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  ask(type: string, fields?: object): Promise<any>;
}

/** Hints as a test says them. */
export interface FakeAttendance
  extends Pick<MediaAttendance, "on" | "speakers" | "shown" | "seats" | "watched"> {
  say<Name extends keyof LiveHints>(name: Name, hint: LiveHints[Name]): void;
  /** Joins whose media half is lost. */
  readonly lost: Set<ConferencecallId>;
}

function createFakeAttendance(): FakeAttendance {
  const listeners = new Map<string, Set<(hint: never) => void>>();
  const speakers = new Map<ConferenceId, Speakers>();
  const lost = new Set<ConferencecallId>();
  return {
    lost,
    on(name, listener) {
      const told = listeners.get(name) ?? new Set();
      listeners.set(name, told.add(listener as (hint: never) => void));
      return () => told.delete(listener as (hint: never) => void);
    },
    say(name, hint) {
      if (name === "speakers") speakers.set((hint as Speakers).conference_id, hint as Speakers);
      for (const listener of listeners.get(name) ?? []) listener(hint as never);
    },
    speakers: (conference_id) =>
      speakers.get(conference_id) ?? { conference_id, active: null, speaking: [] },
    watched: () => undefined,
    shown: () => ({ voices: [], tiles: [], codecs_wanted: [] }),
    seats: {
      get: (id: ConferencecallId) => ({ state: lost.has(id) ? "lost" : "connected" }),
    } as MediaAttendance["seats"],
  };
}

/** Media commands, noted. */
export interface FakeShowing extends Omit<Showing, "change"> {
  readonly asked: { what: string; id: string; given: unknown }[];
}

function createFakeShowing(conferences: () => Conferences): FakeShowing {
  const asked: FakeShowing["asked"] = [];
  const shown = (row: ConferencecallRow | null) => {
    if (!row) throw new Error("the join is over");
    return showConferencecall(row);
  };
  return {
    asked,
    async publish(_caller, id, state) {
      asked.push({ what: "publish", id, given: state });
      const changes = {
        ...(state.microphone === undefined ? {} : { muted: !state.microphone }),
        ...(state.camera === undefined ? {} : { camera: state.camera }),
      };
      const actor = { type: "conferencecall", id } as const;
      return shown(await conferences().conferencecalls.update(id, changes, actor));
    },
    async tiles(_caller, id, wishes) {
      asked.push({ what: "tiles", id, given: wishes });
    },
    async mute(_caller, id, by) {
      asked.push({ what: "mute", id, given: by });
      const actor = { type: "system", id: null } as const;
      return shown(await conferences().conferencecalls.update(id, { muted: true }, actor));
    },
  };
}

/** Starts the rig. */
export async function startLiveRig(
  options: {
    clock?: Clock;
    limits?: Partial<SocketLimits>;
    trusted_proxies?: readonly string[];
  } = {},
): Promise<LiveRig> {
  const clock = createSystemClock();
  const log = silentLog();
  const ids = createIds(() => clock.now() / 1000);
  const store = await openTestStore({ clock });
  const secret = "a secret for tests that has more than thirty-two bytes";
  const tokens = createTokens({ clock, ids, log, secret, lifetime_ms: 3_600_000 });
  const { limits } = readConfig({ argv: [], env: {}, file: () => null }).config;
  const customers = createCustomers({ store, clock, ids, log, tokens, limits });
  const accesskeys = createAccesskeys({ store, clock, ids, limits });
  const revocations = createRevocations({ store, clock, log });
  const authenticator = createAuthenticator({
    clock,
    revocations,
    tokens,
    customers,
    accesskeys,
    query_tokens: true,
  });
  const conferences = createConferences({
    store,
    clock,
    ids,
    log,
    tokens,
    publicUrl: () => "http://parley.test",
    revocations,
    limits,
  });
  const { conferencecalls } = conferences;
  const talk = createTalk({ store, clock, ids, room: talkRoom, limits });
  const hints = createFakeAttendance();
  const showing = createFakeShowing(() => conferences);
  const realtime: Upgrades = createRealtime({
    store,
    conferences,
    conferencecalls,
    talk,
    attendance: hints,
    showing,
    clock: options.clock ?? clock,
    log,
    boot_id: "boot-1",
    authenticator,
    revocations,
    limits: { ...limits, ...options.limits },
    trusted_proxies: options.trusted_proxies ?? [],
  });
  const http = createServer();
  const failures = createFailures({ headers: createAnswerHeaders([], false), clock });
  const requestId = (): string => ids.next();
  createRawEdge({ failures, requestId, log }).attach(http, realtime);
  await new Promise<void>((done) => http.listen(0, "127.0.0.1", done));
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;

  await customers.bootstrap({ username: "admin", password: "correct horse battery staple" });
  const logIn = async (username: string) => {
    const { token } = await customers.login({
      username,
      password: "correct horse battery staple",
    });
    return { token, caller: await authenticator.authenticate(token) };
  };
  const admin = await logIn("admin");
  await customers.create(admin.caller, {
    name: "Other",
    username: "other",
    password: "correct horse battery staple",
  });
  const other = await logIn("other");

  return {
    url,
    store,
    ids,
    clock,
    conferences,
    talk,
    admin,
    other,
    hints,
    realtime,
    shown: showing,
    conference: async () =>
      (await conferences.create(admin.caller, { type: "conference" })).id as ConferenceId,
    async guest(id, role, name) {
      const { token } = await conferences.joinTokens.create(admin.caller, id, { role, name });
      return { token, caller: await authenticator.authenticate(token) };
    },
    async join(guest, is_joined = true) {
      if (guest.caller.type !== "participant") throw new Error("not a guest");
      const { conference_id, name, role, jti } = guest.caller;
      const id = ids.next<ConferencecallId>();
      await conferencecalls.startJoining(guest.caller, {
        id,
        call_id: ids.next<CallId>(),
        conference_id,
        name,
        role,
        label: "",
        metadata: {},
        muted: false,
        camera: false,
        screen: false,
        token_jti: jti,
        resume_hash: null,
      });
      if (is_joined) await conferencecalls.markJoined(id);
      return id;
    },
    live: (id, query) =>
      connect(`${url}/v1.0/conferences/${id}/live?${new URLSearchParams(query)}`),
    events: (token) => connect(`${url}/v1.0/ws?token=${token}`),
    async close() {
      realtime.close();
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
      await conferences.close();
      revocations.close();
      await store.close();
    },
  };
}

/** Opens a client's end. */
export function connect(url: string, headers: Record<string, string> = {}): Client {
  const { "sec-websocket-protocol": protocols = "", ...rest } = headers;
  const named = protocols.split(", ").filter(Boolean);
  const socket = new WebSocket(url, named, { headers: rest });
  const frames: unknown[] = [];
  let waiting: (() => void)[] = [];
  let given = 0;
  const wake = (): void => {
    const woken = waiting;
    waiting = [];
    for (const one of woken) one();
  };
  let is_closed = false;
  let reason = "";
  const closed = new Promise<number>((resolve) => {
    socket.on("close", (code, said) => {
      reason = said.toString();
      is_closed = true;
      resolve(code);
      wake();
    });
  });
  socket.on("error", wake);
  socket.on("message", (data) => {
    frames.push(JSON.parse(data.toString()));
    wake();
  });
  let asked = 0;
  const taken = new Set<unknown>();
  const next: Client["next"] = async (fits) => {
    for (;;) {
      const found = frames.find((frame) => !taken.has(frame) && fits(frame));
      if (found) {
        taken.add(found);
        given += 1;
        return found;
      }
      if (is_closed) throw new Error(`closed after ${given} frames: ${JSON.stringify(frames)}`);
      await new Promise<void>((done) => waiting.push(done));
    }
  };
  const send = (frame: unknown): void => {
    const text = typeof frame === "string" ? frame : JSON.stringify(frame);
    if (socket.readyState === WebSocket.OPEN) socket.send(text);
    else socket.once("open", () => socket.send(text));
  };
  return {
    socket,
    frames,
    closed,
    get reason() {
      return reason;
    },
    send,
    next,
    ask(type, fields = {}) {
      asked += 1;
      const id = `ask-${asked}`;
      send({ id, type, ...fields });
      return next((frame) => frame.id === id);
    },
  };
}
