// The HTTP server: routes, pages, the fixed headers, limits of time and size, the access log.
import { existsSync } from "node:fs";
import type { Server as HttpServer } from "node:http";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from "fastify";
import type { Clock } from "../kernel/clock.ts";
import type { Config } from "../kernel/config.ts";
import type { Ids } from "../kernel/id.ts";
import { limits } from "../kernel/limits.ts";
import { type Log, Pii } from "../kernel/log.ts";
import { type Problem, problems } from "../kernel/problem.ts";
import type { Store } from "../store/index.ts";
import { createHandler, type EdgePorts } from "./edge.ts";
import { describeRoutes } from "./openapi.ts";
import { asProblem, problemBody } from "./problem-reply.ts";
import { httpProblems } from "./problems.ts";
import { createRate } from "./rate.ts";
import { createRepeats } from "./repeated.ts";
import { type AnyRoute, json_type, route } from "./route.ts";
import { addSdkFile } from "./sdk-file.ts";

/** What the HTTP server needs. */
export interface HttpPorts extends Pick<EdgePorts, "authenticator" | "customers"> {
  readonly config: Pick<Config, "http" | "limits">;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly store: Store;
  /** Encrypts what is kept for repeated requests. */
  readonly secret: string;
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly routes: readonly AnyRoute[];
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
  /** For WebSocket upgrades. */
  readonly server: HttpServer;
  /** Opens the port; resolves with the URL. Errors: the port is taken, the address is not ours. */
  listen(): Promise<string>;
  /** Refuses new connections and ends when those there are answered. */
  close(): Promise<void>;
  /** The contract, for tests and tools. */
  readonly openapi: object;
}

const api_policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";
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
  "frame-ancestors 'self'",
].join("; ");
const permissions_policy =
  "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), geolocation=()";
const exposed_headers = "Location, ETag, Link, Retry-After, X-Request-Id";

/** Makes the server; nothing is open before `listen`. */
export async function createHttp(ports: HttpPorts): Promise<Http> {
  const { config, clock, ids, log, store } = ports;
  const repeats = createRepeats({ store, clock, ids, log, secret: ports.secret });
  const requestId = createRequestIds(ids);
  const app = createApp(ports, requestId);
  app.decorateRequest("caller_label", "");
  addHeaders(app, config.http.allowed_origins, ports.tls !== null);
  addAccessLog(app, log, ports.metrics);

  const edge: EdgePorts = {
    authenticator: ports.authenticator,
    customers: ports.customers,
    repeats,
    auth_rate: createRate(clock, config.limits.auth_rate, config.limits.auth_burst),
    rest_rate: createRate(clock, config.limits.rest_rate, config.limits.rest_burst),
  };
  const { routes, openapi } = withOpenapi(ports.routes);
  // Before any route and page: routes take the handler of the moment when the first plugin is loaded.
  addFailures(app, routes, log);
  for (const one of routes) {
    app.route({
      method: one.method,
      url: fastifyPath(one.path),
      handler: createHandler(one, edge),
    });
  }
  addHealth(app, ports);
  await addPages(app, ports.pages);
  if (ports.sdk !== null) addSdkFile(app, ports.sdk);

  return {
    server: app.server as HttpServer,
    openapi,
    async listen() {
      const url = await app.listen({ host: config.http.host, port: config.http.port });
      return url.replace(/\/$/, "");
    },
    async close() {
      repeats.close();
      await app.close();
    },
  };
}

