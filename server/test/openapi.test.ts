// The description of the interface, held against what makers of clients need and against what the server does.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Rest, startRest } from "./rest.ts";

interface Schema {
  readonly $ref?: string;
  readonly type?: string | string[];
  readonly description?: string;
  readonly enum?: unknown[];
  readonly pattern?: string;
  readonly additionalProperties?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
}
type Content = Readonly<Record<string, { readonly schema: Schema }>>;
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

// The written one has the routes of every noun; `npm run check` keeps it in step with the sources.
const contract = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../contract/openapi.json"), "utf8"),
) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};
const operations = Object.entries(contract.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);
const operationAt = (method: string, path: string): Operation => {
  const found = contract.paths[path]?.[method];
  assert.ok(found, `${method} ${path} is not described`);
  return found;
};

let rest: Rest;
before(async () => {
  rest = await startRest();
});
after(() => rest.close());

test("every_operation_has_a_name_of_its_own_that_begins_with_a_verb", () => {
  const verbs =
    "add|create|delete|end|get|join|list|log|remove|revoke|set|start|stop|update|send|test";
  const names = operations.map(({ operation }) => operation.operationId);
  assert.equal(new Set(names).size, names.length);
  // A name that a language reserves, or two that differ in case only, break somebody's client.
  assert.equal(new Set(names.map((name) => name.toLowerCase())).size, names.length);
  for (const name of names) assert.match(name, new RegExp(`^(${verbs})([A-Z][a-z]+)+$`));
});

test("every_named_schema_says_its_type_and_what_it_is", () => {
  for (const [name, schema] of Object.entries(contract.components.schemas)) {
    assert.match(name, /^([A-Z][a-z]+)+$/);
    assert.equal(schema.type, "object", name);
    assert.ok((schema.description ?? "").length > 5, `${name} has no description`);
    assert.ok(Object.keys(schema.properties ?? {}).length > 0, `${name} has no members`);
  }
});

test("every_body_of_an_operation_has_a_named_schema", () => {
  const isNamed = ({ $ref, properties }: Schema): boolean =>
    $ref !== undefined || Object.keys(properties ?? {}).length === 0;
  for (const { operation } of operations) {
    const bodies = [operation.requestBody, ...Object.values(operation.responses)];
    for (const schema of bodies.map((body) => body?.content?.["application/json"]?.schema)) {
      if (schema) assert.ok(isNamed(schema), `${operation.operationId}: ${JSON.stringify(schema)}`);
    }
  }
});

test("every_enum_has_a_type_and_no_value_twice", () => {
  let count = 0;
  const walk = (node: unknown, at: string): void => {
    if (typeof node !== "object" || node === null) return;
    const { enum: values, type } = node as Schema;
    if (Array.isArray(values)) {
      count += 1;
      assert.ok(type === "string" || type === "integer", `${at} has the type ${type}`);
      assert.equal(new Set(values).size, values.length, at);
    }
    for (const [key, value] of Object.entries(node)) walk(value, `${at}/${key}`);
  };
  walk(contract, "");
  assert.ok(count > 15, `${count} enums were found`);
});

test("a_body_is_described_as_closed_just_where_unknown_members_are_refused", async () => {
  const schemaOf = (operation: Operation): Schema => {
    const { $ref } = operation.requestBody?.content["application/json"]?.schema ?? {};
    return contract.components.schemas[$ref?.split("/").at(-1) ?? ""] ?? {};
  };
  let closed = 0;
  const own = rest.openapi.paths as typeof contract.paths;
  for (const [path, methods] of Object.entries(own)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (!operation.requestBody || path.startsWith("/auth/")) continue;
      const id = crypto.randomUUID();
      const reply = await rest.ask(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, id), {
        body: { nobodyKnowsThis: 1 },
      });
      const is_refused = reply.body?.error?.details?.[0]?.field === "nobodyKnowsThis";
      const is_closed = schemaOf(operation).additionalProperties === false;
      assert.equal(is_closed, is_refused, `${method} ${path}: ${reply.text}`);
      closed += is_closed ? 1 : 0;
    }
  }
  assert.ok(closed >= 5, `${closed} bodies are closed`);
});

test("an_idempotency_key_is_taken_just_where_it_fits_its_description", async () => {
  const { parameters = [] } = operationAt("post", "/v1.0/conferences");
  const described = parameters.find(({ name }) => name === "Idempotency-Key")?.schema.pattern;
  const fits = new RegExp(described ?? "(?!)");
  const keys = ["k", "a b", "!~", "x".repeat(255), "x".repeat(256), "\u00e4"];
  for (const key of keys) {
    const reply = await rest.ask("POST", "/v1.0/conferences", {
      body: { type: "conference" },
      headers: { "Idempotency-Key": key },
    });
    assert.equal(reply.status, fits.test(key) ? 200 : 400, key);
  }
});

test("a_message_s_own_name_is_described_as_it_is_read", () => {
  const { client_id } = contract.components.schemas["NewMessage"]?.properties ?? {};
  const fits = new RegExp(client_id?.pattern ?? "");
  const names = ["a", "a-B_9", "", "a b", "\u00e4", "x".repeat(64), "x".repeat(65), "a\n"];
  assert.deepEqual(
    names.filter((name) => fits.test(name)),
    ["a", "a-B_9", "x".repeat(64)],
  );
});

test("what_answers_sdp_with_sdp_says_so", () => {
  const types = (operation: Operation, status: string): string[] =>
    Object.keys(operation.responses[status]?.content ?? {});
  assert.deepEqual(types(operationAt("post", "/v1.0/conferences/{id}/conferencecalls"), "201"), [
    "application/json",
    "application/sdp",
  ]);
  assert.deepEqual(types(operationAt("patch", "/v1.0/conferencecalls/{id}"), "200"), [
    "application/json",
    "application/trickle-ice-sdpfrag",
  ]);
});
