// Brings a database to today's schema. Forward only; the caller holds the database's lock.
import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { StartRefusal } from "../kernel/start-refusal.ts";
import type { Database, Migration } from "./index.ts";

/**
 * Runs the steps that the database has not seen, each in a transaction.
 * Errors: a step that was edited after it ran; a database written by a newer version.
 */
export async function migrate(
  db: Database,
  steps: readonly Migration[],
  ports: { clock: Clock; log: Log },
): Promise<void> {
  await sql`create table if not exists parley_migrations (
    name text primary key, checksum text not null, tm bigint not null)`.execute(db);
  const { rows } = await sql<{ name: string; checksum: string }>`
    select name, checksum from parley_migrations order by name`.execute(db);
  const done = new Map(rows.map((row) => [row.name, row.checksum]));
  const known = new Set(steps.map((step) => step.name));
  const foreign = rows.find((row) => !known.has(row.name));
  if (foreign) {
    throw new StartRefusal(
      `the database was written by a newer Parley: it has "${foreign.name}", this version does not know it. Start the newer version, or restore the backup from before the upgrade`,
    );
  }
  for (const step of steps) {
    const checksum = createHash("sha256").update(step.statements.join(";\n")).digest("hex");
    const earlier = done.get(step.name);
    if (earlier === checksum) continue;
    if (earlier !== undefined) {
      throw new StartRefusal(
        `migration "${step.name}" was changed after it had run on this database: add a new one instead`,
      );
    }
    await db.transaction().execute(async (tx) => {
      for (const statement of step.statements) await sql.raw(statement).execute(tx);
      await sql`insert into parley_migrations (name, checksum, tm)
        values (${step.name}, ${checksum}, ${ports.clock.now()})`.execute(tx);
    });
    ports.log.info({ migration: step.name }, "schema moved on");
  }
}
