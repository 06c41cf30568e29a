// SQL of tokens that were taken back.
import { sql } from "kysely";
import type { Instant } from "../../kernel/clock.ts";
import type { CustomerId, TokenId } from "../../kernel/id.ts";
import type { Database } from "../../store/index.ts";
import type { Revocation, Revoked } from "./revocations.ts";

interface Row {
  id: TokenId;
  customer_id: CustomerId;
  state: Revocation;
  tm_create: Instant;
  tm_expire: Instant;
}
const table = (db: Database) => db.withTables<{ revoked_tokens: Row }>();

/** Every token that was taken back, the newest first, at most `limit`. */
export async function allRevoked(
  db: Database,
  limit: number,
): Promise<{ id: TokenId; state: Revocation }[]> {
  return table(db)
    .selectFrom("revoked_tokens")
    .select(["id", "state"])
    .orderBy("tm_create", "desc")
    .limit(limit)
    .execute();
}

/** What became of one token; null: it was not taken back. */
export async function findRevoked(db: Database, id: TokenId): Promise<Revocation | null> {
  const row = await table(db)
    .selectFrom("revoked_tokens")
    .select("state")
    .where("id", "=", id)
    .executeTakeFirst();
  return row?.state ?? null;
}

/** Takes tokens back. Who is revoked stays so. */
export async function insertRevoked(
  db: Database,
  revoked: readonly Revoked[],
  now: Instant,
): Promise<void> {
  if (revoked.length === 0) return;
  await table(db)
    .insertInto("revoked_tokens")
    .values(
      revoked.map(({ id, customer_id, state, tm_expire }) => ({
        ...{ id, customer_id, state, tm_expire },
        tm_create: now,
      })),
    )
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet({
        state: sql`case when revoked_tokens.state = 'revoked' then 'revoked' else excluded.state end`,
      }),
    )
    .execute();
}

/** Clears away what has expired, and tells what that was. */
export async function purge(db: Database, now: Instant): Promise<TokenId[]> {
  const gone = await table(db)
    .deleteFrom("revoked_tokens")
    .where("tm_expire", "<", now)
    .returning("id")
    .execute();
  return gone.map(({ id }) => id);
}
