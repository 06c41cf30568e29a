// What can go wrong with an access key.
import { catalogue } from "../../kernel/problem.ts";

/** Problems of access keys. */
export const accesskeyProblems = catalogue({
  ACCESSKEY_NOT_FOUND: { status: "NOT_FOUND", title: "There is no such access key" },
});
