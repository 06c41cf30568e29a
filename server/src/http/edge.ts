// From a request to its route and back: who asks, how often, what they sent, once or again.
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Authenticator } from "../domain/accesskey/index.ts";
import {
  type Caller,
  type Customers,
  mayManage,
  type ParticipantCaller,
} from "../domain/customer/index.ts";
import { type ConferencecallId, type ConferenceId, isUuid } from "../kernel/id.ts";
import { strikeCredentials } from "../kernel/log.ts";
import { isOwnOrigin } from "../kernel/origin.ts";
import { problems } from "../kernel/problem.ts";
import type { InDoubt } from "./in-doubt.ts";
import { looksLikeSdp, readJson, readText } from "./json-body.ts";
import { createJudge } from "./judge.ts";
import { legacyView } from "./legacy.ts";
import { httpProblems } from "./problems.ts";
import { type Rate, rateAddress } from "./rate.ts";
import type { Reading } from "./reading.ts";
import type { Keeping, KeptReply, Repeats } from "./repeated.ts";
import { Answer, type AnyRoute, type Ask, json_type } from "./route.ts";

/** What the edge needs to serve routes. */
export interface EdgePorts {
  readonly authenticator: Authenticator;
  readonly customers: Customers;
  readonly repeats: Repeats;
  /** Per address, on `/auth/*`. */
  readonly auth_rate: Rate;
  /** Per access key or token on `/v1.0/*`; per address where there is none. */
  readonly rest_rate: Rate;
  /** The id inside, for one that this caller's customer may know by their own. */
  conferenceId(caller: Caller, id: ConferenceId): ConferenceId;
  /** Whether a credential in the query counts. */
  readonly query_tokens: boolean;
  /** Who shows the key of a join. */
  callerByKey(id: ConferencecallId, resume_key: string): Promise<ParticipantCaller>;
  readonly reading: Reading;
  readonly in_doubt: InDoubt;
  /** How others reach this server; "" where it was not said. */
  readonly public_url: string;
  /** Whether running calls are being waited for. */
  isDraining(): boolean;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Who asked, for the access log. */
    caller_label: string;
  }
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;
type AnyAsk = Ask<"any", never, never, never>;
type Result = object | string | Answer;

/** What a request shows of who asks. */
type Shown = (
  | { readonly credential: string }
  | { readonly id: ConferencecallId; readonly resume_key: string }
) & { readonly by_query: boolean };

/** Names a caller in limits and logs: tokens of one agent count together. */
export const callerName = (caller: Caller): string =>
  caller.type !== "participant"
    ? `${caller.type}:${caller.id}`
    : caller.only_call === undefined
      ? `join:${caller.jti}`
      : `conferencecall:${caller.only_call}`;

