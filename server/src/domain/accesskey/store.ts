// SQL of access keys. Reads for callers always name the customer.
import { sql } from "kysely";
import type { Instant } from "../../kernel/clock.ts";
import { forward } from "../../kernel/forward.ts";
import type { AccesskeyId, CustomerId } from "../../kernel/id.ts";
import type { PageQuery } from "../../kernel/page.ts";
import type { Database } from "../../store/index.ts";
import type { AccesskeyRow } from "./record.ts";

const table = (db: Database) => db.withTables<{ accesskeys: AccesskeyRow }>();
/** Keys that were not deleted. */
const kept = (db: Database) =>
  table(db).selectFrom("accesskeys").selectAll().where("tm_delete", "is", null);

/** Adds a key. */
export async function insert(db: Database, row: AccesskeyRow): Promise<void> {
  await table(db).insertInto("accesskeys").values(row).execute();
}

/** How many good keys a customer has, counted up to `max`. */
export async function countGood(
  db: Database,
  given: { readonly customer_id: CustomerId; readonly now: Instant },
  max: number,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::integer as count from (
    select 1 from accesskeys where customer_id = ${given.customer_id} and tm_delete is null
      and tm_expire > ${given.now} limit ${max}) as counted`.execute(db);
  return rows[0]?.count ?? 0;
}

/** The key with this hash; null when there is none or it was deleted. */
export async function findByHash(db: Database, token_hash: string): Promise<AccesskeyRow | null> {
  const row = await kept(db).where("token_hash", "=", token_hash).executeTakeFirst();
  return row ?? null;
}

/** A key of this customer; null when there is none or it was deleted. */
export async function find(
  db: Database,
  customer_id: CustomerId,
  id: AccesskeyId,
): Promise<AccesskeyRow | null> {
  const row = await kept(db)
    .where("id", "=", id)
    .where("customer_id", "=", customer_id)
    .executeTakeFirst();
  return row ?? null;
}

/** Changes a key of this customer; null when there is none. */
export async function update(
  db: Database,
  customer_id: CustomerId,
  id: AccesskeyId,
  changes: Partial<AccesskeyRow>,
): Promise<AccesskeyRow | null> {
  const row = await table(db)
    .updateTable("accesskeys")
    .set(forward(changes))
    .where("id", "=", id)
    .where("customer_id", "=", customer_id)
    .where("tm_delete", "is", null)
    .returningAll()
    .executeTakeFirst();
  return row ?? null;
}

/** Keys of a customer, newest first, one more than the page holds. */
export async function page(
  db: Database,
  customer_id: CustomerId,
  query: PageQuery,
): Promise<AccesskeyRow[]> {
  let select = kept(db)
    .where("customer_id", "=", customer_id)
    .orderBy("tm_create", "desc")
    .limit(query.size + 1);
  if (query.before !== null) select = select.where("tm_create", "<", query.before);
  return select.execute();
}
