// What a caller may write about a conference.
import { type Static, Type } from "typebox";
import { problems } from "../../kernel/problem.ts";
import { roles } from "../customer/index.ts";
import { ActionInput, actions_max } from "../flow/index.ts";
import { conference_types } from "./record.ts";

/** Seconds; ten years. Above: INVALID_ARGUMENT. */
export const timeout_max = 315_360_000;
/** Bytes of `data` as JSON (conference.md A5). Above: INVALID_ARGUMENT. */
export const data_bytes_max = 64 * 1024;
/** Bytes of a join token's `metadata` as JSON: it travels in the link. Above: INVALID_ARGUMENT. */
export const metadata_bytes_max = 2 * 1024;
/** People who may be in with one join token at a time, at most. Above: INVALID_ARGUMENT. */
export const token_joins_max = 1_000;
/** Seconds that a join token is good for when nothing is said: a day. */
export const join_token_lifetime_s = 86_400;
/** Seconds that a join token may be good for: a year. */
export const join_token_lifetime_max_s = 31_536_000;

const fields = {
  name: Type.Optional(Type.String({ maxLength: 1_000 })),
  detail: Type.Optional(Type.String({ maxLength: 10_000 })),
  data: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: "Any object of yours, up to 64 KiB of JSON.",
    }),
  ),
  timeout: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: timeout_max,
      description: "Seconds until it ends by itself, counted from now; 0 = never.",
    }),
  ),
  pre_actions: Type.Optional(Type.Array(ActionInput, { maxItems: actions_max })),
  post_actions: Type.Optional(Type.Array(ActionInput, { maxItems: actions_max })),
};

/** Body of `POST /conferences`. */
export const NewConference = Type.Object(
  {
    id: Type.Optional(
      Type.String({
        format: "uuid",
        description:
          "Your own id. The same request again gives the same conference; another one under this id is refused.",
      }),
    ),
    type: Type.Enum([...conference_types]),
    ...fields,
  },
  { title: "NewConference", description: "A conference to create." },
);
/** What {@link NewConference} describes. */
export type NewConference = Static<typeof NewConference>;

/** Body of `PUT /conferences/{id}`: what is left out keeps its value. */
export const ConferenceChanges = Type.Object(fields, {
  title: "ConferenceChanges",
  description: "What of a conference changes; what is left out keeps its value.",
});
/** What {@link ConferenceChanges} describes. */
export type ConferenceChanges = Static<typeof ConferenceChanges>;

/** Body of `POST /conferences/{id}/join_tokens`. */
export const NewJoinToken = Type.Object(
  {
    name: Type.Optional(
      Type.String({ maxLength: 100, description: "The name others see; may be asked for later." }),
    ),
    role: Type.Optional(Type.Enum([...roles], { description: "`member` when left out." })),
    label: Type.Optional(
      Type.String({ maxLength: 100, description: "Your own mark on the join." }),
    ),
    metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    expires_in: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: join_token_lifetime_max_s,
        description: "Seconds; a day when left out.",
      }),
    ),
    expire: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: join_token_lifetime_max_s,
        description: "Another name of `expires_in`.",
      }),
    ),
    max_joins: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: token_joins_max,
        description: "People who may be in with it at a time; 5 when left out.",
      }),
    ),
  },
  { title: "NewJoinToken", description: "A link to make." },
);
/** What {@link NewJoinToken} describes. */
export type NewJoinToken = Static<typeof NewJoinToken>;

const join_token = {
  id: Type.String({ description: "Names the token; takes it back." }),
  conference_id: Type.String({ format: "uuid" }),
  role: Type.Enum([...roles]),
  name: Type.String(),
  label: Type.String(),
  max_joins: Type.Integer({ description: "People who may be in with it at a time." }),
  tm_create: Type.String({ description: "When it was made, UTC." }),
  tm_expire: Type.String({ description: "When it ends, UTC." }),
};

/** A join token as it is shown. */
export const JoinToken = Type.Object(join_token, {
  title: "JoinToken",
  description: "A link into one conference. The token itself is shown once, when it is made.",
});
/** What {@link JoinToken} describes. */
export type JoinToken = Static<typeof JoinToken>;

/** Answer of `POST /conferences/{id}/join_tokens`. */
export const CreatedJoinToken = Type.Object(
  {
    ...join_token,
    token: Type.String({
      description: "The credential: join, live socket, chat of one conference.",
    }),
    url: Type.String({ description: "The meeting page with the token in its fragment." }),
  },
  { title: "CreatedJoinToken", description: "A link into one conference, with its secret." },
);
/** What {@link CreatedJoinToken} describes. */
export type CreatedJoinToken = Static<typeof CreatedJoinToken>;

/** Refuses an object whose JSON is too long. Errors: INVALID_ARGUMENT. */
export function requireBytes(field: string, value: unknown, bytes_max: number): void {
  const bytes = Buffer.byteLength(JSON.stringify(value ?? null));
  if (bytes <= bytes_max) return;
  throw problems.INVALID_ARGUMENT({
    message: `${field} has ${bytes} bytes of JSON; ${bytes_max} are allowed`,
    details: [{ field, limit: bytes_max }],
  });
}
