// What can go wrong with a join.
import { catalogue } from "../../kernel/problem.ts";

/** Problems of conferencecalls. */
export const conferencecallProblems = catalogue({
  CONFERENCECALL_NOT_FOUND: { status: "NOT_FOUND", title: "There is no such conferencecall" },
});
