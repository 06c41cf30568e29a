// Routes of conferences.
import { Type } from "typebox";
import {
  Conference,
  ConferenceChanges,
  type Conferences,
  CreatedJoinToken,
  conference_types,
  conferenceMachine,
  JoinToken,
  type JoinTokens,
  NewConference,
  NewJoinToken,
} from "../domain/conference/index.ts";
import type { Instant } from "../kernel/clock.ts";
import { eventTypes } from "../kernel/event.ts";
import type { ConferenceId } from "../kernel/id.ts";
import { limits } from "../kernel/limits.ts";
import { problems } from "../kernel/problem.ts";
import { readTimestamp, writeTimestamp } from "../kernel/wire.ts";
import { page_query, pageFrom, pageOf } from "./paging.ts";
import { type AnyRoute, route } from "./route.ts";

/** The path of one conference. */
export const conference_params = Type.Object({
  id: Type.Unsafe<ConferenceId>(Type.String({ format: "uuid", description: "The conference." })),
});

/** A line of the journal as it is shown. */
export const Event = Type.Object(
  {
    id: Type.String({ format: "uuid" }),
    seq: Type.Integer({ description: "1, 2, 3, … within the conference, without gaps." }),
    type: Type.Enum([...eventTypes]),
    data: Type.Record(Type.String(), Type.Unknown(), { description: "The resource after it." }),
    actor: Type.Object(
      {
        type: Type.Enum(["agent", "accesskey", "conferencecall", "system"]),
        id: Type.Union([Type.String({ format: "uuid" }), Type.Null()]),
      },
      { title: "Actor", description: "Who did it." },
    ),
    cause: Type.Union([Type.String(), Type.Null()]),
    tm: Type.String({ description: "UTC." }),
  },
  { title: "Event", description: "Something that happened." },
);

/** A page of the journal. */
const EventPage = Type.Object(
  {
    result: Type.Array(Event),
    next_after: Type.Union([Type.Integer(), Type.Null()], {
      description: "`after` of the next page; null when nothing follows.",
    }),
  },
  { title: "EventPage", description: "A page of a conference's history, oldest first." },
);

/** Characters of a search, at most. */
const search_length_max = 200;

// No text of ours holds the character that the database cannot hold, either.
const searchFrom = (text = ""): { search?: string } => {
  const search = text.replaceAll("\0", "").trim();
  return search === "" ? {} : { search };
};

/** Reads a time of a query. Errors: INVALID_REQUEST_PARAMETER. */
function momentFrom<Name extends string>(
  field: Name,
  text: string | undefined,
): { [field in Name]?: Instant } {
  if (!text) return {};
  const at = readTimestamp(text);
  if (at === null) {
    throw problems.INVALID_REQUEST_PARAMETER({
      message: `${field} is neither a timestamp of ours nor RFC 3339`,
      details: [{ field }],
    });
  }
  return { [field]: at } as { [field in Name]?: Instant };
}

/** Routes of `/v1.0/conferences`. */
export function conferenceRoutes({ conferences }: { conferences: Conferences }): AnyRoute[] {
  const shown = { 200: { description: "The conference.", schema: Conference } };
  return [
    route({
      method: "GET",
      path: "/v1.0/conferences",
      operation: "listConferences",
      is_list: true,
      auth: "customer",
      tag: "Conferences",
      summary: "List conferences, newest first",
      description: "Without those that were ended, unless `status` asks for them.",
      query: Type.Object({
        ...page_query,
        type: Type.Optional(Type.Enum([...conference_types])),
        status: Type.Optional(
          Type.Enum([...conferenceMachine.states, "all"] as const, {
            description: "`all`: in every state. Those that were not ended when left out.",
          }),
        ),
        search: Type.Optional(
          Type.String({
            maxLength: search_length_max,
            description: "Part of the name, the detail or the id, in upper or lower case.",
          }),
        ),
        created_from: Type.Optional(
          Type.String({ description: "Created then or later; a time as `page_token` takes it." }),
        ),
        created_to: Type.Optional(Type.String({ description: "Created before then." })),
      }),
      replies: { 200: { description: "A page.", schema: pageOf(Conference) } },
      run: ({ caller, query }) =>
        conferences.list(caller, pageFrom(query), {
          ...(query.type ? { type: query.type } : {}),
          ...(query.status ? { status: query.status } : {}),
          ...searchFrom(query.search),
          ...momentFrom("created_from", query.created_from),
          ...momentFrom("created_to", query.created_to),
        }),
    }),
    route({
      method: "POST",
      path: "/v1.0/conferences",
      operation: "createConference",
      starts: true,
      auth: "customer",
      tag: "Conferences",
      summary: "Create a conference",
      body: NewConference,
      replies: shown,
      problems: ["INVALID_ACTION_TYPE", "CONFERENCE_EXISTS", "LIMIT_EXCEEDED"],
      example: `curl "$URL/v1.0/conferences?token=$TOKEN" --data-raw '{"type": "conference", "name": "test conference"}'`,
      run: ({ caller, body, sealed }) => conferences.create(caller, body, sealed),
    }),
    route({
      method: "GET",
      path: "/v1.0/conferences/{id}",
      operation: "getConference",
      auth: "any",
      tag: "Conferences",
      summary: "Read a conference",
      description: "Also after its end.",
      params: conference_params,
      replies: shown,
      problems: ["CONFERENCE_NOT_FOUND"],
      run: ({ caller, params }) => conferences.getText(caller, params.id),
    }),
    route({
      method: "PUT",
      path: "/v1.0/conferences/{id}",
      operation: "updateConference",
      auth: "customer",
      tag: "Conferences",
      summary: "Change a conference",
      description:
        "What is left out keeps its value. A `timeout` counts from now; 0 takes it away. Calls that are in keep the actions they came with.",
      params: conference_params,
      body: ConferenceChanges,
      replies: shown,
      problems: ["CONFERENCE_NOT_FOUND", "STATE_INVALID", "INVALID_ACTION_TYPE"],
      run: ({ caller, params, body }) => conferences.update(caller, params.id, body),
    }),
    route({
      method: "DELETE",
      path: "/v1.0/conferences/{id}",
      operation: "endConference",
      auth: "any",
      tag: "Conferences",
      summary: "End a conference",
      description:
        "Nobody can join any more, everybody is removed, then it is `terminated`. Ending it again changes nothing. Hosts may do this too.",
      params: conference_params,
      replies: shown,
      problems: ["CONFERENCE_NOT_FOUND"],
      run: ({ caller, params }) => conferences.end(caller, params.id),
    }),
    ...joinTokenRoutes(conferences.joinTokens),
    eventsRoute(conferences),
  ];
}

