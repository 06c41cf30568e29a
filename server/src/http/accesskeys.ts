// Routes of access keys.
import { Type } from "typebox";
import {
  Accesskey,
  AccesskeyChanges,
  type Accesskeys,
  type Authenticator,
  CreatedAccesskey,
  NewAccesskey,
} from "../domain/accesskey/index.ts";
import type { AccesskeyId } from "../kernel/id.ts";
import { page_query, pageFrom, pageOf } from "./paging.ts";
import { type AnyRoute, route } from "./route.ts";

const params = Type.Object({
  id: Type.Unsafe<AccesskeyId>(Type.String({ format: "uuid", description: "The access key." })),
});

/** Routes of `/v1.0/accesskeys`. */
export function accesskeyRoutes(ports: {
  accesskeys: Accesskeys;
  authenticator: Authenticator;
}): AnyRoute[] {
  const { accesskeys } = ports;
  const tag = "Access keys";
  const shown = { 200: { description: "The access key.", schema: Accesskey } };
  return [
    route({
      method: "GET",
      path: "/v1.0/accesskeys",
      operation: "listAccesskeys",
      is_list: true,
      auth: "customer",
      tag,
      summary: "List access keys, newest first",
      query: Type.Object(page_query),
      replies: { 200: { description: "A page.", schema: pageOf(Accesskey) } },
      run: ({ caller, query }) => accesskeys.list(caller, pageFrom(query)),
    }),
    route({
      method: "POST",
      path: "/v1.0/accesskeys",
      operation: "createAccesskey",
      starts: true,
      auth: "customer",
      tag,
      summary: "Make an access key",
      description: "`token` is the key itself and is shown in this answer only.",
      body: NewAccesskey,
      is_closed: true,
      replies: { 200: { description: "The key, once.", schema: CreatedAccesskey } },
      run: ({ caller, body, sealed }) => accesskeys.create(caller, body, sealed),
    }),
    route({
      method: "GET",
      path: "/v1.0/accesskeys/{id}",
      operation: "getAccesskey",
      auth: "customer",
      tag,
      summary: "Read an access key",
      params,
      replies: shown,
      problems: ["ACCESSKEY_NOT_FOUND"],
      run: (ask) => accesskeys.get(ask.caller, ask.params.id),
    }),
    route({
      method: "PUT",
      path: "/v1.0/accesskeys/{id}",
      operation: "updateAccesskey",
      auth: "customer",
      tag,
      summary: "Rename an access key",
      params,
      body: AccesskeyChanges,
      is_closed: true,
      replies: shown,
      problems: ["ACCESSKEY_NOT_FOUND"],
      run: (ask) => accesskeys.update(ask.caller, ask.params.id, ask.body),
    }),
    route({
      method: "DELETE",
      path: "/v1.0/accesskeys/{id}",
      operation: "deleteAccesskey",
      auth: "customer",
      tag,
      summary: "Take an access key back, at once",
      params,
      replies: shown,
      problems: ["ACCESSKEY_NOT_FOUND"],
      async run(ask) {
        const gone = await accesskeys.remove(ask.caller, ask.params.id);
        ports.authenticator.forget(gone.id);
        return gone;
      },
    }),
  ];
}
