// Requests that a client sends again with the same Idempotency-Key: the first answer, not a second effect.
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto";
import { sql } from "kysely";
import type { Clock, Timer } from "../kernel/clock.ts";
import type { CustomerId, Ids } from "../kernel/id.ts";
import type { Log } from "../kernel/log.ts";
import { problems } from "../kernel/problem.ts";
import type { Database, Store, Tx } from "../store/index.ts";
import { httpProblems } from "./problems.ts";

/** An answer as it is kept. */
export interface KeptReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly content_type: string;
  readonly body: string | null;
}

/** Names a request: whose, under which key, and what exactly. */
export interface RequestName {
  readonly customer_id: CustomerId;
  /** Agent, access key or join token; two of them may use the same key. */
  readonly caller: string;
  readonly key: string;
  readonly method: string;
  readonly path: string;
  readonly body: Uint8Array;
}

/** What a first request does with its answer. */
export interface Keeping {
  /** Keeps it in the transaction that has the effect. */
  seal(tx: Tx, reply: KeptReply): Promise<void>;
}

/** Answers repeated requests. */
export interface Repeats {
  /**
   * Runs a request once: `run` for the first, the kept answer for others, who wait for a first that is under way.
   * `renew` says what is answered in place of a kept answer that is not good any more, and is kept from then on; null: it is.
   * A failure is not kept. Errors: IDEMPOTENCY_KEY_REUSED, INVALID_ARGUMENT for a key that is none.
   */
  once(
    name: RequestName,
    run: (keeping: Keeping) => Promise<KeptReply>,
    renew?: (kept: KeptReply) => Promise<KeptReply | null>,
  ): Promise<KeptReply>;
  close(): void;
}

/** How long an answer is kept, microseconds: a day. */
const kept_us = 86_400_000_000;
/** How often old ones are removed. */
const sweep_interval_ms = 600_000;

interface Row {
  readonly customer_id: CustomerId;
  readonly key: string;
  readonly fingerprint: string;
  readonly reply: Buffer;
  readonly tm_create: number;
}
const table = (db: Database) => db.withTables<{ repeated_requests: Row }>();
const digest = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(String(part.length)).update(":").update(part);
  return hash.digest("hex");
};

/** Makes it. Answers can hold a token or a key, so they are stored encrypted under `secret`. */
export function createRepeats(ports: {
  store: Store;
  clock: Clock;
  ids: Ids;
  log: Log;
  secret: string;
}): Repeats {
  const { store, clock, ids, log } = ports;
  const box = createBox(ports.secret, ids);
  const running = new Map<string, Promise<unknown>>();

  const find = async (name: RequestName, key: string): Promise<Row | null> => {
    const row = await table(store.db)
      .selectFrom("repeated_requests")
      .selectAll()
      .where("customer_id", "=", name.customer_id)
      .where("key", "=", key)
      .where("tm_create", ">", clock.now() - kept_us)
      .executeTakeFirst();
    return row ?? null;
  };

  const keep = async (
    db: Database,
    name: RequestName,
    key: string,
    fingerprint: string,
    reply: KeptReply,
  ): Promise<void> => {
    const now = clock.now();
    const values = {
      customer_id: name.customer_id,
      key,
      fingerprint,
      reply: box.close(JSON.stringify(reply), key),
      tm_create: now,
    };
    const result = await table(db)
      .insertInto("repeated_requests")
      .values(values)
      .onConflict((conflict) =>
        conflict
          .columns(["customer_id", "key"])
          .doUpdateSet(values)
          .where(sql.ref("repeated_requests.tm_create"), "<=", now - kept_us),
      )
      .executeTakeFirst();
    if ((result.numInsertedOrUpdatedRows ?? 0n) === 0n) {
      throw problems.SERVICE_UNAVAILABLE({ message: "the same request is being worked on" });
    }
  };

  const sweep: Timer = clock.every(sweep_interval_ms, () => {
    table(store.db)
      .deleteFrom("repeated_requests")
      .where("tm_create", "<=", clock.now() - kept_us)
      .execute()
      .catch((cause: unknown) => {
        log.warn({ err: cause }, "old answers could not be removed");
      });
  });

  const runFirst = async (
    name: RequestName,
    key: string,
    fingerprint: string,
    run: (keeping: Keeping) => Promise<KeptReply>,
    renew?: (kept: KeptReply) => Promise<KeptReply | null>,
  ): Promise<KeptReply> => {
    const row = await find(name, key);
    if (row) {
      if (row.fingerprint !== fingerprint) throw httpProblems.IDEMPOTENCY_KEY_REUSED();
      const kept = JSON.parse(box.open(row.reply, key)) as KeptReply;
      const fresh = renew ? await renew(kept) : null;
      if (fresh === null) return kept;
      await table(store.db)
        .updateTable("repeated_requests")
        .set({ reply: box.close(JSON.stringify(fresh), key) })
        .where("customer_id", "=", name.customer_id)
        .where("key", "=", key)
        .execute();
      return fresh;
    }
    let is_sealed = false;
    const reply = await run({
      async seal(tx, sealed) {
        await keep(tx.db, name, key, fingerprint, sealed);
        is_sealed = true;
      },
    });
    if (!is_sealed) await keep(store.db, name, key, fingerprint, reply);
    return reply;
  };

  return {
    async once(name, run, renew) {
      if (!/^[\x21-\x7e]{1,255}$/.test(name.key)) {
        throw problems.INVALID_ARGUMENT({
          message: "an Idempotency-Key has 1 to 255 visible ASCII characters",
          details: [{ field: "Idempotency-Key" }],
        });
      }
      const key = digest(name.caller, name.key);
      const fingerprint = digest(name.method, name.path, name.body);
      for (let first = running.get(key); first; first = running.get(key)) await first;
      const mine = runFirst(name, key, fingerprint, run, renew);
      const settled = mine.then(
        () => running.delete(key),
        () => running.delete(key),
      );
      running.set(key, settled);
      return mine;
    },
    close: () => sweep.cancel(),
  };
}

// AES-256-GCM; the key of the request is authenticated with it, so that rows cannot be exchanged.
function createBox(secret: string, ids: Ids) {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "parley kept answers", 32));
  return {
    close(text: string, about: string): Buffer {
      const nonce = Buffer.from(ids.secret(16), "base64url");
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(about));
      const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
    },
    open(bytes: Buffer, about: string): string {
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12));
      decipher.setAAD(Buffer.from(about)).setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString(
        "utf8",
      );
    },
  };
}
