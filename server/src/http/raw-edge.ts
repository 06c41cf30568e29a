// What does not come as a request for a route: bytes that are no HTTP, upgrades, expectations, tunnels.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { Log } from "../kernel/log.ts";
import { type Problem, problems } from "../kernel/problem.ts";
import { asksForWebSocket } from "./door.ts";
import { asParserProblem, type Failures, type ParserError } from "./problem-reply.ts";
import { httpProblems } from "./problems.ts";

/** The WebSockets behind this edge. */
export interface Sockets {
  /** Whether this request is for one of them. */
  wants(request: IncomingMessage): boolean;
  /** Takes the connection, or calls `refuse` once. */
  take(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    refuse: (problem: Problem, headers?: Readonly<Record<string, string>>) => void,
  ): void;
}

/** See each. */
export interface RawEdge {
  /** Node asks before it makes an upgrade of a request; what we do not speak is ignored (RFC 9110 section 7.8). */
  wantsUpgrade(request: IncomingMessage): boolean;
  /** Answers bytes that the parser refused. */
  refuseBytes(error: NodeJS.ErrnoException, socket: Socket): void;
  /** Answers on a connection that has said nothing yet. */
  refuse(socket: Socket, problem: Problem): void;
  /** Takes the server's events. */
  attach(server: Server, sockets: Sockets | null): void;
}

/** Makes it. */
export function createRawEdge(ports: {
  failures: Failures;
  requestId: (given: unknown) => string;
  log: Log;
}): RawEdge {
  const { failures, requestId, log } = ports;
  let sockets: Sockets | null = null;
  const about = (request: IncomingMessage | null) => ({
    request_id: requestId(request?.headers["x-request-id"]),
    origin: request?.headers.origin,
  });
  return {
    wantsUpgrade: (request) =>
      request.method === "GET" &&
      asksForWebSocket(request.headers) &&
      (sockets?.wants(request) ?? false),
    refuse: (socket, problem) => failures.socket(socket, problem, about(null)),
    refuseBytes(error, socket) {
      log.debug({ code: error.code }, "a request was not HTTP");
      const is_http = /^(HPE_|ERR_HTTP_)/.test(error.code ?? "");
      // A handshake that failed has no one to tell, and a connection that broke neither.
      if (!is_http || (socket instanceof TLSSocket && !socket.getProtocol())) {
        socket.destroy();
        return;
      }
      const answer = (): void =>
        failures.socket(socket, asParserProblem(error as ParserError), about(null));
      afterAnswers(socket, answer);
    },
    attach(server, given) {
      sockets = given;
      server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        const refuse = (problem: Problem, headers?: Readonly<Record<string, string>>): void =>
          failures.socket(socket, problem, { ...about(request), headers: headers ?? {} });
        if (sockets === null) refuse(problems.UPGRADE_REQUIRED());
        else sockets.take(request, socket, head, refuse);
      });
      server.on("connect", (request: IncomingMessage, socket: Duplex) =>
        failures.socket(socket, httpProblems.METHOD_NOT_KNOWN(), about(request)),
      );
      server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
        // Its body may or may not come, so that the connection cannot go on.
        failures.response(response, httpProblems.EXPECTATION_FAILED(), about(request));
      });
    },
  };
}

/** The answer that Node is writing to a socket; it keeps it here and nowhere that is public. */
type Answering = Socket & { _httpMessage?: ServerResponse | null };

// Requests that came before the bad bytes are answered before them: a client would take ours for theirs.
function afterAnswers(socket: Answering, answer: () => void): void {
  const running = socket._httpMessage;
  if (!running || running.writableFinished || running.destroyed) {
    answer();
    return;
  }
  if (!running.req.complete) {
    // The bad bytes are the body of the request that is being answered.
    if (running.headersSent) socket.destroy();
    else answer();
    return;
  }
  running.once("close", () => setImmediate(() => afterAnswers(socket, answer)));
}
