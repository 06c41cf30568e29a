// SQL of conferencecalls. Reads for callers always name the customer.
import { sql } from "kysely";
import type { Instant } from "../../kernel/clock.ts";
import { forward } from "../../kernel/forward.ts";
import type { ConferencecallId, ConferenceId, CustomerId } from "../../kernel/id.ts";
import type { PageQuery } from "../../kernel/page.ts";
import type { Database } from "../../store/index.ts";
import type { ConferencecallStatus } from "./machine.ts";
import type { ConferencecallRow } from "./record.ts";

type Columns = Omit<ConferencecallRow, "metadata"> & { metadata: unknown };
const table = (db: Database) => db.withTables<{ conferencecalls: Columns }>();
const asRow = (row: Columns): ConferencecallRow => row as ConferencecallRow;
const byId = (db: Database, id: ConferencecallId) =>
  table(db).selectFrom("conferencecalls").selectAll().where("id", "=", id);
/** Joins that last. */
const lasting = (db: Database) =>
  table(db).selectFrom("conferencecalls").selectAll().where("status", "!=", "leaved");

/** Adds a join. */
export async function insert(db: Database, row: ConferencecallRow): Promise<void> {
  await table(db)
    .insertInto("conferencecalls")
    .values({ ...row, metadata: JSON.stringify(row.metadata) })
    .execute();
}

/** Changes a join that stands in one of the states; null when it does not. */
export async function update(
  db: Database,
  id: ConferencecallId,
  from: readonly ConferencecallStatus[],
  changes: Partial<Omit<ConferencecallRow, "metadata">>,
): Promise<ConferencecallRow | null> {
  const row = await table(db)
    .updateTable("conferencecalls")
    .set(forward(changes))
    .where("id", "=", id)
    .where("status", "in", [...from])
    .returningAll()
    .executeTakeFirst();
  return row ? asRow(row) : null;
}

/** One join, whoever's it is; for the server's own decisions. */
export async function find(db: Database, id: ConferencecallId): Promise<ConferencecallRow | null> {
  const row = await byId(db, id).executeTakeFirst();
  return row ? asRow(row) : null;
}

/** A join of this customer; another's is as one that is nowhere. */
export async function findOwn(
  db: Database,
  customer_id: CustomerId,
  id: ConferencecallId,
): Promise<ConferencecallRow | null> {
  const row = await byId(db, id).where("customer_id", "=", customer_id).executeTakeFirst();
  return row ? asRow(row) : null;
}

/** The join that a token made and that still lasts, the newest if there are several. */
export async function findByToken(
  db: Database,
  conference_id: ConferenceId,
  token_jti: string,
): Promise<ConferencecallRow | null> {
  const row = await lasting(db)
    .where("conference_id", "=", conference_id)
    .where("token_jti", "=", token_jti)
    .orderBy("tm_create", "desc")
    .limit(1)
    .executeTakeFirst();
  return row ? asRow(row) : null;
}

/** Everybody of a conference who has not left, in the order of their joins. */
export async function present(
  db: Database,
  conference_id: ConferenceId,
): Promise<ConferencecallRow[]> {
  const rows = await lasting(db)
    .where("conference_id", "=", conference_id)
    .orderBy("tm_create")
    .execute();
  return rows.map(asRow);
}

/** Everybody on this server who has not left; for recovery after a restart. */
export async function presentAnywhere(db: Database): Promise<ConferencecallRow[]> {
  const rows = await lasting(db).orderBy("tm_create").execute();
  return rows.map(asRow);
}

/** Joins whose deadline has come, the oldest first. */
export async function due(db: Database, now: Instant, limit: number): Promise<ConferencecallRow[]> {
  const rows = await lasting(db)
    .where("tm_deadline", "<=", now)
    .orderBy("tm_deadline")
    .limit(limit)
    .execute();
  return rows.map(asRow);
}

/** The next deadline of any join; null when there is none. */
export async function nextDeadline(db: Database): Promise<Instant | null> {
  const row = await table(db)
    .selectFrom("conferencecalls")
    .select(sql<Instant | null>`min(tm_deadline)`.as("next"))
    .where("status", "!=", "leaved")
    .executeTakeFirst();
  return row?.next ?? null;
}

/** Joins of a customer, newest first, one more than the page holds. */
export async function page(
  db: Database,
  customer_id: CustomerId,
  query: PageQuery,
  only: { conference_id?: ConferenceId; status?: ConferencecallStatus },
): Promise<ConferencecallRow[]> {
  let select = table(db)
    .selectFrom("conferencecalls")
    .selectAll()
    .where("customer_id", "=", customer_id)
    .where("tm_delete", "is", null)
    .orderBy("tm_create", "desc")
    .limit(query.size + 1);
  if (query.before !== null) select = select.where("tm_create", "<", query.before);
  if (only.conference_id) select = select.where("conference_id", "=", only.conference_id);
  if (only.status) select = select.where("status", "=", only.status);
  return (await select.execute()).map(asRow);
}

/** Every join that a token made, also those that ended. */
export async function idsByToken(
  db: Database,
  conference_id: ConferenceId,
  token_jti: string,
): Promise<ReadonlySet<ConferencecallId>> {
  const rows = await table(db)
    .selectFrom("conferencecalls")
    .select("id")
    .where("conference_id", "=", conference_id)
    .where("token_jti", "=", token_jti)
    .execute();
  return new Set(rows.map((row) => row.id));
}

/** Moves every deadline that still counts. */
export async function shiftDeadlines(db: Database, by_us: number): Promise<void> {
  await sql`update conferencecalls set tm_deadline = tm_deadline + ${by_us}::bigint
    where tm_deadline is not null and status <> 'leaved'`.execute(db);
}
