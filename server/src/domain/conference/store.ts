// SQL of conferences. Reads for callers always name the customer.
import { sql } from "kysely";
import type { Instant } from "../../kernel/clock.ts";
import { forward } from "../../kernel/forward.ts";
import type { ConferenceId, CustomerId } from "../../kernel/id.ts";
import type { PageQuery } from "../../kernel/page.ts";
import type { Database } from "../../store/index.ts";
import type { ConferenceStatus } from "./machine.ts";
import type { ConferenceRow, ConferenceType } from "./record.ts";

type Json = "data" | "pre_actions" | "post_actions";
type Columns = Omit<ConferenceRow, Json> & Record<Json, unknown>;
const table = (db: Database) => db.withTables<{ conferences: Columns }>();
const asRow = (row: Columns): ConferenceRow => row as ConferenceRow;
/** One conference; with a customer, only if it is theirs: another's is not even read, so that it takes as long as one that is nowhere. */
function byId(db: Database, id: ConferenceId, customer_id?: CustomerId) {
  const select = table(db).selectFrom("conferences").selectAll().where("id", "=", id);
  return customer_id === undefined ? select : select.where("customer_id", "=", customer_id);
}

// Arrays would become PostgreSQL's own, so JSON columns are written as text. Their type is json, not jsonb: what is
// echoed keeps its order of keys and its numbers as they were written.
function columns(changes: Partial<ConferenceRow>): Partial<Columns> {
  const { data, pre_actions, post_actions, ...rest } = changes;
  return {
    ...rest,
    ...(data === undefined ? {} : { data: JSON.stringify(data) }),
    ...(pre_actions === undefined ? {} : { pre_actions: JSON.stringify(pre_actions) }),
    ...(post_actions === undefined ? {} : { post_actions: JSON.stringify(post_actions) }),
  };
}

