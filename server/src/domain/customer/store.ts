// SQL of customers and agents.
import { type Generated, sql } from "kysely";
import type { Instant } from "../../kernel/clock.ts";
import { forward } from "../../kernel/forward.ts";
import type { AgentId, CustomerId } from "../../kernel/id.ts";
import type { PageQuery } from "../../kernel/page.ts";
import type { Database } from "../../store/index.ts";
import { permissions } from "./caller.ts";
import type { AgentRow, CustomerRow } from "./record.ts";

type Tables = {
  customers: Omit<CustomerRow, "number"> & { number: Generated<number> };
  agents: AgentRow;
};
const tables = (db: Database) => db.withTables<Tables>();
/** Those that were not deleted. */
const customers = (db: Database) =>
  tables(db).selectFrom("customers").selectAll().where("tm_delete", "is", null);
const agents = (db: Database) =>
  tables(db).selectFrom("agents").selectAll().where("tm_delete", "is", null);

/** Adds a customer; the database gives its number. */
export async function insertCustomer(
  db: Database,
  row: Omit<CustomerRow, "number">,
): Promise<CustomerRow> {
  return tables(db).insertInto("customers").values(row).returningAll().executeTakeFirstOrThrow();
}

/** A customer by id or number; null when there is none or it was deleted. */
export async function findCustomer(
  db: Database,
  key: CustomerId | number,
): Promise<CustomerRow | null> {
  const row = await (typeof key === "number"
    ? customers(db).where("number", "=", key)
    : customers(db).where("id", "=", key)
  ).executeTakeFirst();
  return row ?? null;
}

/** Customers, newest first, one more than the page holds. */
export async function pageCustomers(db: Database, query: PageQuery): Promise<CustomerRow[]> {
  let select = customers(db)
    .orderBy("tm_create", "desc")
    .limit(query.size + 1);
  if (query.before !== null) select = select.where("tm_create", "<", query.before);
  return select.execute();
}

/** Adds an agent; false when the user name is taken. */
export async function insertAgent(db: Database, row: AgentRow): Promise<boolean> {
  const result = await tables(db)
    .insertInto("agents")
    .values(row)
    .onConflict((conflict) => conflict.columns(["customer_id", "username"]).doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** An agent with the places that they logged in from. */
export interface AgentWithSources extends AgentRow {
  readonly sources: readonly string[];
}

/** Who logs in with this name, the newest first: one of each customer at most. */
export async function findAgentsByUsername(
  db: Database,
  username: string,
): Promise<readonly AgentWithSources[]> {
  const { rows } = await sql<AgentWithSources>`select agents.*, array(
      select source_hash from login_sources where login_sources.agent_id = agents.id
    ) as sources
    from agents where username = ${username} and tm_delete is null order by tm_create desc`.execute(
    db,
  );
  return rows;
}

/** Who runs the installation by this name; null when nobody does. */
export async function findSuperAdmin(db: Database, username: string): Promise<AgentRow | null> {
  const row = await agents(db)
    .where("username", "=", username)
    .where(sql<boolean>`permission & ${permissions.project_super_admin} <> 0`)
    .orderBy("tm_create")
    .limit(1)
    .executeTakeFirst();
  return row ?? null;
}

/** How many people log in for a customer, counted up to `max`. */
export async function countAgents(
  db: Database,
  customer_id: CustomerId,
  max: number,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::integer as count from (
    select 1 from agents where customer_id = ${customer_id} and tm_delete is null limit ${max}) as counted`.execute(
    db,
  );
  return rows[0]?.count ?? 0;
}

/** Keeps where somebody logged in from; of one person the last `max`. */
export async function keepSource(
  db: Database,
  given: { readonly agent_id: AgentId; readonly source_hash: string; readonly now: Instant },
  max: number,
): Promise<void> {
  const { agent_id, source_hash, now } = given;
  await sql`insert into login_sources (agent_id, source_hash, tm_seen)
    values (${agent_id}, ${source_hash}, ${now})
    on conflict (agent_id, source_hash) do update set tm_seen = excluded.tm_seen`.execute(db);
  await sql`delete from login_sources where agent_id = ${agent_id} and source_hash not in (
    select source_hash from login_sources where agent_id = ${agent_id} order by tm_seen desc limit ${max})`.execute(
    db,
  );
}

/** An agent of this customer; null when there is none or they were deleted. */
export async function findAgent(
  db: Database,
  customer_id: CustomerId,
  id: AgentId,
): Promise<AgentRow | null> {
  const row = await agents(db)
    .where("id", "=", id)
    .where("customer_id", "=", customer_id)
    .executeTakeFirst();
  return row ?? null;
}

/** Changes an agent. */
export async function updateAgent(
  db: Database,
  customer_id: CustomerId,
  id: AgentId,
  changes: Partial<AgentRow>,
): Promise<AgentRow | null> {
  const row = await tables(db)
    .updateTable("agents")
    .set(forward(changes))
    .where("id", "=", id)
    .where("customer_id", "=", customer_id)
    .where("tm_delete", "is", null)
    .returningAll()
    .executeTakeFirst();
  return row ?? null;
}

/** Agents of a customer, newest first, one more than the page holds. */
export async function pageAgents(
  db: Database,
  customer_id: CustomerId,
  query: PageQuery,
): Promise<AgentRow[]> {
  let select = agents(db)
    .where("customer_id", "=", customer_id)
    .orderBy("tm_create", "desc")
    .limit(query.size + 1);
  if (query.before !== null) select = select.where("tm_create", "<", query.before);
  return select.execute();
}
