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
});
