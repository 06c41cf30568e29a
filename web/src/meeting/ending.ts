// Which last page a failure leads to.
import { type Ending, Problem } from "@parley/client";
import { isFull } from "../look/problem-texts.ts";

/** The end that a failed join or look amounts to. */
export function endingFor(thrown: unknown): Ending {
  const problem =
    thrown instanceof Problem
      ? thrown
      : new Problem("ANSWER_INVALID", thrown instanceof Error ? thrown.message : String(thrown));
  switch (problem.reason) {
    case "INVALID_CREDENTIALS":
    case "AUTHENTICATION_REQUIRED":
    case "TOKEN_EXPIRED":
    case "PERMISSION_DENIED":
    // Taken back, maybe because somebody was removed who came by it: others have it, too.
    case "TOKEN_REVOKED":
      return { reason: "denied", problem };
    case "CONFERENCE_NOT_FOUND":
      return { reason: "not_found", problem };
    case "STATE_INVALID":
      // Where no seat is left the conference goes on, and whoever waits may try again.
      return { reason: isFull(problem) ? "failed" : "ended", problem };
    case "MEDIA_UNREACHABLE":
      return { reason: "media_unreachable", problem };
    default:
      return { reason: "failed", problem };
  }
}
