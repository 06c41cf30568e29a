// What can go wrong with customers and their agents.
import { catalogue } from "../../kernel/problem.ts";

/** Problems of customers and agents. */
export const customerProblems = catalogue({
  CUSTOMER_NOT_FOUND: { status: "NOT_FOUND", title: "There is no such customer" },
  AGENT_NOT_FOUND: { status: "NOT_FOUND", title: "There is no such agent" },
  USERNAME_TAKEN: { status: "ALREADY_EXISTS", title: "This user name is taken" },
});
