// From a credential to a caller: tokens and access keys, judged once and then remembered for a while.
import type { Clock, Instant } from "../../kernel/clock.ts";
import { hashSecret } from "../../kernel/id.ts";
import { Problem, problems } from "../../kernel/problem.ts";
import { createSharedWork } from "../../kernel/shared-work.ts";
import { type Caller, type Customers, permissions, type Tokens } from "../customer/index.ts";
import { type Accesskeys, accesskey_mark } from "./service.ts";

/** Where a request may carry its credential. */
export interface CredentialSource {
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  /** The `Cookie` header. */
  readonly cookie: string | undefined;
  /** The request's URL with its query. */
  readonly url: string;
}

/** Tells who asks. */
export interface Authenticator {
  /**
   * The credential of a request: header, then query, then cookie; null when there is none.
   * Errors: INVALID_REQUEST_PARAMETER when the query names more than one.
   */
  credentialOf(source: CredentialSource): string | null;
  /** The caller, where this credential was judged a short while ago. Costs a hash. */
  known(credential: string): Caller | null;
  /** Judges the credential, once for all who ask at the same time. Errors: INVALID_CREDENTIALS. */
  authenticate(credential: string): Promise<Caller>;
  /** Judges everything anew that this agent or access key was remembered for. */
  forget(id: string): void;
}

/** Callers remembered, about 1 kB each. */
const known_max = 10_000;
/** Microseconds that a caller is remembered: a change of permission takes effect by then. */
const known_us = 10_000_000;
/**
 * Microseconds until whoever asks has the caller judged anew beside their request. Before the end of {@link known_us}, so that a busy
 * credential is never without its caller: hundreds of requests would wait for the database at once.
 */
const recheck_us = 5_000_000;

interface Judged {
  readonly caller: Caller;
  readonly tm_expire: Instant;
}

interface Known {
  readonly caller: Caller;
  readonly until: Instant;
  readonly recheck_at: Instant;
}

/** Makes the authenticator. */
export function createAuthenticator(ports: {
  clock: Clock;
  tokens: Pick<Tokens, "verify">;
  customers: Pick<Customers, "callerOf">;
  accesskeys: Pick<Accesskeys, "find">;
  /** Whether `?token=` and `?accesskey=` count. */
  query_tokens: boolean;
}): Authenticator {
  const { clock, tokens, customers, accesskeys } = ports;
  const remembered = new Map<string, Known>();
  const judging = createSharedWork<string, Judged>();

  const remember = (hash: string, { caller, tm_expire }: Judged): void => {
    const now = clock.now();
    remembered.delete(hash);
    const until = Math.min(tm_expire, now + known_us);
    remembered.set(hash, { caller, until, recheck_at: now + recheck_us });
    const oldest = remembered.keys().next();
    if (remembered.size > known_max && !oldest.done) remembered.delete(oldest.value);
  };

  const judge = async (credential: string): Promise<Judged> => {
    if (!credential.startsWith(accesskey_mark)) {
      const token = await tokens.verify(credential);
      return { caller: await customers.callerOf(token), tm_expire: token.tm_expire };
    }
    const key = await accesskeys.find(credential);
    if (!key) throw problems.INVALID_CREDENTIALS();
    const { id, customer_id } = key;
    const permission = permissions.customer_admin;
    const caller: Caller = { type: "accesskey", id, customer_id, permission, view: null };
    return { caller, tm_expire: key.tm_expire };
  };

  const judgeOnce = async (hash: string, credential: string): Promise<Caller> => {
    const work = (): Promise<Judged> =>
      judge(credential).catch((reason: unknown) => {
        if (isRefusal(reason)) remembered.delete(hash);
        throw reason;
      });
    return (await judging.run(hash, work, (judged) => remember(hash, judged))).caller;
  };

  return {
    credentialOf: (source) => readCredential(source, ports.query_tokens),
    known(credential) {
      const hash = hashSecret(credential);
      const found = remembered.get(hash);
      if (!found) return null;
      const now = clock.now();
      if (found.until <= now) {
        remembered.delete(hash);
        return null;
      }
      // Nobody waits for this, so its failure is nobody's yet: who asks after `until` meets it.
      if (found.recheck_at <= now) judgeOnce(hash, credential).catch(() => undefined);
      return found.caller;
    },
    authenticate: (credential) => judgeOnce(hashSecret(credential), credential),
    forget(id) {
      for (const [hash, { caller }] of remembered) {
        if (caller.type !== "participant" && caller.id === id) remembered.delete(hash);
      }
      // Whose they are is not known yet.
      judging.forgetAll();
    },
  };
}

const isRefusal = (reason: unknown): boolean =>
  reason instanceof Problem && reason.kind.status === "UNAUTHENTICATED";

function readCredential(source: CredentialSource, query_tokens: boolean): string | null {
  const header = source.authorization;
  if (header !== undefined) {
    const match = /^Bearer +(\S+) *$/i.exec(header);
    if (match?.[1]) return match[1];
  }
  const from = source.url.indexOf("?");
  if (query_tokens && from >= 0) {
    const query = new URLSearchParams(source.url.slice(from));
    const given = [...query.getAll("token"), ...query.getAll("accesskey")].filter(Boolean);
    if (given.length > 1) {
      throw problems.INVALID_REQUEST_PARAMETER({
        message: "the query names more than one credential",
        details: [{ field: "token" }],
      });
    }
    if (given[0]) return given[0];
  }
  return readCookie(source.cookie, "token") ?? readCookie(source.cookie, "accesskey");
}

function readCookie(header: string | undefined, name: string): string | null {
  for (const part of (header ?? "").split(";")) {
    const equals = part.indexOf("=");
    if (equals > 0 && part.slice(0, equals).trim() === name) {
      return part.slice(equals + 1).trim() || null;
    }
  }
  return null;
}
