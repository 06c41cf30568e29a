// What can go wrong with a conference.
import { catalogue } from "../../kernel/problem.ts";

/** Problems of conferences. */
export const conferenceProblems = catalogue({
  CONFERENCE_NOT_FOUND: { status: "NOT_FOUND", title: "There is no such conference" },
  CONFERENCE_EXISTS: { status: "ALREADY_EXISTS", title: "A conference with this id exists" },
  STATE_INVALID: { status: "FAILED_PRECONDITION", title: "The state does not allow this now" },
  CONFERENCE_FULL: {
    status: "FAILED_PRECONDITION",
    title: "The conference has as many people as it takes",
  },
  JOIN_TOKEN_NOT_FOUND: { status: "NOT_FOUND", title: "There is no such join token" },
  JOIN_TOKEN_IN_USE: {
    status: "FAILED_PRECONDITION",
    title: "As many people are in with this link as it takes",
  },
  PRECONDITION_REQUIRED: {
    status: "FAILED_PRECONDITION",
    title: "This needs If-Match with the ETag of the ICE session",
    http: 428,
  },
  PRECONDITION_FAILED: {
    status: "FAILED_PRECONDITION",
    title: "The ICE session has changed meanwhile",
    http: 412,
  },
});
