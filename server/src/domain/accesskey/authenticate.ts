// From a credential to a caller: tokens and access keys, judged once and then remembered for a while.
import type { Clock, Instant } from "../../kernel/clock.ts";
import { hashSecret, type TokenId } from "../../kernel/id.ts";
import { Problem, problems } from "../../kernel/problem.ts";
import { createSharedWork } from "../../kernel/shared-work.ts";
import {
  type Caller,
  type Customers,
  permissions,
  type Revocations,
  type Tokens,
} from "../customer/index.ts";
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
  /** Judges the credential, once for all who ask at the same time. Errors: INVALID_CREDENTIALS, TOKEN_EXPIRED, TOKEN_REVOKED. */
  authenticate(credential: string): Promise<Caller>;
  /**
   * Every credential of a request, as {@link credentialOf} would find them one after the other. Ends what they began by a
   * log-in; access keys and join tokens are ended by who gave them out, and what counts no more is ended already.
   */
  logOut(source: CredentialSource): Promise<void>;
  /** Judges everything anew that this agent or access key was remembered for. */
  forget(id: string): void;
}

/** Callers remembered, about 1 kB each. */
const known_max = 10_000;
/** Milliseconds that a caller is remembered: a change of permission takes effect by then. Not by the wall clock, which may step. */
const known_ms = 10_000;
/**
 * Milliseconds until whoever asks has the caller judged anew beside their request. Before the end of {@link known_ms}, so that a busy
 * credential is never without its caller: hundreds of requests would wait for the database at once.
 */
const recheck_ms = 5_000;

interface Judged {
  readonly caller: Caller;
  /** Null: an access key. */
  readonly token_id: TokenId | null;
  readonly tm_expire: Instant;
}

interface Known {
  readonly caller: Caller;
  readonly token_id: TokenId | null;
  readonly tm_expire: Instant;
  /** On the clock that never jumps. */
  readonly judged_at_ms: number;
}

/** Makes the authenticator. */
export function createAuthenticator(ports: {
  clock: Clock;
  tokens: Pick<Tokens, "verify">;
  customers: Pick<Customers, "callerOf">;
  accesskeys: Pick<Accesskeys, "find">;
  revocations: Pick<Revocations, "find" | "revoke" | "onRevoked">;
  /** Whether `?token=` and `?accesskey=` count. */
  query_tokens: boolean;
}): Authenticator {
  const { clock, tokens, customers, accesskeys, revocations } = ports;
  const remembered = new Map<string, Known>();
  const judging = createSharedWork<string, Judged>();

  const remember = (hash: string, judged: Judged): void => {
    remembered.delete(hash);
    remembered.set(hash, { ...judged, judged_at_ms: clock.monotonic_ms() });
    const oldest = remembered.keys().next();
    if (remembered.size > known_max && !oldest.done) remembered.delete(oldest.value);
  };

  const judge = async (credential: string): Promise<Judged> => {
    if (!credential.startsWith(accesskey_mark)) {
      const token = await tokens.verify(credential);
      if ((await revocations.find(token.jti)) === "revoked") {
        const credential = token.type === "participant" ? "join_token" : "token";
        throw problems.TOKEN_REVOKED({ details: [{ credential }] });
      }
      const { jti: token_id, tm_expire } = token;
      return { caller: await customers.callerOf(token), token_id, tm_expire };
    }
    const key = await accesskeys.find(credential);
    if (!key) throw problems.INVALID_CREDENTIALS();
    const { id, customer_id } = key;
    const permission = permissions.customer_admin;
    const caller: Caller = { type: "accesskey", id, customer_id, permission, view: null };
    return { caller, token_id: null, tm_expire: key.tm_expire };
  };

  const judgeOnce = async (hash: string, credential: string): Promise<Caller> => {
    const work = (): Promise<Judged> =>
      judge(credential).catch((reason: unknown) => {
        if (isRefusal(reason)) remembered.delete(hash);
        throw reason;
      });
    return (await judging.run(hash, work, (judged) => remember(hash, judged))).caller;
  };

  // For as long as the process runs.
  revocations.onRevoked((id, state) => {
    if (state !== "revoked") return;
    for (const [hash, { token_id }] of remembered) if (token_id === id) remembered.delete(hash);
    judging.forgetAll();
  });

  const logOut = async (credential: string): Promise<void> => {
    if (credential.startsWith(accesskey_mark)) return;
    try {
      const token = await tokens.verify(credential);
      if (token.type === "participant") return;
      const { customer_id } = await customers.callerOf(token);
      const { jti: id, tm_expire } = token;
      await revocations.revoke([{ id, customer_id, tm_expire, state: "revoked" }]);
    } catch (reason) {
      if (!isRefusal(reason)) throw reason;
    }
  };

  return {
    credentialOf: (source) => readCredential(source, ports.query_tokens),
    known(credential) {
      const hash = hashSecret(credential);
      const found = remembered.get(hash);
      if (!found) return null;
      const age_ms = clock.monotonic_ms() - found.judged_at_ms;
      if (age_ms >= known_ms || found.tm_expire <= clock.now()) {
        remembered.delete(hash);
        return null;
      }
      // Nobody waits for this, so its failure is nobody's yet: who asks when it is too old meets it.
      if (age_ms >= recheck_ms) judgeOnce(hash, credential).catch(() => undefined);
      return found.caller;
    },
    authenticate: (credential) => judgeOnce(hashSecret(credential), credential),
    async logOut(source) {
      const given = readCredentials(source, ports.query_tokens);
      for (const credential of new Set(given)) await logOut(credential);
    },
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
  const [first] = readCredentials(source, query_tokens);
  return first ?? null;
}

/** In the order in which they count. */
function* readCredentials(source: CredentialSource, query_tokens: boolean): Generator<string> {
  const header = /^Bearer +(\S+) *$/i.exec(source.authorization ?? "")?.[1] ?? null;
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
    // Who asks would depend on which of them a reader looks at first.
    if (header !== null && given[0] && given[0] !== header) {
      throw problems.INVALID_REQUEST_PARAMETER({
        message: "the header and the query name different credentials",
        details: [{ field: "token" }],
      });
    }
    if (header !== null) yield header;
    if (given[0]) yield given[0];
  } else if (header !== null) yield header;
  const cookie = readCookie(source.cookie, "token") ?? readCookie(source.cookie, "accesskey");
  if (cookie) yield cookie;
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
