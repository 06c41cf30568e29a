// A REST edge over real HTTP on a free port, on a real database, for tests. Every 2xx answer is held against its schema.
import assert from "node:assert/strict";
import { Compile } from "typebox/compile";
import {
  type Authenticator,
  createAccesskeys,
  createAuthenticator,
} from "../src/domain/accesskey/index.ts";
import {
  type Attendance,
  type Conferences,
  createConferences,
} from "../src/domain/conference/index.ts";
import {
  type Customers,
  createCustomers,
  createRevocations,
  createTokens,
  type Tokens,
} from "../src/domain/customer/index.ts";
import { type AnyRoute, createHttp, createRoutes } from "../src/http/index.ts";
import { type Clock, createSystemClock } from "../src/kernel/clock.ts";
import { readConfig } from "../src/kernel/config.ts";
import { createIds, type Ids } from "../src/kernel/id.ts";
import { type Log, silentLog } from "../src/kernel/log.ts";
import type { JournalEvent, Store } from "../src/store/index.ts";
import { openTestStore } from "./database.ts";

/** The secret that tokens are signed with in tests. */
export const test_secret = "a secret for tests that has more than thirty-two bytes";
const password = "correct horse battery staple";

/** What a test may set. */
export interface RestOptions {
  readonly env?: Record<string, string>;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly attendance?: (conferences: Conferences) => Attendance;
  readonly store?: Store;
  /** What is enforced at the start; null: what it is. */
  readonly admin_password?: string | null;
  readonly draining?: () => boolean;
  /** Routes that are wired beside those of the nouns here. */
  readonly more_routes?: (parts: {
    store: Store;
    clock: Clock;
    ids: Ids;
    conferences: Conferences;
  }) => readonly AnyRoute[];
}

/** An answer, read. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
  readonly text: string;
}

/** A running edge. */
export interface Rest {
  readonly url: string;
  readonly token: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly tokens: Tokens;
  readonly customers: Customers;
  readonly conferences: Conferences;
  readonly authenticator: Authenticator;
  readonly routes: readonly AnyRoute[];
  // biome-ignore lint/suspicious/noExplicitAny: a document
  readonly openapi: any;
  /** Asks as the administrator, or with `token` (null: nobody). */
  ask(
    method: string,
    path: string,
    given?: {
      body?: unknown;
      raw?: string;
      headers?: Record<string, string>;
      token?: string | null;
    },
  ): Promise<Reply>;
  /** Another customer's administrator's token. */
  otherCustomer(name: string): Promise<string>;
  close(): Promise<void>;
}

/** Resolves with the next event of this type about this conference. */
export const nextEvent = (rest: Rest, id: string, type: string): Promise<JournalEvent> =>
  new Promise((resolve) => {
    const end = rest.store.journal.subscribe((event) => {
      if (event.conference_id !== id || event.type !== type) return;
      end();
      resolve(event);
    });
  });

/** Starts it. */
export async function startRest(options: RestOptions = {}): Promise<Rest> {
  const clock = options.clock ?? createSystemClock();
  const log = options.log ?? silentLog();
  const ids = createIds(() => clock.now() / 1000);
  const store = options.store ?? (await openTestStore({ clock }));
  const { config } = readConfig({
    argv: [],
    env: { PARLEY_HTTP_PORT: "0", ...options.env },
    file: () => null,
  });
  const tokens = createTokens({ clock, ids, log, secret: test_secret, lifetime_ms: 3_600_000 });
  const customers = createCustomers({ store, clock, ids, log, tokens, limits: config.limits });
  const accesskeys = createAccesskeys({ store, clock, ids, limits: config.limits });
  const revocations = createRevocations({ store, clock, log });
  const authenticator = createAuthenticator({
    clock,
    revocations,
    tokens,
    customers,
    accesskeys,
    query_tokens: config.auth.query_tokens,
  });
  let url = "";
  const conferences = createConferences({
    store,
    clock,
    ids,
    log,
    tokens,
    publicUrl: () => url,
    revocations,
    limits: config.limits,
  });
  if (options.attendance) conferences.attach(options.attendance(conferences));
  const { admin_password = password } = options;
  await customers.bootstrap({ username: "admin", password: admin_password });
  await conferences.start();
  const routes = [
    ...createRoutes({
      customers,
      accesskeys,
      authenticator,
      conferences,
      token_lifetime_ms: 3_600_000,
    }),
    ...(options.more_routes?.({ store, clock, ids, conferences }) ?? []),
  ];
  const http = await createHttp({
    config,
    clock,
    ids,
    log,
    store,
    authenticator,
    customers,
    secret: test_secret,
    tls: null,
    routes,
    conferenceId: conferences.idFor,
    callerByKey: conferences.conferencecalls.callerByKey,
    isDraining: () => options.draining?.() ?? false,
    health: async () => ({ ok: true, parts: {} }),
    metrics: { text: async () => "", answered: () => undefined },
    pages: null,
    sdk: null,
  });
  url = await http.listen();
  const judge = replyJudge(routes);

  const ask: Rest["ask"] = async (method, path, given = {}) => {
    const token = given.token === undefined ? rest.token : given.token;
    const body = given.raw ?? (given.body === undefined ? null : JSON.stringify(given.body));
    const reply = await fetch(url + path, {
      method,
      headers: {
        ...(token === null || token === "" ? {} : { authorization: `Bearer ${token}` }),
        ...given.headers,
      },
      ...(body === null ? {} : { body }),
    });
    const text = await reply.text();
    const is_json = reply.headers.get("content-type")?.startsWith("application/json");
    const read = is_json && text !== "" ? JSON.parse(text) : null;
    const is_shown = method !== "HEAD" && given.headers?.["x-parley-view"] === undefined;
    if (is_shown) judge(method, path, reply.status, read);
    return { status: reply.status, headers: reply.headers, text, body: read };
  };

  const rest: Rest & { token: string } = {
    url,
    token: "",
    store,
    clock,
    ids,
    tokens,
    customers,
    conferences,
    authenticator,
    routes,
    openapi: http.openapi,
    ask,
    async otherCustomer(name) {
      const body = { name, username: name, password };
      assert.equal((await ask("POST", "/v1.0/customers", { body })).status, 200);
      return (await ask("POST", "/auth/login", { body })).body.token;
    },
    async close() {
      await http.close();
      await conferences.close();
      revocations.close();
      await store.close();
    },
  };
  const login = await ask("POST", "/auth/login", { body: { username: "admin", password } });
  rest.token = login.body.token;
  return rest;
}

// What a route answers must be what its manual says.
function replyJudge(routes: readonly AnyRoute[]) {
  const known = routes.flatMap((route) =>
    Object.entries(route.replies).map(([status, { schema }]) => ({
      method: route.method as string,
      status: Number(status),
      shape: new RegExp(`^${route.path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
      schema: schema && Compile(schema),
    })),
  );
  return (method: string, path: string, status: number, body: unknown): void => {
    const plain = path.split("?")[0] ?? "";
    if (status >= 400) {
      const { error } = body as { error?: Record<string, unknown> };
      assert.ok(typeof error === "object", `${method} ${plain} ${status} has no error object`);
      assert.deepEqual(
        Object.keys(error).filter((key) => key !== "details"),
        ["status", "reason", "message", "request_id"],
      );
      return;
    }
    const found = known.find(
      (one) => one.method === method && one.status === status && one.shape.test(plain),
    );
    if (!found?.schema || found.schema.Check(body)) return;
    assert.fail(`${method} ${plain}: ${JSON.stringify(found.schema.Errors(body)[0])}`);
  };
}
