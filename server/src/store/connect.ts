// The pool of connections, and what a failing one means to a caller.
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from "kysely";
import { DatabaseError, Pool, type PoolClient, type PoolConfig, types } from "pg";
import type { Clock } from "../kernel/clock.ts";
import { limits } from "../kernel/limits.ts";
import type { Log } from "../kernel/log.ts";
import { Problem, problems } from "../kernel/problem.ts";
import { type Breaker, createBreaker, DatabaseSilent, type SilenceLimits } from "./breaker.ts";
import type { Database } from "./index.ts";
import { createSockets, probeDatabase } from "./sockets.ts";

// bigint holds counters and microseconds, which fit a double until the year 2255.
const int8_oid = 20;
const getTypeParser: typeof types.getTypeParser = (oid: number, format?: "text" | "binary") =>
  oid === int8_oid ? Number : types.getTypeParser(oid, format as "text");

/**
 * Opens a pool and the query builder on it. Failures to reach the database become SERVICE_UNAVAILABLE.
 * `requireSpace` is asked before each statement that writes.
 */
export function connect(
  target: PoolConfig,
  given: SilenceLimits & { readonly connections_max: number },
  {
    clock,
    log,
    requireSpace,
  }: { clock: Clock; log: Log; requireSpace?: (() => Promise<void>) | undefined },
): { db: Database; watch: () => void; end: () => Promise<void> } {
  const sockets = createSockets();
  const pool = new Pool({
    ...target,
    stream: sockets.make,
    max: given.connections_max,
    types: { getTypeParser },
    application_name: "parley",
    keepAlive: true,
    connectionTimeoutMillis: limits.connection_timeout_ms,
    statement_timeout: limits.statement_timeout_ms,
    // The database says by itself when a statement took too long; who does not say even that is gone, or the way to it is.
    query_timeout: limits.statement_timeout_ms + limits.answer_grace_ms,
    // A transaction of a server that was cut off must not hold its locks for long.
    idle_in_transaction_session_timeout: limits.statement_timeout_ms,
  });
  let is_ending = false;
  // Ending does not wait for the connections' last words, so the database may end them first.
  pool.on("error", (err) => {
    log[is_ending ? "debug" : "warn"]({ err }, "an idle database connection broke");
  });
  // Between two statements of a transaction nobody else listens; the next statement gets the error.
  pool.on("connect", (client) => {
    client.on("error", (err) => log.debug({ err }, "a database connection broke"));
  });
  const breaker = createBreaker({
    clock,
    log,
    limits: given,
    probe: () => probeDatabase(target, given.database_silent_ms, { clock, log }),
    hasSpoken: sockets.haveSpoken,
  });
  const named = nameStatements();
  const clients = new WeakMap<PoolClient, PostgresPoolClient>();
  const adapted: PostgresPool = {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await breaker
        .wait(
          () => pool.connect(),
          (late) => late.release(),
        )
        .catch(rethrow);
      // The builder remembers connections by identity: the same wrapper each time.
      let wrapped = clients.get(client);
      if (!wrapped) {
        wrapped = adapt(client, { named, breaker, requireSpace });
        clients.set(client, wrapped);
      }
      return wrapped;
    },
  };
  const db = new Kysely<Record<never, never>>({ dialect: new PostgresDialect({ pool: adapted }) });
  // Not destroy() of the builder, which ends nothing when no query was ever made.
  const end = async (): Promise<void> => {
    is_ending = true;
    breaker.close();
    await pool.end();
  };
  return { db, watch: breaker.arm, end };
}

function adapt(
  client: PoolClient,
  ports: {
    named: (sql: string) => string | undefined;
    breaker: Breaker;
    requireSpace: (() => Promise<void>) | undefined;
  },
): PostgresPoolClient {
  const { named, breaker, requireSpace } = ports;
  let is_broken = false;
  const query = async (sql: string, parameters: readonly unknown[]) => {
    if (requireSpace && writes.test(sql)) await requireSpace();
    return await breaker
      .wait(() =>
        client.query({ text: sql, values: [...parameters], name: named(sql) } as { text: string }),
      )
      .catch((reason: unknown) => {
        // Its statement may still be under way: nobody else may have this connection.
        if (reason instanceof DatabaseSilent || isLate(reason)) is_broken = true;
        return rethrow(reason);
      });
  };
  return {
    query: query as unknown as PostgresPoolClient["query"],
    release: (destroy) => client.release(is_broken || destroy),
  };
}

// Statements that need room: they write rows, also behind a `with`.
const writes = /^\s*(with\b.*\b)?(insert\s+into|update|delete\s+from)\s/is;

// A statement with a name is parsed and planned once per connection. Lists of varying length make new texts, hence the bound.
const statements_max = 500;

function nameStatements(): (sql: string) => string | undefined {
  const names = new Map<string, string>();
  return (sql) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (names.size >= statements_max || !/^\s*(select|insert|update|delete|with)\b/i.test(sql))
      return undefined;
    const name = `p${names.size}`;
    names.set(sql, name);
    return name;
  };
}

const disk_full = "53100";

// pg gives it no code.
const isLate = (reason: unknown): boolean =>
  reason instanceof Error && reason.message === "Query read timeout";

/** Whether the database was not there, as opposed to having refused the statement. */
export function isUnreachable(reason: unknown): boolean {
  if (reason instanceof Problem) return reason.reason === "SERVICE_UNAVAILABLE";
  if (reason instanceof DatabaseSilent || isLate(reason)) return true;
  if (reason instanceof DatabaseError) {
    if (reason.code === disk_full) return false;
    // 08: connection, 53: resources, 57P: shutdown and start, 57014: our statement timeout, 25P03: our idle timeout.
    return /^(08|53|57P|57014|25P03)/.test(reason.code ?? "");
  }
  if (!(reason instanceof Error)) return false;
  const { code } = reason as NodeJS.ErrnoException;
  if (
    code !== undefined &&
    /^(ECONN|EPIPE|ENOENT|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_AGAIN)/.test(code)
  )
    return true;
  // pg gives these no code.
  return /connection terminated|timeout exceeded when trying to connect|client has encountered a connection error|not queryable|cannot use a pool after/i.test(
    reason.message,
  );
}

/** Whether the database refused only the order of two writes, so that running them again helps. */
export const isRepeatable = (reason: unknown): boolean =>
  reason instanceof DatabaseError && (reason.code === "40001" || reason.code === "40P01");

/** The sentence for the caller when the database is away. */
export const unavailable = (cause: unknown): Problem =>
  problems.SERVICE_UNAVAILABLE({
    message: "The database cannot be reached at the moment",
    retry_after_s: 1,
    cause,
  });

function rethrow(reason: unknown): never {
  if (reason instanceof DatabaseError && reason.code === disk_full) {
    throw problems.STORAGE_FULL({ cause: reason });
  }
  if (!(reason instanceof Problem) && isUnreachable(reason)) throw unavailable(reason);
  throw reason;
}
