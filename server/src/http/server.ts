// The HTTP server: routes, pages, the fixed headers, limits of time and size, the access log.
import { existsSync } from "node:fs";
import type { Server as HttpServer } from "node:http";
import { isIP, type Socket } from "node:net";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from "fastify";
import { Type } from "typebox";
import { readNetworks } from "../kernel/address.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Config } from "../kernel/config.ts";
import type { Ids } from "../kernel/id.ts";
import { limits } from "../kernel/limits.ts";
import { type Log, Pii, strikeCredentials } from "../kernel/log.ts";
import { problems } from "../kernel/problem.ts";
import type { Store } from "../store/index.ts";
import { watchConnections } from "./connections.ts";
import { aboutRequest, createDoor } from "./door.ts";
import { createHandler, type EdgePorts } from "./edge.ts";
import { createAnswerHeaders } from "./headers.ts";
import { createInDoubt } from "./in-doubt.ts";
import { describeRoutes } from "./openapi.ts";
import { boundOutgoing } from "./outgoing.ts";
import { createPaths } from "./paths.ts";
import { asProblem, createFailures, type Failures } from "./problem-reply.ts";
import { createRate } from "./rate.ts";
import { createRawEdge, type RawEdge, type Sockets } from "./raw-edge.ts";
import { createReading } from "./reading.ts";
import { createRepeats } from "./repeated.ts";
import { type AnyRoute, route } from "./route.ts";
import { addSdkFile } from "./sdk-file.ts";
import { addVitals } from "./vitals.ts";

/** What the HTTP server needs. */
export interface HttpPorts
  extends Pick<EdgePorts, "authenticator" | "customers" | "conferenceId" | "callerByKey"> {
  readonly config: Pick<Config, "auth" | "http" | "limits">;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly store: Store;
  /** Encrypts what is kept for repeated requests. */
  readonly secret: string;
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly routes: readonly AnyRoute[];
  /** WebSockets; absent where there are none. */
  readonly sockets?: Sockets;
  /** Whether running calls are being waited for: what starts something new is refused. */
  isDraining(): boolean;
  /** State of each part; `ok` decides the status of GET /health. */
  health(): Promise<{ readonly ok: boolean; readonly parts: object }>;
  /** Prometheus' text format, and where answers are counted. */
  readonly metrics: {
    text(): Promise<string>;
    answered(request: { method: string; route: string; status: number; seconds: number }): void;
  };
  /** Folder of the built pages; null where there are none. */
  readonly pages: string | null;
  /** Folder of the built SDK; null where there is none. */
  readonly sdk: string | null;
}

/** The HTTP server. */
export interface Http {
  /** For tests. */
  readonly server: HttpServer;
  /** Opens the port; resolves with the URL. Errors: the port is taken, the address is not ours. */
  listen(): Promise<string>;
  /** Refuses new connections and ends when those there are answered. */
  close(): Promise<void>;
  /** The contract, for tests and tools. */
  readonly openapi: object;
}

const page_policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "media-src 'self' blob: mediastream:",
  "connect-src 'self' ws: wss:",
  "worker-src 'self' blob:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
].join("; ");
/** Who may show a page in a frame, beside our own pages: those who may call us, and only the meeting. */
const framePolicy = (path: string, origins: readonly string[]): string =>
  ["frame-ancestors 'self'", ...(/[\\/]meet\.html$/.test(path) ? origins : [])].join(" ");
const permissions_policy =
  "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), geolocation=()";

