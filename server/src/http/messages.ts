// Routes of a conference's chat.
import { Type } from "typebox";
import { Message, NewMessage, NewReaction, type Talk, talk_limits } from "../domain/talk/index.ts";
import type { ConferenceId, MessageId } from "../kernel/id.ts";
import { page_query, pageFrom, pageOf } from "./paging.ts";
import { type AnyRoute, route } from "./route.ts";

const conference_id = Type.Unsafe<ConferenceId>(
  Type.String({ format: "uuid", description: "The conference." }),
);
const message_id = Type.Unsafe<MessageId>(
  Type.String({ format: "uuid", description: "The message." }),
);
const emoji = Type.String({
  minLength: 1,
  maxLength: talk_limits.emoji_length_max,
  description: "The emoji, percent-encoded.",
});
const shown = { 200: { description: "The message.", schema: Message } };
const missing = ["CONFERENCE_NOT_FOUND", "TALK_MESSAGE_NOT_FOUND"] as const;

/** Routes of `/v1.0/conferences/{id}/messages`. */
export function messageRoutes({ talk }: { readonly talk: Talk }): AnyRoute[] {
  const tag = "Messages";
  return [
    route({
      method: "GET",
      path: "/v1.0/conferences/{id}/messages",
      operation: "listMessages",
      is_list: true,
      auth: "any",
      tag,
      summary: "List a conference's messages, newest first",
      description:
        "Private messages only for their author, their target and the customer. Deleted ones stay as empty places.",
      params: Type.Object({ id: conference_id }),
      query: Type.Object(page_query),
      replies: { 200: { description: "A page.", schema: pageOf(Message) } },
      problems: ["CONFERENCE_NOT_FOUND"],
      run: ({ caller, params, query }) => talk.list(caller, params.id, pageFrom(query)),
    }),
    route({
      method: "POST",
      path: "/v1.0/conferences/{id}/messages",
      operation: "createMessage",
      auth: "any",
      tag,
      summary: "Write a message",
      description:
        "By the customer at any time until the conference is over, by people while they are in it. With `client_id`, a repeated request stays one message.",
      params: Type.Object({ id: conference_id }),
      body: NewMessage,
      is_closed: true,
      replies: shown,
      problems: ["CONFERENCE_NOT_FOUND", "STATE_INVALID", "PERMISSION_DENIED", "LIMIT_EXCEEDED"],
      run: ({ caller, params, body, sealed }) =>
        talk.post(
          caller,
          params.id,
          body,
          sealed ? { sealed: (tx, made) => sealed(tx, made) } : {},
        ),
    }),
    route({
      method: "DELETE",
      path: "/v1.0/conferences/{id}/messages/{message_id}",
      operation: "deleteMessage",
      auth: "any",
      tag,
      summary: "Empty a message",
      description: "By its author, hosts and the customer. Again: changes nothing.",
      params: Type.Object({ id: conference_id, message_id }),
      replies: shown,
      problems: [...missing, "PERMISSION_DENIED", "STATE_INVALID"],
      run: ({ caller, params }) => talk.remove(caller, params.id, params.message_id),
    }),
    route({
      method: "POST",
      path: "/v1.0/conferences/{id}/messages/{message_id}/reactions",
      operation: "addReaction",
      auth: "any",
      tag,
      summary: "React to a message",
      description: "Again: changes nothing.",
      params: Type.Object({ id: conference_id, message_id }),
      body: NewReaction,
      is_closed: true,
      replies: shown,
      problems: [...missing, "LIMIT_EXCEEDED", "STATE_INVALID"],
      run: ({ caller, params, body }) =>
        talk.react(caller, params.id, params.message_id, body.emoji),
    }),
    route({
      method: "DELETE",
      path: "/v1.0/conferences/{id}/messages/{message_id}/reactions/{emoji}",
      operation: "removeReaction",
      auth: "any",
      tag,
      summary: "Take a reaction back",
      description: "Again: changes nothing.",
      params: Type.Object({ id: conference_id, message_id, emoji }),
      replies: shown,
      problems: [...missing, "STATE_INVALID"],
      run: ({ caller, params }) => talk.unreact(caller, params.id, params.message_id, params.emoji),
    }),
  ];
}