/** Makes the handler of a route. */
export function createHandler(route: AnyRoute, ports: EdgePorts): Handler {
  const judge = createJudge(route);
  const is_auth = route.path.startsWith("/auth/");

  const limit = (rate: Rate, key: string, limited_by: "ip" | "customer"): void => {
    const retry_after_s = rate.take(key);
    if (retry_after_s === 0) return;
    throw problems.RATE_LIMIT_EXCEEDED({ retry_after_s, details: [{ limited_by }] });
  };

  const admit = (request: FastifyRequest, caller: Caller): void => {
    request.caller_label = callerName(caller);
    limit(ports.rest_rate, request.caller_label, "customer");
    if (route.auth === "customer" && !mayManage(caller)) {
      // A plain agent has a customer, but may not manage what it owns.
      throw problems.PERMISSION_DENIED();
    }
  };

  const run = (
    request: FastifyRequest,
    reply: FastifyReply,
    caller: Caller | null,
    by_query = false,
  ): unknown => {
    const bytes = bodyOf(request);
    const text = textOf(route, request, bytes);
    const params = named(judge.params(request.params as Record<string, string>), "id", caller);
    const query = named(
      judge.query(request.query as Record<string, string | string[]>),
      "conference_id",
      caller,
    );
    const given =
      text || !route.body ? undefined : bytes.length === 0 ? {} : readJson(readText(bytes));
    const judged = text || !route.body ? null : judge.body(given);
    if (judged && judged.ignored.length > 0) {
      reply.header("x-ignored-members", writeMembers(judged.ignored));
    }
    const body = judged?.value;
    const ask = {
      caller,
      by_query,
      params,
      query,
      body,
      text,
      headers: headersOf(request, caller),
      address: request.ip,
      request_id: request.id,
      is_secure: request.protocol === "https",
      sealed: undefined,
    } as unknown as AnyAsk;
    const key = route.method === "POST" && caller ? request.headers["idempotency-key"] : undefined;
    if (typeof key === "string" && caller) {
      return runOnce(request, reply, caller, key, bytes, ask);
    }
    if (route.is_list && caller) return runList(request, reply, caller, ask);
    const result = route.run(ask);
    if (result instanceof Promise) {
      const awaited = route.method === "GET" ? result : ports.in_doubt.bound(result, request.id);
      return awaited.then((settled) => finish(request, reply, caller, settled));
    }
    return finish(request, reply, caller, result);
  };

  /** A customer may know a conference by an id of their own. */
  const named = (given: object, field: "id" | "conference_id", caller: Caller | null): object => {
    const id = (given as Record<string, unknown>)[field];
    if (caller === null || typeof id !== "string") return given;
    if (field === "id" && !route.path.startsWith("/v1.0/conferences/{id}")) return given;
    return { ...given, [field]: ports.conferenceId(caller, id as ConferenceId) };
  };

  const runOnce = async (
    request: FastifyRequest,
    reply: FastifyReply,
    caller: Caller,
    key: string,
    body: Uint8Array,
    ask: AnyAsk,
  ): Promise<FastifyReply> => {
    const name = {
      customer_id: caller.customer_id,
      caller: callerName(caller),
      key,
      method: route.method,
      path: request.url.split("?")[0] ?? "",
      body,
    };
    const run = async (keeping: Keeping): Promise<KeptReply> => {
      const sealed: AnyAsk["sealed"] = (tx, shown, given = {}) =>
        keeping.seal(tx, keptOf(new Answer({ ...given, body: shown })));
      return keptOf(await route.run({ ...ask, sealed }));
    };
    const renew = async (before: KeptReply): Promise<KeptReply | null> => {
      const fresh = await route.renew?.(ask, answerOf(before));
      return fresh ? keptOf(fresh) : null;
    };
    const kept = await ports.in_doubt.bound(ports.repeats.once(name, run, renew), request.id);
    return finish(request, reply, caller, answerOf(kept));
  };

  const isOwnPage = (request: FastifyRequest): boolean =>
    isOwnOrigin(
      {
        origin: request.headers.origin,
        fetch_site: request.headers["sec-fetch-site"] as string | undefined,
        host: request.headers.host,
        is_secure: request.protocol === "https",
      },
      ports.public_url,
    );

  /** Where nobody was asked who they are, a route may look for itself; a foreign page's request brings no cookie to it. */
  const headersOf = (request: FastifyRequest, caller: Caller | null) => {
    const { cookie, ...others } = request.headers;
    return caller !== null || cookie === undefined || isOwnPage(request) ? request.headers : others;
  };

  /** Who asks: what somebody put there first, then the cookie, which a browser adds to whatever page asks. */
  const shownBy = (request: FastifyRequest): Shown | null => {
    const { authorization, cookie } = request.headers;
    const { url } = request;
    const given = ports.authenticator.credentialOf({ authorization, cookie: undefined, url });
    if (given !== null) return { credential: given, by_query: authorization === undefined };
    const key = route.by_resume_key ? resumeKeyOf(request) : null;
    if (key !== null || cookie === undefined) return key;
    const kept = ports.authenticator.credentialOf({ authorization: undefined, cookie, url });
    if (kept !== null && route.method !== "GET" && !isOwnPage(request)) {
      throw problems.FOREIGN_ORIGIN();
    }
    return kept === null ? null : { credential: kept, by_query: false };
  };

  const resumeKeyOf = (request: FastifyRequest): Shown | null => {
    const { resume_key } = request.query as { readonly resume_key?: unknown };
    const { id } = request.params as { readonly id?: string };
    if (!ports.query_tokens || typeof resume_key !== "string" || resume_key === "") return null;
    if (id === undefined || !isUuid(id)) return null;
    return { id: id.toLowerCase() as ConferencecallId, resume_key, by_query: true };
  };

  const finish = (
    request: FastifyRequest,
    reply: FastifyReply,
    caller: Caller | null,
    result: Result,
  ): FastifyReply | Promise<FastifyReply> => {
    if (result instanceof Answer && result.headers["set-cookie"] && !isOwnPage(request)) {
      // A foreign page must not log a browser in or out. Its token is in the body.
      const { "set-cookie": _, ...headers } = result.headers;
      return send(reply, new Answer({ ...result, headers }));
    }
    const shown = inView(request, caller, result);
    return shown instanceof Promise ? shown.then((one) => send(reply, one)) : send(reply, shown);
  };

  const inView = (
    request: FastifyRequest,
    caller: Caller | null,
    result: Result,
  ): Result | Promise<Result> =>
    caller && wantsLegacy(request, caller)
      ? ports.customers.numberOf(caller.customer_id).then((number) => asLegacy(result, number))
      : result;

  /** What was read is counted as reserved until it is counted as an answer, which `send` does. */
  const runList = async (
    request: FastifyRequest,
    reply: FastifyReply,
    caller: Caller,
    ask: AnyAsk,
  ): Promise<FastifyReply> => {
    const done = await ports.reading.begin(caller.customer_id);
    try {
      // Whoever has gone meanwhile needs no list.
      if (request.raw.socket.destroyed) throw problems.REQUEST_TIMEOUT();
      const shown = await inView(request, caller, await route.run(ask));
      // Not awaited: a reply settles when its reader has taken it.
      return send(reply, shown);
    } finally {
      done();
    }
  };

  return (request, reply) => {
    if (is_auth) limit(ports.auth_rate, rateAddress(request.ip), "ip");
    if (route.starts && ports.isDraining()) {
      throw problems.SERVICE_UNAVAILABLE({
        message: "this server is stopping",
        retry_after_s: draining_retry_s,
      });
    }
    if (route.auth === "none") return run(request, reply, null);
    const shown = shownBy(request);
    if (shown === null) {
      limit(ports.rest_rate, rateAddress(request.ip), "ip");
      throw problems.AUTHENTICATION_REQUIRED();
    }
    const known = "credential" in shown ? ports.authenticator.known(shown.credential) : null;
    if (known) {
      admit(request, known);
      return run(request, reply, known, shown.by_query);
    }
    limit(ports.rest_rate, rateAddress(request.ip), "ip");
    const asked =
      "credential" in shown
        ? ports.authenticator.authenticate(shown.credential)
        : ports.callerByKey(shown.id, shown.resume_key);
    return asked.then((caller) => {
      admit(request, caller);
      return run(request, reply, caller, shown.by_query);
    });
  };
}

