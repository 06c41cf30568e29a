// SQL of join tokens: those that were given out. What was taken back is the customer noun's.
import { sql } from "kysely";
import type { Instant } from "../../kernel/clock.ts";
import type { ConferenceId, CustomerId, TokenId } from "../../kernel/id.ts";
import type { PageQuery } from "../../kernel/page.ts";
import type { Database } from "../../store/index.ts";
import type { Role } from "../customer/index.ts";

/** A row of `join_tokens`. */
export interface JoinTokenRow {
  readonly id: TokenId;
  readonly customer_id: CustomerId;
  readonly conference_id: ConferenceId;
  /** The host's token that made it; null: the customer did. */
  readonly made_by: TokenId | null;
  readonly role: Role;
  readonly name: string;
  readonly label: string;
  readonly max_joins: number;
  readonly tm_create: Instant;
  readonly tm_expire: Instant;
}

const table = (db: Database) => db.withTables<{ join_tokens: JoinTokenRow }>();

/** Adds a token where fewer than `max` are good; with `made_by`, of those that it made. False where there are as many. */
export async function insert(db: Database, row: JoinTokenRow, max: number): Promise<boolean> {
  const of =
    row.made_by === null
      ? sql`conference_id = ${row.conference_id}`
      : sql`made_by = ${row.made_by} and conference_id = ${row.conference_id}`;
  const { numAffectedRows } = await sql`insert into join_tokens
    (id, customer_id, conference_id, made_by, role, name, label, max_joins, tm_create, tm_expire)
    select ${row.id}, ${row.customer_id}::uuid, ${row.conference_id}::uuid, ${row.made_by}, ${row.role},
      ${row.name}, ${row.label}, ${row.max_joins}::integer, ${row.tm_create}::bigint, ${row.tm_expire}::bigint
    where (select count(*) from
      (select 1 from join_tokens where ${of} and tm_expire > ${row.tm_create} limit ${max}) as good) < ${max}`.execute(
    db,
  );
  return (numAffectedRows ?? 0n) > 0n;
}

/** Takes a token out that nobody was given. */
export async function remove(db: Database, id: TokenId): Promise<void> {
  await table(db).deleteFrom("join_tokens").where("id", "=", id).execute();
}

/** One token of a conference; null when there is none. */
export async function find(
  db: Database,
  conference_id: ConferenceId,
  id: string,
): Promise<JoinTokenRow | null> {
  const row = await table(db)
    .selectFrom("join_tokens")
    .selectAll()
    .where("id", "=", id as TokenId)
    .where("conference_id", "=", conference_id)
    .executeTakeFirst();
  return row ?? null;
}

/** Tokens of a conference that are good, newest first, one more than the page holds; with `made_by`, those that it made. */
export async function page(
  db: Database,
  conference_id: ConferenceId,
  query: PageQuery,
  given: { readonly now: Instant; readonly made_by: TokenId | null },
): Promise<JoinTokenRow[]> {
  let select = table(db)
    .selectFrom("join_tokens")
    .selectAll()
    .where("conference_id", "=", conference_id)
    .where("tm_expire", ">", given.now)
    .where(
      sql<boolean>`not exists (select 1 from revoked_tokens where revoked_tokens.id = join_tokens.id)`,
    )
    .orderBy("tm_create", "desc")
    .limit(query.size + 1);
  if (query.before !== null) select = select.where("tm_create", "<", query.before);
  if (given.made_by !== null) select = select.where("made_by", "=", given.made_by);
  return select.execute();
}

/** The tokens that this one made, and those that they made, and so on. */
export async function madeBy(db: Database, id: TokenId): Promise<JoinTokenRow[]> {
  const { rows } = await sql<JoinTokenRow>`with recursive made as (
      select * from join_tokens where made_by = ${id}
      union select join_tokens.* from join_tokens join made on join_tokens.made_by = made.id
    ) select * from made`.execute(db);
  return rows;
}

/** Clears away what a conference gave out and what has expired. */
export async function clear(
  db: Database,
  conference_id: ConferenceId,
  now: Instant,
): Promise<void> {
  await table(db)
    .deleteFrom("join_tokens")
    .where("conference_id", "=", conference_id)
    .where("tm_expire", "<", now)
    .execute();
}