function joinTokenRoutes(joinTokens: JoinTokens): AnyRoute[] {
  const tag = "Conferences";
  const path = "/v1.0/conferences/{id}/join_tokens" as const;
  return [
    route({
      method: "POST",
      path,
      operation: "createJoinToken",
      starts: true,
      auth: "any",
      tag,
      summary: "Make a link",
      description:
        "For one person, or for as many at a time as `max_joins` says. Hosts may do this too: for no higher role, for no longer than their own link lasts, for at most 25 people at a time.",
      params: conference_params,
      body: NewJoinToken,
      is_closed: true,
      replies: { 200: { description: "The token and the link.", schema: CreatedJoinToken } },
      problems: ["CONFERENCE_NOT_FOUND", "STATE_INVALID", "LIMIT_EXCEEDED"],
      run: ({ caller, params, body }) => joinTokens.create(caller, params.id, body),
    }),
    route({
      method: "GET",
      path,
      operation: "listJoinTokens",
      is_list: true,
      auth: "any",
      tag,
      summary: "List links, newest first",
      description: "Those that are good. A host sees those that their own link made.",
      params: conference_params,
      query: Type.Object(page_query),
      replies: { 200: { description: "A page.", schema: pageOf(JoinToken) } },
      problems: ["CONFERENCE_NOT_FOUND"],
      run: ({ caller, params, query }) => joinTokens.list(caller, params.id, pageFrom(query)),
    }),
    route({
      method: "DELETE",
      path: `${path}/{token_id}`,
      operation: "revokeJoinToken",
      auth: "any",
      tag,
      summary: "Take a link back",
      description:
        "At once: nothing can be done with the token any more, its sockets are closed and who is in with it is removed, and so are links that it made and that nobody is in with. A host takes back those that their own link made. Again: changes nothing.",
      params: Type.Object({
        ...conference_params.properties,
        token_id: Type.String({ format: "uuid", description: "The token's `id`." }),
      }),
      replies: { 200: { description: "The token that was.", schema: JoinToken } },
      problems: ["CONFERENCE_NOT_FOUND", "JOIN_TOKEN_NOT_FOUND"],
      run: ({ caller, params }) => joinTokens.remove(caller, params.id, params.token_id),
    }),
  ];
}

const eventsRoute = (conferences: Conferences): AnyRoute =>
  route({
    method: "GET",
    path: "/v1.0/conferences/{id}/events",
    operation: "listEvents",
    is_list: true,
    auth: "any",
    tag: "Conferences",
    summary: "Read the history, oldest first",
    description: "Kept after the end. Go on with `after` = `next_after` until that is null.",
    params: conference_params,
    query: Type.Object({
      after: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: Number.MAX_SAFE_INTEGER,
          description: "Events with a higher `seq`; 0 when left out.",
        }),
      ),
      limit: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: limits.events_page_max,
          description: "100 when left out.",
        }),
      ),
    }),
    replies: {
      200: {
        description: "Events.",
        schema: EventPage,
      },
    },
    problems: ["CONFERENCE_NOT_FOUND"],
    async run({ caller, params, query }) {
      const found = await conferences.events(
        caller,
        params.id,
        query.after ?? 0,
        query.limit ?? 100,
      );
      return {
        result: found.events.map(({ id, seq, type, data, actor, cause, tm }) => ({
          id,
          seq,
          type,
          data,
          actor,
          cause,
          tm: writeTimestamp(tm),
        })),
        next_after: found.next_seq,
      };
    },
  });
