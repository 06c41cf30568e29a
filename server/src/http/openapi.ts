// The contract: OpenAPI 3.1, made of the same objects that route and judge.
import { isDeepStrictEqual } from "node:util";
import type { TSchema } from "typebox";
import { declaredProblems, statuses } from "../kernel/problem.ts";
import type { AnyRoute, ReplyDoc } from "./route.ts";

type Node = Record<string, unknown>;

// Reasons that a route can have without naming them.
const reasons_of_all = ["RATE_LIMIT_EXCEEDED", "SERVICE_UNAVAILABLE", "INTERNAL"];
const reasons_of_callers = [
  "AUTHENTICATION_REQUIRED",
  "INVALID_CREDENTIALS",
  "TOKEN_EXPIRED",
  "TOKEN_REVOKED",
  "PERMISSION_DENIED",
];

/** The OpenAPI document of these routes. */
export function describeRoutes(routes: readonly AnyRoute[]): object {
  const named = new Map<string, unknown>();
  const paths: Record<string, Node> = {};
  for (const route of routes) {
    const path = paths[route.path] ?? {};
    path[route.method.toLowerCase()] = describeRoute(route, named);
    paths[route.path] = path;
  }
  const tags = [...new Set(routes.map((route) => route.tag))];
  return {
    openapi: "3.1.0",
    info: {
      title: "Parley",
      version: "1.0",
      description:
        "Conferences: containers that hold people's voice, video and chat, and keep the complete history of what was exchanged. Times are UTC as `YYYY-MM-DD HH:MM:SS.ffffff`; 9999-01-01 00:00:00.000000 has not happened. The nil UUID is no reference. Unknown members of a body are ignored where its schema allows more; members that are null and empty query parameters count as left out. A body has at most 256 KiB; its texts hold neither U+0000 nor halves of surrogate pairs, its numbers fit a double, no member stands twice.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: tags.map((name) => ({ name })),
    paths,
    components: {
      schemas: {
        ...Object.fromEntries([...named].toSorted(([a], [b]) => a.localeCompare(b))),
        Problem: problem_schema(),
      },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "A token or an access key." },
        token: { type: "apiKey", in: "query", name: "token" },
        accesskey: { type: "apiKey", in: "query", name: "accesskey" },
        cookie: { type: "apiKey", in: "cookie", name: "token" },
        resume_key: {
          type: "apiKey",
          in: "query",
          name: "resume_key",
          description:
            "The secret of one conferencecall, as `Location` brings it to who joined with a token in the query. For that conferencecall only; no more after a kick, or when the join token is taken back.",
        },
      },
    },
  };
}

