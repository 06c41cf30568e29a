// What was found, as docs/guide/clients.json keeps it; `npm run contract` makes the guide's table of that.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client, Variant } from "./client.ts";

/** One line of the guide's table: a way to join that was tried from joining to leaving. */
export interface Row {
  readonly client: string;
  /** The pinned version, or null when the system decides it. */
  readonly version: string | null;
  readonly way: string;
  /** Lines on which it was heard and seen, and on which it heard and saw. */
  readonly sends: readonly string[];
  readonly receives: readonly string[];
  readonly leaves: string;
}

const path = join(import.meta.dirname, "../../docs/guide/clients.json");

/** The line of a variant whose test passed. */
export const rowOf = (
  { name, version }: Client,
  { way, sends, receives, leaves }: Variant,
): Row => ({ client: name, version, way, sends, receives, leaves });

/**
 * Throws when the kept rows are not those of the tests that passed; those of clients that cannot run here stay as they are.
 * With `WRITE_CLIENTS=true` writes them instead.
 */
export function compareWithGuide(clients: readonly Client[], found: readonly Row[]): void {
  const kept = JSON.parse(readFileSync(path, "utf8")) as Row[];
  const wanted = clients.flatMap(({ name, variants }) => {
    const own = found.filter(({ client }) => client === name);
    if (own.length === 0) return kept.filter(({ client }) => client === name);
    return variants.flatMap(({ way }) => own.filter((row) => row.way === way));
  });
  if (process.env["WRITE_CLIENTS"] === "true") {
    // A list of words stands on one line, as the formatter wants it.
    const text = JSON.stringify(wanted, null, 2).replace(
      /\[\n\s+("[^[\]]*")\n\s+\]/g,
      (_, words) => `[${String(words).replace(/\n\s+/g, " ")}]`,
    );
    writeFileSync(path, `${text}\n`);
    return;
  }
  assert.deepEqual(kept, wanted, "run this file with WRITE_CLIENTS=true, then npm run contract");
}