function createApp(
  { config, log, tls }: HttpPorts,
  requestId: (given: unknown) => string,
): FastifyInstance {
  const options: FastifyServerOptions = {
    logger: false,
    bodyLimit: limits.body_bytes_max,
    requestTimeout: limits.request_timeout_ms,
    keepAliveTimeout: limits.keep_alive_timeout_ms,
    forceCloseConnections: "idle",
    trustProxy: config.http.trusted_proxies.length > 0 ? [...config.http.trusted_proxies] : false,
    genReqId: (request) => requestId(request.headers["x-request-id"]),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256 },
    exposeHeadRoutes: false,
    clientErrorHandler(error, socket) {
      log.debug({ code: error.code }, "a request was not HTTP");
      if (!socket.writable) return;
      const timed_out = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
      const problem = timed_out ? problems.REQUEST_TIMEOUT() : httpProblems.MALFORMED_REQUEST();
      const body = JSON.stringify(problemBody(problem, requestId(undefined)));
      socket.end(
        `HTTP/1.1 ${timed_out ? "408 Request Timeout" : "400 Bad Request"}\r\nContent-Type: ${json_type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    },
  };
  // Node looks for slow senders this often; its own 30 s would more than double the limits.
  const checked = { connectionsCheckingInterval: limits.slow_sender_check_interval_ms };
  // The types of fastify know a server with TLS as another kind of server; nothing here depends on it.
  const kind = tls ? { https: { ...checked, ...tls, minVersion: "TLSv1.2" } } : { http: checked };
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
    auth: "none",
    tag: "Server",
    summary: "This interface as OpenAPI 3.1",
    replies: { 200: { description: "The document." } },
    run: text,
  });

// A prefix of this process and a number: unique, and cheaper than drawing each from the random source.
function createRequestIds(ids: Ids): (given: unknown) => string {
  const prefix = Array.from({ length: 16 }, () => ids.number(32).toString(32)).join("");
  let count = 0;
  return (given) => {
    if (typeof given === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(given)) return given;
    count += 1;
    return `req_${prefix}${count.toString(32).padStart(10, "0")}`;
  };
}

function addHeaders(app: FastifyInstance, origins: readonly string[], is_tls: boolean): void {
  const fixed = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": api_policy,
    "cache-control": "no-store",
    ...(is_tls ? { "strict-transport-security": "max-age=31536000" } : {}),
  };
  const allowed = new Set(origins);
  app.addHook("onRequest", (request, reply, done) => {
    reply.headers(fixed);
    reply.header("x-request-id", request.id);
    const { origin } = request.headers;
    if (origin !== undefined && allowed.size > 0) {
      reply.header("vary", "Origin");
      if (allowed.has(origin)) {
        reply.header("access-control-allow-origin", origin);
        reply.header("access-control-expose-headers", exposed_headers);
      }
    }
    done();
  });
  app.options("/*", (request, reply) => {
    const { origin } = request.headers;
    if (origin !== undefined && allowed.has(origin)) {
      reply.headers({
        "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE",
        "access-control-allow-headers":
          "Authorization, Content-Type, Idempotency-Key, If-Match, X-Request-Id, X-Parley-View",
        "access-control-max-age": "600",
      });
    }
    return reply.code(204).send();
  });
}

function addAccessLog(app: FastifyInstance, log: Log, metrics: HttpPorts["metrics"]): void {
  app.addHook("onResponse", (request, reply, done) => {
    metrics.answered({
      ...routeLabels(request),
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
    log.info(
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

function addHealth(app: FastifyInstance, ports: HttpPorts): void {
  app.get("/ping", (_request, reply) => reply.type(json_type).send('{"result":"pong"}'));
  app.get("/health", async (_request, reply) => {
    const { ok, parts } = await ports.health();
    return reply
      .code(ok ? 200 : 503)
      .type(json_type)
      .send(JSON.stringify({ ok, parts }));
  });
  app.get("/metrics", async (_request, reply) =>
    reply.type("text/plain; version=0.0.4; charset=utf-8").send(await ports.metrics.text()),
  );
}

async function addPages(app: FastifyInstance, pages: string | null): Promise<void> {
  const setHeaders = (reply: FastifyReply, path: string): void => {
    reply.header("content-security-policy", page_policy);
    reply.header("permissions-policy", permissions_policy);
    // Vite names assets by their content.
    const is_named_by_content = /[\\/]assets[\\/]/.test(path);
    reply.header(
      "cache-control",
      is_named_by_content ? "public, max-age=31536000, immutable" : "no-cache",
    );
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

function addFailures(app: FastifyInstance, routes: readonly AnyRoute[], log: Log): void {
  const answer = (request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply => {
    if (problem.retry_after_s !== null) {
      reply.header("retry-after", String(problem.retry_after_s));
    } else if (problem.http === 503) {
      reply.header("retry-after", "1");
    }
    return reply
      .code(problem.http)
      .type(json_type)
      .send(JSON.stringify(problemBody(problem, request.id)));
  };
  app.setErrorHandler((thrown, request, reply) =>
    answer(request, reply, asProblem(thrown, log, request.id)),
  );
  const shapes = routes.map((one) => ({
    method: one.method,
    shape: new RegExp(`^${one.path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}/?$`),
  }));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "";
    const methods = shapes.filter(({ shape }) => shape.test(path)).map(({ method }) => method);
    if (methods.length === 0) return answer(request, reply, problems.ROUTE_NOT_FOUND());
    reply.header("allow", methods.join(", "));
    return answer(request, reply, httpProblems.METHOD_NOT_ALLOWED());
  });
}
