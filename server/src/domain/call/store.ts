// SQL of calls.

import { forward } from "../../kernel/forward.ts";
import type { CallId } from "../../kernel/id.ts";
import type { Database } from "../../store/index.ts";
import type { CallRow } from "./record.ts";

const table = (db: Database) => db.withTables<{ calls: CallRow }>();

/** Adds a call. */
export async function insertCall(db: Database, row: CallRow): Promise<void> {
  await table(db).insertInto("calls").values(row).execute();
}

/** Changes a call that has not ended; null when it has. */
export async function updateCall(
  db: Database,
  id: CallId,
  changes: Partial<CallRow>,
): Promise<CallRow | null> {
  const row = await table(db)
    .updateTable("calls")
    .set(forward(changes))
    .where("id", "=", id)
    .where("status", "!=", "hangup")
    .returningAll()
    .executeTakeFirst();
  return row ?? null;
}