/** Adds a conference; false when its id is taken. */
export async function insert(db: Database, row: ConferenceRow): Promise<boolean> {
  const result = await table(db)
    .insertInto("conferences")
    .values(columns(row) as Columns)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** How many conferences of a customer have not ended, counted up to `max`. */
export async function countOpen(
  db: Database,
  customer_id: CustomerId,
  max: number,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::integer as count from (
    select 1 from conferences where customer_id = ${customer_id} and tm_delete is null limit ${max}
  ) as counted`.execute(db);
  return rows[0]?.count ?? 0;
}

/** One conference, whoever's it is; for the server's own decisions and after its customer was compared. */
export async function find(db: Database, id: ConferenceId): Promise<ConferenceRow | null> {
  const row = await byId(db, id).executeTakeFirst();
  return row ? asRow(row) : null;
}

/** One conference of this customer. */
export async function findOwn(
  db: Database,
  customer_id: CustomerId,
  id: ConferenceId,
): Promise<ConferenceRow | null> {
  const row = await byId(db, id, customer_id).executeTakeFirst();
  return row ? asRow(row) : null;
}

/** Ids that customers know by another name. */
export async function givenIds(
  db: Database,
): Promise<Pick<ConferenceRow, "id" | "given_id" | "customer_id">[]> {
  return await table(db)
    .selectFrom("conferences")
    .select(["id", "given_id", "customer_id"])
    .where("given_id", "is not", null)
    .execute();
}

/** One conference, held for this transaction: every step of a conference and of its joins begins with it. */
export async function lock(db: Database, id: ConferenceId): Promise<ConferenceRow | null> {
  const row = await byId(db, id).forUpdate().executeTakeFirst();
  return row ? asRow(row) : null;
}

/** The same, of this customer: another's is not waited for, either. */
export async function lockOwn(
  db: Database,
  customer_id: CustomerId,
  id: ConferenceId,
): Promise<ConferenceRow | null> {
  const row = await byId(db, id, customer_id).forUpdate().executeTakeFirst();
  return row ? asRow(row) : null;
}

/** Whose conference this is; null where there is none. */
export async function ownerOf(db: Database, id: ConferenceId): Promise<CustomerId | null> {
  const row = await table(db)
    .selectFrom("conferences")
    .select("customer_id")
    .where("id", "=", id)
    .executeTakeFirst();
  return row?.customer_id ?? null;
}

/** Changes a conference. */
export async function update(
  db: Database,
  id: ConferenceId,
  changes: Partial<ConferenceRow>,
): Promise<ConferenceRow> {
  const row = await table(db)
    .updateTable("conferences")
    .set(forward(columns(changes)))
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
  return asRow(row);
}

/** What a list of conferences is narrowed to; what is left out narrows nothing. */
export interface ConferenceFilter {
  readonly type?: ConferenceType;
  /** Left out: those that were not ended. */
  readonly status?: ConferenceStatus | "all";
  /** Part of the name, the detail or the id, in upper or lower case. */
  readonly search?: string;
  /** Created at or after this. */
  readonly created_from?: Instant;
  /** Created before this. */
  readonly created_to?: Instant;
}

/**
 * Conferences of a customer, newest first, one more than the page holds, or fewer where those are `bytes_max` long as text:
 * the database gives no more than that and one. The index of (customer_id, tm_create) gives order and range.
 */
export async function page(
  db: Database,
  customer_id: CustomerId,
  query: PageQuery & { readonly bytes_max: number },
  only: ConferenceFilter,
): Promise<{ readonly rows: ConferenceRow[]; readonly is_cut: boolean }> {
  let select = table(db)
    .selectFrom("conferences")
    .selectAll()
    .where("customer_id", "=", customer_id)
    .orderBy("tm_create", "desc")
    .limit(query.size + 1);
  // Ended ones are hidden, unless the caller asks for a state that only they have.
  if (only.status === undefined || only.status === "starting" || only.status === "progressing") {
    select = select.where("tm_delete", "is", null);
  }
  if (query.before !== null) select = select.where("tm_create", "<", query.before);
  if (only.type) select = select.where("type", "=", only.type);
  if (only.status && only.status !== "all") select = select.where("status", "=", only.status);
  if (only.created_from !== undefined) {
    select = select.where("tm_create", ">=", only.created_from);
  }
  if (only.created_to !== undefined) select = select.where("tm_create", "<", only.created_to);
  if (only.search) {
    // Letters of every script have cases; the database's own rules may know those of English only.
    const wanted = sql`lower(${only.search}::text collate "und-x-icu")`;
    select = select.where(
      sql<boolean>`(position(${wanted} in lower(name collate "und-x-icu")) > 0
        or position(${wanted} in lower(detail collate "und-x-icu")) > 0
        or position(${wanted} in id::text) > 0)`,
    );
  }
  const own = sql<number>`octet_length(data::text) + octet_length(detail)
    + octet_length(pre_actions::text) + octet_length(post_actions::text)`;
  const measured = await table(db)
    .selectFrom(
      table(db)
        .selectFrom(select.as("found"))
        .selectAll()
        .select(own.as("own_bytes"))
        .select(sql<number>`sum(${own}) over (order by tm_create desc)`.as("bytes"))
        .as("measured"),
    )
    .selectAll()
    .where(sql<boolean>`bytes - own_bytes < ${query.bytes_max}`)
    .orderBy("tm_create", "desc")
    .execute();
  const is_cut = (measured.at(-1)?.bytes ?? 0) >= query.bytes_max;
  return { rows: measured.map(({ own_bytes: _own, bytes: _bytes, ...row }) => asRow(row)), is_cut };
}

/** Conferences whose deadline has come, the oldest first. */
export async function due(db: Database, now: Instant, limit: number): Promise<ConferenceRow[]> {
  const rows = await table(db)
    .selectFrom("conferences")
    .selectAll()
    .where("tm_deadline", "<=", now)
    .orderBy("tm_deadline")
    .limit(limit)
    .execute();
  return rows.map(asRow);
}

/** The next deadline of any conference; null when there is none. */
export async function nextDeadline(db: Database): Promise<Instant | null> {
  const row = await table(db)
    .selectFrom("conferences")
    .select(sql<Instant | null>`min(tm_deadline)`.as("next"))
    .executeTakeFirst();
  return row?.next ?? null;
}

/** Conferences in a state; for recovery after a restart. */
export async function inStates(
  db: Database,
  states: readonly ConferenceStatus[],
): Promise<ConferenceRow[]> {
  const rows = await table(db)
    .selectFrom("conferences")
    .selectAll()
    .where("status", "in", [...states])
    .execute();
  return rows.map(asRow);
}

/** Moves every deadline that still counts. */
export async function shiftDeadlines(db: Database, by_us: number): Promise<void> {
  await sql`update conferences set tm_deadline = tm_deadline + ${by_us}::bigint
    where tm_deadline is not null and status <> 'terminated'`.execute(db);
}
