// What can go wrong in the chat.
import { catalogue } from "../../kernel/problem.ts";

/** Problems of the chat. */
export const talkProblems = catalogue({
  CONFERENCE_NOT_FOUND: { status: "NOT_FOUND", title: "There is no such conference" },
  TALK_MESSAGE_NOT_FOUND: { status: "NOT_FOUND", title: "There is no such message" },
});
