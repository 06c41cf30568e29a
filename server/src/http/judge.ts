// Judges path, query and body of a request by a route's schemas.
import type { TObject, TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { readName } from "../kernel/name.ts";
import { nearest } from "../kernel/nearest.ts";
import { type Problem, problems } from "../kernel/problem.ts";
import type { AnyRoute } from "./route.ts";

/** What a route's `run` is given of path, query and body. */
export interface Judge {
  params(given: Readonly<Record<string, string>>): object;
  query(given: Readonly<Record<string, string | string[]>>): object;
  body(given: unknown): JudgedBody;
}

/** A body, and what stood in it that nobody reads. */
export interface JudgedBody {
  readonly value: unknown;
  /** Names of members that the schema does not know, of the specification's resources; ours refuse them. */
  readonly ignored: readonly string[];
}

/** Compiles a route's schemas. */
export function createJudge(route: AnyRoute): Judge {
  const params = route.params && Compile(route.params);
  const query = route.query && Compile(route.query);
  const body = route.body && Compile(route.body);
  const query_schema = route.query;
  return {
    params(given) {
      if (!params) return given;
      const lower: Record<string, string> = {};
      for (const [key, value] of Object.entries(given)) {
        // An id has one spelling from here on: rows, caches and comparisons rely on it.
        lower[key] = isId(route.params, key) ? value.toLowerCase() : value;
      }
      if (!params.Check(lower)) {
        const field = firstField(params, lower);
        throw isId(route.params, field)
          ? problems.INVALID_ID({ message: `${field} is not a UUID`, details: [{ field }] })
          : refuse(params, lower, "", problems.INVALID_REQUEST_PARAMETER);
      }
      return lower;
    },
    query(given) {
      if (!query || !query_schema) return {};
      const read = readQuery(query_schema, given);
      if (!query.Check(read)) throw refuse(query, read, "", problems.INVALID_REQUEST_PARAMETER);
      return read;
    },
    body(given) {
      if (!body || !route.body) return { value: given, ignored: [] };
      const read = readNames(dropNulls(given));
      const unknown = unknownMembers(route.body, read, "");
      if (route.is_closed && unknown[0]) throw refuseUnknown(unknown);
      if (!body.Check(read)) throw refuse(body, read, "", problems.INVALID_ARGUMENT);
      return { value: read, ignored: unknown.map(({ field }) => field) };
    },
  };
}

const isId = (schema: TObject | undefined, key: string): boolean =>
  (schema?.properties[key] as { format?: string } | undefined)?.format === "uuid";

// A query has text only; what the schema calls a number or a boolean is read as one. Unknown keys are dropped.
function readQuery(
  schema: TObject,
  given: Readonly<Record<string, string | string[]>>,
): Record<string, unknown> {
  const read: Record<string, unknown> = {};
  for (const key of Object.keys(schema.properties)) {
    const value = given[key];
    if (value === undefined || value === "") continue;
    if (Array.isArray(value)) {
      throw problems.INVALID_REQUEST_PARAMETER({
        message: `${key} stands more than once in the query`,
        details: [{ field: key }],
      });
    }
    const type = (schema.properties[key] as { type?: string }).type;
    if ((type === "integer" || type === "number") && /^-?\d+(\.\d+)?$/.test(value)) {
      read[key] = Number(value);
    } else if (type === "boolean" && (value === "true" || value === "false")) {
      read[key] = value === "true";
    } else {
      read[key] = isId(schema, key) ? value.toLowerCase() : value;
    }
  }
  return read;
}

// A member that is null counts as left out: clients of several languages write absence so.
function dropNulls(given: unknown): unknown {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
}

// Members that others see as the name of somebody or something.
const name_members = ["name", "label"];

function readNames(given: unknown): unknown {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
  const read = given as Record<string, unknown>;
  const names = name_members.flatMap((key) => {
    const value = read[key];
    return typeof value === "string" ? [[key, readName(value, key)]] : [];
  });
  return names.length === 0 ? read : { ...read, ...Object.fromEntries(names) };
}

interface Unknown {
  readonly field: string;
  /** The nearest that is known; "" where nothing is. */
  readonly nearest: string;
}

// Below objects whose members the schema names; what is free is the caller's own.
function unknownMembers(schema: TSchema, given: unknown, prefix: string): Unknown[] {
  const properties = (schema as { properties?: Record<string, TSchema> }).properties;
  if (!properties || typeof given !== "object" || given === null || Array.isArray(given)) return [];
  return Object.entries(given).flatMap(([key, value]) => {
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (known) return unknownMembers(known, value, `${prefix}${key}.`);
    return [{ field: prefix + key, nearest: nearest(key, Object.keys(properties)) }];
  });
}

function refuseUnknown(unknown: readonly Unknown[]): Problem {
  const shown = unknown.slice(0, 10).map((one) => ({
    field: one.field.slice(0, 100),
    message: one.nearest === "" ? "is not known" : `is not known; did you mean ${one.nearest}?`,
  }));
  return problems.INVALID_ARGUMENT({
    message: `${shown[0]?.field} ${shown[0]?.message}`,
    details: shown,
  });
}

const place = (path: string): string => path.slice(1).replaceAll("/", ".");

function firstField(validator: Validator<Record<never, never>, TSchema>, value: unknown): string {
  const [error] = validator.Errors(value);
  return place(error?.instancePath ?? "");
}

function refuse(
  validator: Validator<Record<never, never>, TSchema>,
  value: unknown,
  prefix: string,
  make: (given: { message: string; details: { field: string; message: string }[] }) => Problem,
): Problem {
  const details = validator
    .Errors(value)
    .slice(0, 10)
    .map((error) => {
      const parameters = error.params as {
        requiredProperties?: string[];
        allowedValues?: unknown[];
      };
      const at = [prefix, place(error.instancePath)].filter(Boolean).join(".");
      const missing = parameters.requiredProperties?.[0];
      if (missing !== undefined) {
        return { field: [at, missing].filter(Boolean).join("."), message: "is missing" };
      }
      const allowed = parameters.allowedValues;
      return {
        field: at,
        message: allowed ? `must be one of ${allowed.join(", ")}` : error.message,
      };
    });
  const [first] = details;
  return make({
    message: first ? `${first.field || "the body"} ${first.message}` : "a value is not allowed",
    details,
  });
}
