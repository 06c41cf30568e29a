// The set-up of message channels. No channel can be configured yet, and the route says so.
import { Type } from "typebox";
import { catalogue } from "../kernel/problem.ts";
import { type AnyRoute, route } from "./route.ts";

/** Problems of conversations. */
export const conversationProblems = catalogue({
  CONVERSATION_ACCOUNT_NOT_CONFIGURED: {
    status: "FAILED_PRECONDITION",
    title: "No channel of this kind is configured",
  },
});

/** Routes of `/v1.0/conversations`. */
export function conversationRoutes(): AnyRoute[] {
  return [
    route({
      method: "POST",
      path: "/v1.0/conversations/setup",
      operation: "setUpConversation",
      starts: true,
      auth: "customer",
      tag: "Conversations",
      summary: "Set up a message channel",
      description: "`message` needs no set-up. `line` needs an account, which cannot be given yet.",
      body: Type.Object(
        { reference_type: Type.Enum(["line", "message"]) },
        { title: "ConversationSetup", description: "Which channel to set up." },
      ),
      replies: { 200: { description: "Done.", schema: Type.Object({}) } },
      problems: ["CONVERSATION_ACCOUNT_NOT_CONFIGURED"],
      run({ body }) {
        if (body.reference_type === "message") return {};
        throw conversationProblems.CONVERSATION_ACCOUNT_NOT_CONFIGURED({
          message: "no LINE account is configured for this customer",
        });
      },
    }),
  ];
}