/** Seconds after which another server, or this one again, may take what one that ends refused. */
const draining_retry_s = 5;

/** Members that are named, at most, and characters of each. */
const ignored_max = 20;
const ignored_length_max = 64;

// Percent-encoded: a name may hold what a header cannot. A credential in the wrong place is not repeated.
const writeMembers = (names: readonly string[]): string =>
  names
    .slice(0, ignored_max)
    .map((name) =>
      encodeURIComponent(strikeCredentials(name).slice(0, ignored_length_max).toWellFormed()),
    )
    .join(", ");

const empty = new Uint8Array();
const bodyOf = (request: FastifyRequest): Uint8Array =>
  request.body instanceof Uint8Array ? request.body : empty;

// A body that its route takes as text, by type. Any other body is read as JSON, whatever it claims to be: the
// specification's own example sends JSON as a form.
function textOf(route: AnyRoute, request: FastifyRequest, bytes: Uint8Array): AnyAsk["text"] {
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    throw httpProblems.MEDIA_TYPE_NOT_SUPPORTED({
      message: "bodies are taken as they are, without an encoding",
    });
  }
  if (!route.texts) return null;
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (route.texts.includes(type)) return { type, body: readText(bytes) };
  const is_sdp = looksLikeSdp(bytes);
  if (route.body && !is_sdp) return null;
  const wanted = route.texts.join(" or ");
  throw httpProblems.MEDIA_TYPE_NOT_SUPPORTED({
    message: is_sdp
      ? `the body looks like SDP: send it with Content-Type: ${wanted}`
      : `this takes ${wanted}`,
    details: route.texts.map((accepted) => ({ accepted })),
  });
}

function answerOf({ status, headers, content_type, body }: KeptReply): Answer {
  const shown = content_type === json_type && body !== null ? (JSON.parse(body) as object) : body;
  return new Answer({ status, headers, content_type, body: shown });
}

function keptOf(result: Result): KeptReply {
  if (!(result instanceof Answer)) {
    const body = typeof result === "string" ? result : JSON.stringify(result);
    return { status: 200, headers: {}, content_type: json_type, body };
  }
  const { status, headers, content_type, body } = result;
  const text = typeof body === "object" && body !== null ? JSON.stringify(body) : body;
  return { status, headers, content_type, body: text };
}

function send(reply: FastifyReply, result: Result): FastifyReply {
  if (typeof result === "string") return reply.header("content-type", json_type).send(result);
  if (!(result instanceof Answer)) {
    return reply.header("content-type", json_type).send(JSON.stringify(result));
  }
  const { body } = result;
  reply.code(result.status).headers(result.headers);
  if (body === null) return reply.send();
  reply.header("content-type", result.content_type);
  return reply.send(typeof body === "string" ? body : JSON.stringify(body));
}

const wantsLegacy = (request: FastifyRequest, caller: Caller): boolean =>
  request.headers["x-parley-view"] === "legacy" ||
  (caller.type !== "participant" && caller.view === "legacy");

function asLegacy(result: Result, number: number): Result {
  if (typeof result === "string") return legacyView(JSON.parse(result) as object, number);
  if (!(result instanceof Answer)) return legacyView(result, number);
  const { status, headers, content_type, body } = result;
  const shown = typeof body === "object" && body !== null ? legacyView(body, number) : body;
  return new Answer({ status, headers, content_type, body: shown });
}
