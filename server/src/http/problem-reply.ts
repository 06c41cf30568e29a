// The one place where a failure becomes an answer: from routes, the router, sockets that were not upgraded and bytes that were no HTTP.
import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyReply } from "fastify";
import type { Clock } from "../kernel/clock.ts";
import { limits } from "../kernel/limits.ts";
import { type Log, strikeCredentials } from "../kernel/log.ts";
import { Problem, problems } from "../kernel/problem.ts";
import { writeHttpDate } from "../kernel/wire.ts";
import type { AnswerHeaders, Headers } from "./headers.ts";
import { httpProblems } from "./problems.ts";
import { json_type } from "./route.ts";

/** The body of every 4xx and 5xx (platform.md section 5). */
export interface ProblemBody {
  readonly error: {
    readonly status: string;
    readonly reason: string;
    readonly message: string;
    readonly request_id: string;
    readonly details?: readonly object[];
  };
}

/** What is known of the request that failed. */
export interface FailedRequest {
  readonly request_id: string;
  readonly origin: string | undefined;
  /** Headers that only this failure has, e.g. `Allow`. */
  readonly headers?: Headers;
  /** Whether the answer has no body since it is one to HEAD. */
  readonly is_head?: boolean;
}

/** Writes failures. */
export interface Failures {
  /** Answers through the framework. */
  reply(reply: FastifyReply, problem: Problem, about: FailedRequest): FastifyReply;
  /** Answers a request that no framework saw, in its turn, and closes the connection behind it. */
  response(response: ServerResponse, problem: Problem, about: FailedRequest): void;
  /** Answers on a bare socket and closes it; it is gone after a grace, whatever the other side does. */
  socket(socket: Duplex, problem: Problem, about: FailedRequest): void;
}

