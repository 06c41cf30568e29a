// One message of a conference's chat: what is stored and what is shown.
import { type Static, Type } from "typebox";
import type { Instant } from "../../kernel/clock.ts";
import type { Actor } from "../../kernel/event.ts";
import type { ConferencecallId, ConferenceId, CustomerId, MessageId } from "../../kernel/id.ts";
import { writeReference, writeTimestamp } from "../../kernel/wire.ts";

/** One reaction, as it is stored. */
export interface ReactionRow {
  readonly emoji: string;
  readonly owner_type: Actor["type"];
  readonly owner_id: string;
  readonly tm_create: Instant;
}

/** A row of `conference_messages`. */
export interface MessageRow {
  readonly id: MessageId;
  readonly customer_id: CustomerId;
  readonly conference_id: ConferenceId;
  readonly owner_type: Actor["type"];
  readonly owner_id: string;
  readonly owner_name: string;
  /** Private: only this join, the author and the customer see it. */
  readonly target_conferencecall_id: ConferencecallId | null;
  readonly type: "normal" | "system";
  readonly text: string;
  readonly reactions: readonly ReactionRow[];
  /** The author's own name for it; a repeated one is the same message. */
  readonly client_id: string | null;
  readonly tm_create: Instant;
  readonly tm_update: Instant | null;
  readonly tm_delete: Instant | null;
}

/** Bounds of the chat. */
export const talk_limits = {
  /** Characters (code points) of a message. Above: INVALID_ARGUMENT. */
  text_length_max: 4_000,
  /** Characters of the author's own name for a message. */
  client_id_length_max: 64,
  /** UTF-16 units of an emoji: the longest of Unicode's own sequences has 15. */
  emoji_length_max: 32,
  /** Reactions to one message. Above: LIMIT_EXCEEDED. */
  reactions_max: 200,
} as const;

const uuid = (description: string) => Type.String({ format: "uuid", description });
const timestamp = (description: string) => Type.String({ description });
const owner_type = Type.Enum(["agent", "accesskey", "conferencecall", "system"]);

/** The resource as REST, the live socket and the journal show it. */
export const Message = Type.Object(
  {
    id: uuid("Names the message."),
    customer_id: uuid("Whose it is."),
    conference_id: uuid("The conference in whose chat it stands."),
    owner_type,
    owner_id: uuid("Who wrote it: a join, an agent or an access key."),
    owner_name: Type.String({ description: "The author's name at that time; may be empty." }),
    target_conferencecall_id: uuid(
      "Private: only this join, the author and the customer see it. Nil: everybody does.",
    ),
    type: Type.Enum(["normal", "system"]),
    text: Type.String({ description: "Plain text; empty when deleted." }),
    medias: Type.Array(Type.Unknown(), { description: "Reserved; empty." }),
    metadata: Type.Object({
      reactions: Type.Array(
        Type.Object(
          {
            emoji: Type.String(),
            owner_type,
            owner_id: uuid("Who reacted."),
            tm_create: timestamp("When, UTC."),
          },
          { title: "Reaction", description: "Somebody's reaction to a message." },
        ),
      ),
    }),
    tm_create: timestamp("When it was written, UTC."),
    tm_update: timestamp("When it last changed."),
    tm_delete: timestamp("When it was deleted."),
  },
  { title: "Message", description: "One message of a conference's chat." },
);
/** What {@link Message} describes. */
export type Message = Static<typeof Message>;

/** Body of `POST /conferences/{id}/messages`. */
export const NewMessage = Type.Object(
  {
    text: Type.String({
      minLength: 1,
      maxLength: talk_limits.text_length_max,
      description: "Plain text, more than white space.",
    }),
    target_conferencecall_id: Type.Optional(
      uuid("Only this join, the author and the customer see it. Nil: everybody does."),
    ),
    client_id: Type.Optional(
      Type.String({
        pattern: `^[A-Za-z0-9_-]{1,${talk_limits.client_id_length_max}}$`,
        description: "Your own name for the message: sent again, it stays one message.",
      }),
    ),
  },
  { title: "NewMessage", description: "A message to write." },
);
/** What {@link NewMessage} describes. */
export type NewMessage = Static<typeof NewMessage>;

/** Body of `POST /conferences/{id}/messages/{message_id}/reactions`. */
export const NewReaction = Type.Object(
  {
    emoji: Type.String({
      minLength: 1,
      maxLength: talk_limits.emoji_length_max,
      description: "One emoji.",
    }),
  },
  { title: "NewReaction", description: "A reaction to a message." },
);
/** What {@link NewReaction} describes. */
export type NewReaction = Static<typeof NewReaction>;

/** The resource from its row. */
export const showMessage = (row: MessageRow): Message => ({
  id: row.id,
  customer_id: row.customer_id,
  conference_id: row.conference_id,
  owner_type: row.owner_type,
  owner_id: row.owner_id,
  owner_name: row.owner_name,
  target_conferencecall_id: writeReference(row.target_conferencecall_id),
  type: row.type,
  text: row.tm_delete === null ? row.text : "",
  medias: [],
  metadata: {
    reactions: row.reactions.map((reaction) => ({
      emoji: reaction.emoji,
      owner_type: reaction.owner_type,
      owner_id: reaction.owner_id,
      tm_create: writeTimestamp(reaction.tm_create),
    })),
  },
  tm_create: writeTimestamp(row.tm_create),
  tm_update: writeTimestamp(row.tm_update),
  tm_delete: writeTimestamp(row.tm_delete),
});
