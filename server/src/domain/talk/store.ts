// SQL of messages. Reads always name the conference, whose customer was compared before.
import { sql } from "kysely";
import type { Instant } from "../../kernel/clock.ts";
import { forward } from "../../kernel/forward.ts";
import type { ConferencecallId, ConferenceId, MessageId } from "../../kernel/id.ts";
import type { PageQuery } from "../../kernel/page.ts";
import type { Database } from "../../store/index.ts";
import type { MessageRow } from "./record.ts";

type Columns = Omit<MessageRow, "reactions"> & { reactions: unknown };
const table = (db: Database) => db.withTables<{ conference_messages: Columns }>();
const asRow = (row: Columns): MessageRow => row as MessageRow;

/** Adds a message. */
export async function insert(db: Database, row: MessageRow): Promise<void> {
  await table(db)
    .insertInto("conference_messages")
    .values({ ...row, reactions: JSON.stringify(row.reactions) })
    .execute();
}

/** One message of a conference; null when there is none. */
export async function find(
  db: Database,
  conference_id: ConferenceId,
  id: MessageId,
): Promise<MessageRow | null> {
  const row = await table(db)
    .selectFrom("conference_messages")
    .selectAll()
    .where("id", "=", id)
    .where("conference_id", "=", conference_id)
    .executeTakeFirst();
  return row ? asRow(row) : null;
}

/** The message that this author named so before; null when there is none. */
export async function findByClientId(
  db: Database,
  conference_id: ConferenceId,
  owner_id: string,
  client_id: string,
): Promise<MessageRow | null> {
  const row = await table(db)
    .selectFrom("conference_messages")
    .selectAll()
    .where("conference_id", "=", conference_id)
    .where("owner_id", "=", owner_id)
    .where("client_id", "=", client_id)
    .executeTakeFirst();
  return row ? asRow(row) : null;
}

/** Changes a message. */
export async function update(
  db: Database,
  id: MessageId,
  changes: {
    readonly text?: string;
    readonly reactions?: MessageRow["reactions"];
    readonly tm_update: Instant;
    readonly tm_delete?: Instant;
  },
): Promise<MessageRow> {
  const { reactions, ...rest } = changes;
  const row = await table(db)
    .updateTable("conference_messages")
    .set({ ...forward(rest), ...(reactions ? { reactions: JSON.stringify(reactions) } : {}) })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
  return asRow(row);
}

/** Messages newest first, one more than the page holds. `readers`: private ones only where one of these joins wrote or gets them; null: all. */
export async function page(
  db: Database,
  conference_id: ConferenceId,
  query: PageQuery,
  readers: ReadonlySet<ConferencecallId> | null,
): Promise<MessageRow[]> {
  let select = table(db)
    .selectFrom("conference_messages")
    .selectAll()
    .where("conference_id", "=", conference_id)
    .orderBy("tm_create", "desc")
    .limit(query.size + 1);
  if (query.before !== null) select = select.where("tm_create", "<", query.before);
  if (readers !== null) {
    const own = [...readers];
    select = select.where((is) =>
      is.or([
        is("target_conferencecall_id", "is", null),
        ...(own.length === 0
          ? []
          : [is("target_conferencecall_id", "in", own), is("owner_id", "in", own)]),
      ]),
    );
  }
  return (await select.execute()).map(asRow);
}

/** How many messages a conference has, counted up to `max`. */
export async function count(
  db: Database,
  conference_id: ConferenceId,
  max: number,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::integer as count from (
    select 1 from conference_messages where conference_id = ${conference_id} limit ${max}) as counted`.execute(
    db,
  );
  return rows[0]?.count ?? 0;
}