/** Makes the writer. `headers` are those of every answer. */
export function createFailures(ports: { headers: AnswerHeaders; clock: Clock }): Failures {
  const { headers, clock } = ports;

  const written = (
    problem: Problem,
    about: FailedRequest,
  ): { status: number; headers: Headers; body: string } => ({
    status: problem.http,
    headers: {
      ...headers.of(about.origin),
      "x-request-id": about.request_id,
      ...headersOf(problem),
      ...about.headers,
      "content-type": json_type,
    },
    // What the caller wrote may stand in a message, and what they wrote may hold a credential.
    body: strikeCredentials(JSON.stringify(problemBody(problem, about.request_id))),
  });

  return {
    reply(reply, problem, about) {
      const answer = written(problem, about);
      return reply.code(answer.status).headers(answer.headers).send(answer.body);
    },
    response(response, problem, about) {
      const answer = written(problem, about);
      response
        .writeHead(answer.status, {
          ...answer.headers,
          "content-length": Buffer.byteLength(answer.body),
          connection: "close",
        })
        .end(answer.body);
    },
    socket(socket, problem, about) {
      const answer = written(problem, about);
      const lines = Object.entries({
        date: writeHttpDate(clock.now()),
        ...answer.headers,
        "content-length": String(Buffer.byteLength(answer.body)),
        connection: "close",
      }).map(([name, value]) => `${name}: ${value}\r\n`);
      const head = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}\r\n${lines.join("")}\r\n`;
      endSoon(socket, about.is_head ? head : head + answer.body, clock);
    },
  };
}

/** Writes the last bytes of a connection; what is left of it after {@link limits.close_grace_ms} is destroyed. */
export function endSoon(socket: Duplex, last: string, clock: Clock): void {
  // The client may be gone already, which is no fault.
  socket.on("error", () => socket.destroy());
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const late = clock.after(limits.close_grace_ms, () => socket.destroy());
  socket.once("close", () => late.cancel());
  // What still comes is read and dropped: unread bytes would reset the connection before the answer is read.
  socket.resume();
  socket.end(last);
}

/** Headers that a problem brings. */
function headersOf(problem: Problem): Headers {
  const { http, reason } = problem;
  const wait_s = problem.retry_after_s ?? (http === 503 ? 1 : null);
  return {
    ...(wait_s === null ? {} : { "retry-after": String(wait_s) }),
    // RFC 9110 section 15.5.2, RFC 6750 section 3.
    ...(http === 401
      ? {
          "www-authenticate":
            reason === "AUTHENTICATION_REQUIRED"
              ? 'Bearer realm="parley"'
              : 'Bearer realm="parley", error="invalid_token"',
        }
      : {}),
  };
}

const problemBody = (problem: Problem, request_id: string): ProblemBody => ({
  error: {
    status: problem.kind.status,
    reason: problem.reason,
    message: problem.message,
    request_id,
    ...(problem.details.length === 0 ? {} : { details: problem.details }),
  },
});

/** Makes a problem of whatever was thrown; what nobody expected is logged and hidden. */
export function asProblem(thrown: unknown, log: Log, request_id: string): Problem {
  if (thrown instanceof Problem) {
    if (thrown.http >= 500) log.warn({ err: thrown, request_id }, "a request failed");
    return thrown;
  }
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return httpProblems.BODY_TOO_LARGE({
        message: `a body has at most ${limits.body_bytes_max} bytes`,
        details: [{ limit: limits.body_bytes_max }],
      });
    case "FST_ERR_BAD_URL":
      return httpProblems.MALFORMED_REQUEST({ message: "the URL is not well-formed" });
    case "FST_ERR_MAX_PARAM_LENGTH":
      return httpProblems.URL_TOO_LONG({ message: "a part of the path is too long" });
    default:
  }
  if (typeof code === "string" && code.startsWith("FST_ERR_CTP_")) {
    return httpProblems.MALFORMED_REQUEST({ message: "the body does not fit its headers" });
  }
  // The files of the pages: preconditions and ranges that cannot be met.
  if (statusCode === 416) return httpProblems.RANGE_NOT_SATISFIABLE();
  if (statusCode === 412) return httpProblems.PRECONDITION_NOT_MET();
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return httpProblems.MALFORMED_REQUEST({ message: "the request cannot be answered" });
  }
  log.error({ err: thrown, request_id }, "a request met a fault of ours");
  return problems.INTERNAL({ cause: thrown });
}

/** What Node says of bytes that are no HTTP. */
export interface ParserError {
  readonly code?: string;
  readonly rawPacket?: Buffer;
  /** Bytes of the packet before the one that was refused. */
  readonly bytesParsed?: number;
}

/** Makes a problem of what the parser of HTTP refused. */
export function asParserProblem(error: ParserError): Problem {
  const packet = error.rawPacket ?? Buffer.alloc(0);
  const text = packet.subarray(0, limits.header_bytes_max).toString("latin1");
  switch (error.code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return problems.REQUEST_TIMEOUT();
    case "HPE_HEADER_OVERFLOW":
      return /^\S+ \S+$/.test(text.slice(0, limits.header_bytes_max - 1))
        ? httpProblems.URL_TOO_LONG({ details: [{ limit: limits.header_bytes_max }] })
        : httpProblems.HEADERS_TOO_LARGE({
            message: `headers have at most ${limits.header_bytes_max} bytes`,
            details: [{ limit: limits.header_bytes_max }],
          });
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return httpProblems.BODY_TOO_LARGE({ message: "the chunks' extensions are too long" });
    case "HPE_INVALID_VERSION":
    case "HPE_PAUSED_H2_UPGRADE":
      return httpProblems.HTTP_VERSION_NOT_SUPPORTED();
    case "HPE_INVALID_METHOD":
      // RFC 9110 section 9.1: a method that nobody here knows, in a request that is one.
      return /^[!#$%&'*+.^_`|~\w-]+ \S+ HTTP\/1\.[01]\r?\n/.test(
        lineAt(packet, error.bytesParsed ?? 0),
      )
        ? httpProblems.METHOD_NOT_KNOWN()
        : httpProblems.MALFORMED_REQUEST();
    default:
      return httpProblems.MALFORMED_REQUEST();
  }
}

// The line in which the parser stopped: other requests may stand before it in one packet.
function lineAt(packet: Buffer, at: number): string {
  const from = at > 0 ? packet.lastIndexOf(0x0a, at - 1) + 1 : 0;
  return packet.subarray(from, from + limits.header_bytes_max).toString("latin1");
}
