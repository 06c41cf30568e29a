// Which failures the pages know in the reader's own words.
import type { Problem } from "@parley/client";
import type { TextKey } from "../text/index.ts";

const by_reason: Readonly<Record<string, TextKey>> = {
  SERVER_UNREACHABLE: "problem_unreachable",
  PERMISSION_DENIED: "problem_permission",
  INVALID_CREDENTIALS: "problem_credentials",
  RATE_LIMIT_EXCEEDED: "problem_rate",
  CONFERENCE_NOT_FOUND: "end_not_found",
  CONFERENCE_FULL: "problem_full",
  JOIN_TOKEN_IN_USE: "problem_full",
  STATE_INVALID: "problem_state",
  CONFERENCECALL_NOT_FOUND: "problem_gone",
  MEDIA_UNREACHABLE: "end_media_unreachable_text",
  MEDIA_UNAVAILABLE: "problem_unavailable",
  SERVICE_UNAVAILABLE: "problem_unavailable",
  COMMAND_TIMEOUT: "problem_slow",
  REQUEST_TIMEOUT: "problem_slow",
  INTERNAL: "problem_internal",
};

type Judged = Pick<Problem, "reason" | "details">;

/** Whether there was no seat left: the conference goes on, and a seat may become free. */
export function isFull({ reason, details }: Judged): boolean {
  // A call of two that has its two is refused by state, with the limit beside it.
  const has_limit = details.some((detail) => "limit" in detail);
  return (
    reason === "CONFERENCE_FULL" ||
    reason === "JOIN_TOKEN_IN_USE" ||
    (reason === "STATE_INVALID" && has_limit)
  );
}

/** The text for a failure; null where only the server can say what was wrong. */
export function problemText(problem: Judged): TextKey | null {
  if (isFull(problem)) return "problem_full";
  return Object.hasOwn(by_reason, problem.reason) ? (by_reason[problem.reason] ?? null) : null;
}