/** Makes the server; nothing is open before `listen`. */
export async function createHttp(ports: HttpPorts): Promise<Http> {
  const { config, clock, ids, log, store } = ports;
  const repeats = createRepeats({ store, clock, ids, log, secret: ports.secret });
  const requestId = createRequestIds(ids);
  const headers = createAnswerHeaders(config.http.allowed_origins, ports.tls !== null);
  const failures = createFailures({ headers, clock });
  const paths = createPaths();
  const raw = createRawEdge({ failures, requestId, log });
  const app = createApp(ports, { requestId, failures, raw });
  app.decorateRequest("caller_label", "");
  // Before any route: what is known of a path is told by its routes.
  app.addHook("onRoute", ({ method, url }) => paths.add(method, url));
  addAccessLog(app, log, ports.metrics);
  boundOutgoing(app, { clock, limits: config.limits });
  app.addHook("onRequest", createDoor({ headers, paths, failures, isDraining: ports.isDraining }));

  const { isInDoubt } = store;
  const in_doubt = createInDoubt({ clock, log, isInDoubt, limits: config.limits });
  const edge: EdgePorts = {
    authenticator: ports.authenticator,
    customers: ports.customers,
    conferenceId: ports.conferenceId,
    query_tokens: config.auth.query_tokens,
    callerByKey: ports.callerByKey,
    repeats,
    auth_rate: createRate(clock, config.limits.auth_rate, config.limits.auth_burst),
    rest_rate: createRate(clock, config.limits.rest_rate, config.limits.rest_burst),
    reading: createReading({ clock, limits: config.limits }),
    in_doubt,
    public_url: config.http.public_url,
    isDraining: ports.isDraining,
  };
  const { routes, openapi } = withOpenapi(ports.routes);
  // Before any route and page: routes take the handler of the moment when the first plugin is loaded.
  app.setErrorHandler((thrown, request, reply) =>
    failures.reply(reply, asProblem(thrown, log, request.id), aboutRequest(request)),
  );
  app.setNotFoundHandler((request, reply) =>
    failures.reply(reply, problems.ROUTE_NOT_FOUND(), aboutRequest(request)),
  );
  for (const one of routes) {
    paths.takes(fastifyPath(one.path), one);
    app.route({
      method: one.method,
      url: fastifyPath(one.path),
      handler: createHandler(one, edge),
    });
  }
  for (const path of socket_paths) paths.addSocket(path);
  addVitals(app, {
    ...ports,
    metrics: () => ports.metrics.text(),
    rate: edge.rest_rate,
    vitals_token: config.http.vitals_token.reveal(),
    vitals_addresses: config.http.vitals_addresses,
  });
  await addPages(app, ports.pages, config.http.allowed_origins);
  if (ports.sdk !== null) addSdkFile(app, ports.sdk);

  const server = app.server as HttpServer;
  raw.attach(server, ports.sockets ?? null);
  const connections = watchConnections({
    server,
    clock,
    ...config.limits,
    isProxy: isProxy(config.http.trusted_proxies),
    refuse: (socket, problem) =>
      // Before its handshake nothing can be said on a connection that is to have TLS.
      ports.tls ? socket.destroy() : raw.refuse(socket, problem),
  });

  return {
    server,
    openapi,
    async listen() {
      const url = await app.listen({ host: config.http.host, port: config.http.port });
      return url.replace(/\/$/, "");
    },
    async close() {
      repeats.close();
      in_doubt.close();
      connections.endAll();
      await app.close();
    },
  };
}

/** Where a WebSocket is spoken; anything else there is told to upgrade. */
const socket_paths = ["/v1.0/ws", "/v1.0/conferences/:id/live"];

// A proxy stands for many, so its connections are not counted as one address's.
function isProxy(trusted: readonly string[]): (address: string) => boolean {
  return readNetworks(trusted.filter((one) => isIP(one.split("/")[0] ?? "") !== 0)).has;
}

function createApp(
  { config, tls, log }: HttpPorts,
  edge: {
    requestId: (given: unknown) => string;
    failures: Failures;
    raw: RawEdge;
  },
): FastifyInstance {
  const options: FastifyServerOptions = {
    logger: false,
    bodyLimit: limits.body_bytes_max,
    connectionTimeout: limits.unread_answer_timeout_ms,
    requestTimeout: limits.request_timeout_ms,
    keepAliveTimeout: limits.keep_alive_timeout_ms,
    forceCloseConnections: "idle",
    // The door answers in our words while the server ends.
    return503OnClosing: false,
    trustProxy: config.http.trusted_proxies.length > 0 ? [...config.http.trusted_proxies] : false,
    genReqId: (request) => edge.requestId(request.headers["x-request-id"]),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256 },
    exposeHeadRoutes: true,
    rewriteUrl: (request) => originForm(request.url ?? "/"),
    clientErrorHandler: (error, socket) => edge.raw.refuseBytes(error, socket as Socket),
    frameworkErrors: (error, request, reply) =>
      edge.failures.reply(
        reply as FastifyReply,
        asProblem(error, log, request.id),
        aboutRequest(request as FastifyRequest),
      ),
  };
  const checked = {
    // Node looks for slow senders this often; its own 30 s would more than double the limits.
    connectionsCheckingInterval: limits.slow_sender_check_interval_ms,
    maxHeaderSize: limits.header_bytes_max,
    // Checked at the door, which answers in our words.
    requireHostHeader: false,
    shouldUpgradeCallback: edge.raw.wantsUpgrade,
  };
  // The types of fastify know a server with TLS as another kind of server; nothing here depends on it.
  const kind = tls
    ? {
        https: {
          ...checked,
          ...tls,
          minVersion: "TLSv1.2",
          handshakeTimeout: limits.tls_handshake_timeout_ms,
        },
      }
    : { http: checked };
  const app = fastify({ ...options, ...kind } as FastifyServerOptions);
  app.server.headersTimeout = limits.header_timeout_ms;
  app.server.maxRequestsPerSocket = 0;

  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.addHook("onRequest", (request, _reply, done) => {
    // A type that is none would be refused before any route; bodies are JSON whatever is said of them.
    const type = request.headers["content-type"];
    if (type !== undefined && !/^[\w.+-]+\/[\w.+-]+ *(;|$)/.test(type)) {
      request.headers["content-type"] = "application/json";
    }
    done();
  });
  return app;
}

