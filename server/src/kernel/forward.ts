// Times of an object never go back, whatever the machine's clock does.
import { type RawBuilder, sql } from "kysely";

// Not when something happened, but until when it holds, or what later times are compared with.
const kept_as_given = new Set(["tm_deadline", "tm_expire", "tm_password"]);

/** An update in which no time (`tm_…`) comes before the row's own `tm_create` and `tm_update`: the clock was set back since, and the object's order stays. */
export function forward<C extends object>(changes: C): { [K in keyof C]: C[K] | RawBuilder<C[K]> } {
  const entries = Object.entries(changes).map(([key, value]) => [
    key,
    key.startsWith("tm_") && !kept_as_given.has(key) && typeof value === "number"
      ? // Nulls do not count.
        sql`greatest(${value}::bigint, tm_create, tm_update)`
      : value,
  ]);
  return Object.fromEntries(entries);
}
