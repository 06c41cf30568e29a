// Routes of joins. Making, trickling and restarting one is next door.
import { Type } from "typebox";
import type { Conferencecalls } from "../domain/conference/index.ts";
import { Conferencecall, conferencecallMachine } from "../domain/conferencecall/index.ts";
import type { ConferencecallId, ConferenceId } from "../kernel/id.ts";
import { page_query, pageFrom, pageOf } from "./paging.ts";
import { type AnyRoute, route } from "./route.ts";

/** The path of one join. */
export const conferencecall_params = Type.Object({
  id: Type.Unsafe<ConferencecallId>(
    Type.String({ format: "uuid", description: "The conferencecall." }),
  ),
});

/** Routes of `/v1.0/conferencecalls`. */
export function conferencecallRoutes(ports: { conferencecalls: Conferencecalls }): AnyRoute[] {
  const { conferencecalls } = ports;
  const shown = { 200: { description: "The conferencecall.", schema: Conferencecall } };
  return [
    route({
      method: "GET",
      path: "/v1.0/conferencecalls",
      operation: "listConferencecalls",
      is_list: true,
      auth: "any",
      tag: "Conferencecalls",
      summary: "List joins, newest first",
      description: "Also those that have ended. With a join token: of its conference.",
      query: Type.Object({
        ...page_query,
        conference_id: Type.Optional(
          Type.Unsafe<ConferenceId>(Type.String({ format: "uuid", description: "Of this one." })),
        ),
        status: Type.Optional(Type.Enum([...conferencecallMachine.states])),
      }),
      replies: { 200: { description: "A page.", schema: pageOf(Conferencecall) } },
      run: ({ caller, query }) =>
        conferencecalls.list(caller, pageFrom(query), {
          ...(query.conference_id ? { conference_id: query.conference_id } : {}),
          ...(query.status ? { status: query.status } : {}),
        }),
    }),
    route({
      method: "GET",
      path: "/v1.0/conferencecalls/{id}",
      operation: "getConferencecall",
      auth: "any",
      tag: "Conferencecalls",
      summary: "Read a join",
      params: conferencecall_params,
      replies: shown,
      problems: ["CONFERENCECALL_NOT_FOUND"],
      run: ({ caller, params }) => conferencecalls.get(caller, params.id),
    }),
    route({
      method: "DELETE",
      path: "/v1.0/conferencecalls/{id}",
      operation: "removeConferencecall",
      auth: "any",
      by_resume_key: true,
      tag: "Conferencecalls",
      summary: "Remove somebody (kick), or leave",
      description:
        "By the customer or a host: `leaving` now, `leaved` when the media side confirms. With the join token that made it: leaves at once. Again: changes nothing. Who is removed does not come back with the same join token, unless `ban` is false; others who are in with it stay, but for a host's.",
      params: conferencecall_params,
      query: Type.Object({
        ban: Type.Optional(
          Type.Boolean({
            description: "Whether the join token is barred, too; true when left out.",
          }),
        ),
      }),
      replies: shown,
      problems: ["CONFERENCECALL_NOT_FOUND"],
      run: ({ caller, params, query }) => conferencecalls.kick(caller, params.id, query),
    }),
  ];
}