// RFC 9112 section 3.2.2: a server takes the absolute form, too.
const originForm = (url: string): string =>
  /^https?:\/\//i.test(url) ? url.replace(/^https?:\/\/[^/?#]*/i, "") || "/" : url;

const fastifyPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

// The route that shows the contract is part of it.
function withOpenapi(given: readonly AnyRoute[]): { routes: readonly AnyRoute[]; openapi: object } {
  let text = "";
  const own = openapiRoute(() => text);
  const routes = [...given, own];
  const openapi = describeRoutes(routes);
  text = JSON.stringify(openapi);
  return { routes, openapi };
}

/** The route of the contract itself. */
export const openapiRoute = (text: () => string): AnyRoute =>
  route({
    method: "GET",
    path: "/v1.0/openapi.json",
    operation: "getOpenapi",
    auth: "none",
    tag: "Server",
    summary: "This interface as OpenAPI 3.1",
    replies: {
      200: {
        description: "The document.",
        schema: Type.Record(Type.String(), Type.Unknown()),
      },
    },
    run: text,
  });

// A prefix of this process and a number: unique, and cheaper than drawing each from the random source.
function createRequestIds(ids: Ids): (given: unknown) => string {
  const prefix = Array.from({ length: 16 }, () => ids.number(32).toString(32)).join("");
  let count = 0;
  return (given) => {
    // Somebody's access key has the shape of an id, too, and must not be repeated in answers and logs.
    if (typeof given === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(given)) {
      if (strikeCredentials(given) === given) return given;
    }
    count += 1;
    return `req_${prefix}${count.toString(32).padStart(10, "0")}`;
  };
}

function addAccessLog(app: FastifyInstance, log: Log, metrics: HttpPorts["metrics"]): void {
  app.addHook("onResponse", (request, reply, done) => {
    metrics.answered({
      ...routeLabels(request),
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
    // Files, and who looks whether we live: only where somebody looks for it.
    const is_api = request.url.startsWith("/v1.0/") || request.url.startsWith("/auth/");
    const level = is_api || reply.statusCode >= 400 ? "info" : "debug";
    log[level](
      {
        request_id: request.id,
        method: request.method,
        // Without the query, where tokens may stand.
        path: request.url.split("?", 1)[0],
        status: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime * 100) / 100,
        caller: request.caller_label,
        address: new Pii(request.ip),
      },
      "request",
    );
    done();
  });
}

// A bounded set of names: files and whatever has no route are one.
function routeLabels(request: FastifyRequest): { method: string; route: string } {
  const { url } = request.routeOptions;
  return url !== undefined && /^\/(v1\.0|auth)\//.test(url)
    ? { method: request.method, route: url }
    : { method: "any", route: "other" };
}

async function addPages(
  app: FastifyInstance,
  pages: string | null,
  origins: readonly string[],
): Promise<void> {
  const setHeaders = (reply: FastifyReply, path: string): void => {
    reply.header("content-security-policy", `${page_policy}; ${framePolicy(path, origins)}`);
    reply.header("permissions-policy", permissions_policy);
    // Vite names assets by their content.
    const is_named_by_content = /[\\/]assets[\\/]/.test(path);
    reply.header(
      "cache-control",
      is_named_by_content ? "public, max-age=31536000, immutable" : "no-cache",
    );
    // Files without any secret, which a page in a sandboxed frame has to ask for as a foreign one.
    if (is_named_by_content) reply.header("access-control-allow-origin", "*");
  };
  const options = { wildcard: false, cacheControl: false, setHeaders };
  await app.register(fastifyStatic, {
    ...options,
    root: join(import.meta.dirname, "docs"),
    prefix: "/docs/",
  });
  if (pages === null || !existsSync(pages)) return;
  await app.register(fastifyStatic, { ...options, root: pages, decorateReply: false });
  if (!existsSync(join(pages, "meet.html"))) return;
  app.get("/meet/:id", (_request: FastifyRequest, reply: FastifyReply) =>
    reply.sendFile("meet.html", pages),
  );
}
