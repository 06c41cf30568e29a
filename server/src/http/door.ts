// What every request passes first: fixed headers, one Host, OPTIONS, and the answer where there is no such route.
import type { FastifyReply, FastifyRequest } from "fastify";
import { type Problem, problems } from "../kernel/problem.ts";
import { type AnswerHeaders, opaque_origin } from "./headers.ts";
import { featureNotBuilt } from "./not-built.ts";
import type { Paths } from "./paths.ts";
import type { FailedRequest, Failures } from "./problem-reply.ts";
import { httpProblems } from "./problems.ts";

/** What a failure says of a request. */
export const aboutRequest = (
  request: FastifyRequest,
  headers: Readonly<Record<string, string>> = {},
): FailedRequest => ({ request_id: request.id, origin: request.headers.origin, headers });

/** Makes the hook of all requests. */
export function createDoor(ports: {
  headers: AnswerHeaders;
  paths: Paths;
  failures: Failures;
  isDraining: () => boolean;
}): (request: FastifyRequest, reply: FastifyReply, done: () => void) => void {
  const { headers, paths, failures } = ports;

  const options = (request: FastifyRequest, reply: FastifyReply, path: string): FastifyReply => {
    if (path === "*") return reply.code(204).header("allow", all_methods).send();
    const known = paths.find(path);
    if (!known) return refuse(request, reply, missing(request, path));
    return reply
      .code(204)
      .headers({ allow: known.allow, ...known.accepts })
      .headers(headers.preflight(request.headers.origin, known.cors_methods, known.is_for_links))
      .send();
  };

  const refuse = (
    request: FastifyRequest,
    reply: FastifyReply,
    problem: Problem,
    own: Readonly<Record<string, string>> = {},
  ): FastifyReply => failures.reply(reply, problem, aboutRequest(request, own));

  const unrouted = (request: FastifyRequest, reply: FastifyReply, path: string): FastifyReply => {
    const known = paths.find(path);
    if (!known) return refuse(request, reply, missing(request, path));
    const feature = featureNotBuilt(request.method, path, true);
    if (feature !== null) return refuse(request, reply, notBuilt(feature));
    if (known.is_socket && known.methods.size === 2 && request.method === "GET") {
      // An upgrade that came this far named a conference that cannot be.
      if (asksForWebSocket(request.headers)) {
        return refuse(request, reply, problems.RESOURCE_NOT_FOUND());
      }
      const wanted = { upgrade: "websocket", connection: "Upgrade, close" };
      return refuse(request, reply, problems.UPGRADE_REQUIRED(), wanted);
    }
    return refuse(request, reply, httpProblems.METHOD_NOT_ALLOWED(), {
      allow: known.allow,
      ...known.accepts,
    });
  };

  return (request, reply, done) => {
    const path = request.url.split("?", 1)[0] ?? "";
    const { origin } = request.headers;
    // Looked up for the few that it matters to.
    const is_for_links = origin === opaque_origin && paths.find(path)?.is_for_links === true;
    reply.headers(headers.of(origin, is_for_links));
    reply.header("x-request-id", request.id);
    if (ports.isDraining()) reply.header("connection", "close");
    const wrong = wrongHeader(request);
    if (wrong !== null) {
      refuse(request, reply, httpProblems.MALFORMED_REQUEST({ message: wrong }), {
        connection: "close",
      });
      return;
    }
    if (request.method === "OPTIONS") options(request, reply, path);
    else if (request.is404) unrouted(request, reply, path);
    else done();
  };
}

const all_methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

const notBuilt = (feature: string): Problem =>
  httpProblems.FEATURE_NOT_BUILT({
    message: `this server does not have ${feature}`,
    details: [{ feature }],
  });

const missing = (request: FastifyRequest, path: string): Problem => {
  const feature = featureNotBuilt(request.method, path, false);
  return feature === null ? problems.ROUTE_NOT_FOUND() : notBuilt(feature);
};

/** Whether a request asks to become a WebSocket. */
export const asksForWebSocket = (headers: FastifyRequest["headers"]): boolean =>
  (headers.upgrade ?? "").split(",").some((one) => one.trim().toLowerCase() === "websocket");

// Headers that say one thing: two of them would be read differently by a proxy before us and by us.
const single = new Set(["host", "authorization", "content-type", "origin", "x-request-id"]);
const host = /^(\[[0-9a-f:.]+\]|[\w.~%!$&'()*+,;=-]+)(:\d{0,5})?$/i;

function wrongHeader({ raw, headers }: FastifyRequest): string | null {
  const seen = new Set<string>();
  for (let at = 0; at < raw.rawHeaders.length; at += 2) {
    const name = raw.rawHeaders[at]?.toLowerCase() ?? "";
    if (!single.has(name)) continue;
    if (seen.has(name)) return `the header ${name} stands twice`;
    seen.add(name);
  }
  // RFC 9112 section 3.2.
  if (headers.host === undefined) {
    return raw.httpVersion === "1.0" ? null : "the header host is missing";
  }
  return host.test(headers.host) ? null : "the header host is not a host";
}