function describeRoute(route: AnyRoute, named: Map<string, unknown>): Node {
  const parameters = [
    ...describeParameters(route.params, "path", named),
    ...describeParameters(route.query, "query", named),
  ];
  if (route.method === "POST" && route.auth !== "none") {
    parameters.push({
      name: "Idempotency-Key",
      in: "header",
      required: false,
      description:
        "Makes the request repeatable for 24 hours: the same key gives the first answer.",
      schema: { type: "string", pattern: "^[!-~]{1,255}$" },
    });
  }
  const content = {
    ...(route.body ? { "application/json": { schema: lift(bodyOf(route), named) } } : {}),
    ...Object.fromEntries(
      (route.texts ?? []).map((type) => [type, { schema: { type: "string" } }]),
    ),
  };
  const needs_body = route.texts !== undefined || requiredOf(route.body).length > 0;
  return {
    operationId: route.operation,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    ...(route.auth === "none"
      ? { security: [] }
      : {
          security: [
            ...[{ bearer: [] }, { token: [] }, { accesskey: [] }, { cookie: [] }],
            ...(route.by_resume_key ? [{ resume_key: [] }] : []),
          ],
        }),
    "x-auth": route.auth,
    ...(route.example ? { "x-example": route.example } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(Object.keys(content).length > 0 ? { requestBody: { required: needs_body, content } } : {}),
    responses: { ...describeReplies(route.replies, named), ...describeProblems(route) },
  };
}

// What a route refuses is not described as allowed.
const bodyOf = ({ body, is_closed }: AnyRoute): unknown => (is_closed ? close(body) : body);

function close(schema: unknown): unknown {
  const { properties } = (schema ?? {}) as { properties?: Record<string, unknown> };
  if (properties === undefined) return schema;
  const closed = Object.entries(properties).map(([name, one]) => [name, close(one)]);
  return {
    ...(schema as object),
    properties: Object.fromEntries(closed),
    additionalProperties: false,
  };
}

const requiredOf = (schema: TSchema | undefined): readonly string[] =>
  (schema as { required?: string[] } | undefined)?.required ?? [];

function describeParameters(
  schema: TSchema | undefined,
  place: "path" | "query",
  named: Map<string, unknown>,
): Node[] {
  const properties = (schema as { properties?: Record<string, TSchema> } | undefined)?.properties;
  const required = requiredOf(schema);
  return Object.entries(properties ?? {}).map(([name, property]) => {
    const { description, ...rest } = lift(property, named) as Node;
    return {
      name,
      in: place,
      required: place === "path" || required.includes(name),
      ...(description ? { description } : {}),
      schema: rest,
    };
  });
}

function describeReplies(
  replies: Readonly<Record<number, ReplyDoc>>,
  named: Map<string, unknown>,
): Node {
  return Object.fromEntries(
    Object.entries(replies).map(([status, reply]) => [
      status,
      {
        description: reply.description,
        ...(reply.headers
          ? {
              headers: Object.fromEntries(
                Object.entries(reply.headers).map(([name, description]) => [
                  name,
                  { description, schema: { type: "string" } },
                ]),
              ),
            }
          : {}),
        ...(reply.schema || reply.texts ? { content: describeContent(reply, named) } : {}),
      },
    ]),
  );
}

const describeContent = ({ schema, texts = [] }: ReplyDoc, named: Map<string, unknown>): Node => ({
  ...(schema ? { "application/json": { schema: lift(schema, named) } } : {}),
  ...Object.fromEntries(texts.map((type) => [type, { schema: { type: "string" } }])),
});

function describeProblems(route: AnyRoute): Node {
  const known = declaredProblems();
  const by_status = new Map<number, string[]>();
  const reasons = [
    ...(route.auth === "none" ? [] : reasons_of_callers),
    ...(route.body ? ["INVALID_ARGUMENT", "INVALID_JSON_BODY", "BODY_TOO_LARGE"] : []),
    ...(route.texts ? ["MEDIA_TYPE_NOT_SUPPORTED"] : []),
    ...(route.params ? ["INVALID_ID"] : []),
    ...(route.query ? ["INVALID_REQUEST_PARAMETER"] : []),
    ...(route.method === "POST" && route.auth !== "none" ? ["IDEMPOTENCY_KEY_REUSED"] : []),
    ...(route.problems ?? []),
    ...reasons_of_all,
  ];
  for (const reason of new Set(reasons)) {
    const kind = known.get(reason);
    if (!kind) throw new Error(`${route.method} ${route.path}: no problem is named ${reason}`);
    const status = kind.http ?? statuses[kind.status];
    by_status.set(status, [...(by_status.get(status) ?? []), reason]);
  }
  return Object.fromEntries(
    [...by_status]
      .toSorted(([a], [b]) => a - b)
      .map(([status, given]) => [
        status,
        {
          description: given
            .map((reason) => `\`${reason}\` ${known.get(reason)?.title}`)
            .join("; "),
          content: { "application/json": { schema: { $ref: "#/components/schemas/Problem" } } },
        },
      ]),
  );
}

const problem_schema = (): Node => ({
  type: "object",
  description: "Every failure.",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["status", "reason", "message", "request_id"],
      properties: {
        status: { type: "string", enum: Object.keys(statuses) },
        reason: { type: "string", enum: [...declaredProblems().keys()].toSorted() },
        message: { type: "string", description: "For people." },
        request_id: { type: "string" },
        details: { type: "array", items: { type: "object" } },
      },
    },
  },
});

// Schemas with a title stand once, under that name.
function lift(schema: unknown, named: Map<string, unknown>): unknown {
  if (Array.isArray(schema)) return schema.map((one) => lift(one, named));
  if (typeof schema !== "object" || schema === null) return schema;
  const lifted: Node = {};
  for (const [key, value] of Object.entries(schema)) lifted[key] = lift(value, named);
  // Generators of typed clients need the type of an enum, too.
  const { enum: values } = lifted;
  if (Array.isArray(values) && lifted["type"] === undefined) {
    const kinds = new Set(values.map((one) => (Number.isInteger(one) ? "integer" : typeof one)));
    const [kind] = kinds;
    if (kinds.size === 1) lifted["type"] = kind;
  }
  const { title, ...rest } = lifted;
  if (typeof title !== "string") return lifted;
  const known = named.get(title);
  if (known !== undefined && !isDeepStrictEqual(known, rest)) {
    throw new Error(`two schemas are named ${title}`);
  }
  named.set(title, rest);
  return { $ref: `#/components/schemas/${title}` };
}

/** The catalogue of problems, for the contract. */
export const describeCatalogue = (): object =>
  Object.fromEntries(
    [...declaredProblems()]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([reason, { status, title, http }]) => [
        reason,
        { status, http: http ?? statuses[status], title },
      ]),
  );
