// SQL of customers and agents.
import type { Generated } from "kysely";
import type { AgentId, CustomerId } from "../../kernel/id.ts";
import type { PageQuery } from "../../kernel/page.ts";
import type { Database } from "../../store/index.ts";
import type { AgentRow, CustomerRow } from "./record.ts";

type Tables = {
  customers: Omit<CustomerRow, "number"> & { number: Generated<number> };
  agents: AgentRow;
};
const tables = (db: Database) => db.withTables<Tables>();

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
  const select = tables(db).selectFrom("customers").selectAll().where("tm_delete", "is", null);
  const row = await (typeof key === "number"
    ? select.where("number", "=", key)
    : select.where("id", "=", key)
  ).executeTakeFirst();
  return row ?? null;
}

/** Customers, newest first, one more than the page holds. */
export async function pageCustomers(db: Database, query: PageQuery): Promise<CustomerRow[]> {
  let select = tables(db)
    .selectFrom("customers")
    .selectAll()
    .where("tm_delete", "is", null)
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

/** Who logs in with this name; null when nobody does. */
export async function findAgentByUsername(
  db: Database,
  username: string,
): Promise<AgentRow | null> {
  const row = await tables(db)
    .selectFrom("agents")
    .selectAll()
    .where("username", "=", username)
    .where("tm_delete", "is", null)
    .executeTakeFirst();
  return row ?? null;
}

/** An agent of this customer; null when there is none or they were deleted. */
export async function findAgent(
  db: Database,
  customer_id: CustomerId,
  id: AgentId,
): Promise<AgentRow | null> {
  const row = await tables(db)
    .selectFrom("agents")
    .selectAll()
    .where("id", "=", id)
    .where("customer_id", "=", customer_id)
    .where("tm_delete", "is", null)
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
    .set(changes)
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
  let select = tables(db)
    .selectFrom("agents")
    .selectAll()
    .where("customer_id", "=", customer_id)
    .where("tm_delete", "is", null)
    .orderBy("tm_create", "desc")
    .limit(query.size + 1);
  if (query.before !== null) select = select.where("tm_create", "<", query.before);
  return select.execute();
}
