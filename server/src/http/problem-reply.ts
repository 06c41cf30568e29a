// The one place where a failure becomes an answer.

import { limits } from "../kernel/limits.ts";
import type { Log } from "../kernel/log.ts";
import { Problem, problems } from "../kernel/problem.ts";
import { httpProblems } from "./problems.ts";

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

/** The body of a problem. */
export const problemBody = (problem: Problem, request_id: string): ProblemBody => ({
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
  const code = codeOf(thrown);
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return httpProblems.BODY_TOO_LARGE({
      message: `a body has at most ${limits.body_bytes_max} bytes`,
      details: [{ limit: limits.body_bytes_max }],
    });
  }
  if (code?.startsWith("FST_ERR_CTP_")) {
    return httpProblems.MALFORMED_REQUEST({ message: "the body does not fit its headers" });
  }
  if (code === "FST_ERR_BAD_URL") {
    return httpProblems.MALFORMED_REQUEST({ message: "the URL is not well-formed" });
  }
  log.error({ err: thrown, request_id }, "a request met a fault of ours");
  return problems.INTERNAL({ cause: thrown });
}

const codeOf = (thrown: unknown): string | null =>
  typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : null;
