// Tokens: compact JWTs, HS256 and nothing else. Their claims carry no secret and no profile.
import { compactVerify, errors, type JWTPayload, SignJWT } from "jose";
import type { Clock, Instant } from "../../kernel/clock.ts";
import type { AgentId, ConferenceId, CustomerId, Ids, TokenId } from "../../kernel/id.ts";
import { hashSecret, isUuid } from "../../kernel/id.ts";
import type { Log } from "../../kernel/log.ts";
import { cleanName } from "../../kernel/name.ts";
import { problems } from "../../kernel/problem.ts";
import { readTimestamp } from "../../kernel/wire.ts";
import { permissions, type Role, roles } from "./caller.ts";

/** What a join token says. */
export interface JoinClaims {
  readonly customer_id: CustomerId;
  readonly conference_id: ConferenceId;
  readonly role: Role;
  readonly name: string;
  readonly label: string;
  readonly metadata: Record<string, unknown>;
  /** People who may be in with it at a time. */
  readonly max_joins: number;
}

/** A token whose signature and times are right. Whether its subject still exists is for others to say. */
export type VerifiedToken = {
  readonly tm_expire: Instant;
  /** Names the token: its `jti`, or what stands for it where an older form has none. */
  readonly jti: TokenId;
} & (
  | {
      readonly type: "agent";
      readonly id: AgentId;
      readonly customer_id: CustomerId;
      /** When they logged in; null where an older form does not say. */
      readonly tm_issue: Instant | null;
    }
  | ({ readonly type: "participant" } & JoinClaims)
  | {
      /** One of the older forms (platform.md section 1): names a customer, by number or id. */
      readonly type: "legacy";
      readonly customer: number | CustomerId;
      readonly permission: number;
      readonly view: "legacy" | null;
    }
);

/** Signs and judges tokens. */
export interface Tokens {
  /** For somebody who logged in. */
  signAgent(agent: {
    id: AgentId;
    customer_id: CustomerId;
    permission: number;
  }): Promise<{ token: string; tm_expire: Instant }>;
  /** For one join of one conference. */
  signJoin(
    claims: JoinClaims,
    lifetime_s: number,
  ): Promise<{ token: string; tm_expire: Instant; jti: TokenId }>;
  /** Errors: INVALID_CREDENTIALS, always with the same sentence; TOKEN_EXPIRED where all is right but the time: over, or not come yet. */
  verify(token: string): Promise<VerifiedToken>;
}

/** Bytes of the signing secret, at least (RFC 7518 section 3.2). */
export const secret_bytes_min = 32;
/** People who may be in with one join token at a time, where the token does not say. */
const max_joins_default = 5;
/** Microseconds that a token may have been issued after now: clocks of several machines differ that much. */
const issue_ahead_max_us = 60_000_000;
/** Characters of a token, at most. */
const token_length_max = 8_192;

/** Makes the signer. Throws when the secret is shorter than {@link secret_bytes_min}. */
export function createTokens(ports: {
  clock: Clock;
  ids: Ids;
  log: Log;
  secret: string;
  lifetime_ms: number;
}): Tokens {
  const { clock, ids, log } = ports;
  const key = new TextEncoder().encode(ports.secret);
  if (key.length < secret_bytes_min) {
    throw new Error(`the secret that signs tokens must have ${secret_bytes_min} bytes or more`);
  }
  const sign = async (
    claims: JWTPayload,
    lifetime_s: number,
  ): Promise<{ token: string; tm_expire: Instant; jti: TokenId }> => {
    // To the microsecond, so that a change of password tells the tokens of before from those of after.
    const iat = clock.now() / 1_000_000;
    const exp = Math.floor(iat) + lifetime_s;
    const jti = ids.next<TokenId>();
    const token = await new SignJWT({ ...claims, iat, exp, jti })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .sign(key);
    return { token, tm_expire: exp * 1_000_000, jti };
  };

  return {
    signAgent: ({ id, customer_id, permission }) =>
      sign(
        { type: "agent", sub: id, customer_id, permission },
        Math.ceil(ports.lifetime_ms / 1000),
      ),
    signJoin: (claims, lifetime_s) =>
      sign(
        { type: "participant", sub: claims.conference_id, permission: 0, ...claims },
        lifetime_s,
      ),
    async verify(token) {
      if (token.length > token_length_max || !isCanonical(token)) {
        throw problems.INVALID_CREDENTIALS();
      }
      try {
        const { payload, protectedHeader } = await compactVerify(token, key, {
          algorithms: ["HS256"],
        });
        const claims = asObject(new TextDecoder().decode(payload));
        const verified = claims && isOurs(protectedHeader) ? readClaims(claims, token) : null;
        const now = clock.now();
        if (verified && claims && isBegun(claims, now)) {
          // Signed while the machine's clock was ahead, it would outlive its time by as much once that is set back.
          const is_early = (issueOf(claims) ?? 0) > now + issue_ahead_max_us;
          if (verified.tm_expire > now && !is_early) return verified;
          throw problems.TOKEN_EXPIRED();
        }
      } catch (cause) {
        if (!(cause instanceof errors.JOSEError)) throw cause;
        log.debug({ code: cause.code }, "a token was refused");
      }
      throw problems.INVALID_CREDENTIALS();
    },
  };
}

// A signature has one spelling: no padding, no unused bits. Otherwise one token could pass as many.
function isCanonical(token: string): boolean {
  const parts = token.split(".");
  return (
    parts.length === 3 &&
    parts.every(
      (part) => part !== "" && Buffer.from(part, "base64url").toString("base64url") === part,
    )
  );
}

// One kind of header: nothing that another kind of token, or another key, would have.
const isOurs = (header: { readonly typ?: string }): boolean =>
  (header.typ === undefined || header.typ === "JWT") &&
  Object.keys(header).every((member) => member === "alg" || member === "typ");

const isBegun = ({ nbf }: JWTPayload, now: Instant): boolean =>
  nbf === undefined || nbf * 1_000_000 <= now;

function readClaims(claims: JWTPayload, token: string): VerifiedToken | null {
  const tm_expire = expiryOf(claims);
  if (tm_expire === null || !Number.isSafeInteger(tm_expire)) return null;
  const { type, sub } = claims;
  const jti = (typeof claims.jti === "string" ? claims.jti : hashSecret(token)) as TokenId;
  const customer_id = readUuid<CustomerId>(claims["customer_id"]);
  if (type === "agent" && customer_id) {
    const id = readUuid<AgentId>(sub);
    return id && { type, tm_expire, jti, id, customer_id, tm_issue: issueOf(claims) };
  }
  if (type === "participant" && customer_id) return readJoin(claims, customer_id, tm_expire);
  return readLegacy(claims, { tm_expire, jti });
}

function readJoin(
  claims: JWTPayload,
  customer_id: CustomerId,
  tm_expire: Instant,
): VerifiedToken | null {
  const conference_id = readUuid<ConferenceId>(claims["conference_id"]);
  const role = roles.find((known) => known === claims["role"]);
  const { jti } = claims;
  if (!conference_id || !role || typeof jti !== "string") return null;
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  return {
    type: "participant",
    tm_expire,
    jti: jti as TokenId,
    customer_id,
    conference_id,
    role,
    name: cleanName(text(claims["name"])),
    label: cleanName(text(claims["label"])),
    metadata: asObject(claims["metadata"]) ?? {},
    max_joins: readMaxJoins(claims["max_joins"]),
  };
}

// The forms that tokens had in 2021 to 2024. They count only when our own key signed them.
function readLegacy(
  claims: JWTPayload,
  base: { readonly tm_expire: Instant; readonly jti: TokenId },
): VerifiedToken | null {
  const user = asObject(claims["user"]);
  if (user && Number.isSafeInteger(user["id"])) {
    // permission 1 stood for the customer's administrator.
    const permission = user["permission"] === 1 ? permissions.customer_admin : 0;
    return {
      type: "legacy",
      ...base,
      customer: user["id"] as number,
      permission,
      view: "legacy",
    };
  }
  const customer = asObject(claims["customer"]);
  const customer_id = readUuid<CustomerId>(customer?.["id"]);
  if (customer && customer_id) {
    const ids = Array.isArray(customer["permission_ids"]) ? customer["permission_ids"] : [];
    const permission = ids.includes(admin_permission_id) ? permissions.customer_admin : 0;
    return { type: "legacy", ...base, customer: customer_id, permission, view: null };
  }
  const agent = asObject(claims["agent"]);
  const id = readUuid<AgentId>(agent?.["id"]);
  const agents_customer = readUuid<CustomerId>(agent?.["customer_id"]);
  if (agent && id && agents_customer) {
    return { type: "agent", ...base, id, customer_id: agents_customer, tm_issue: issueOf(claims) };
  }
  return null;
}

/** The reserved permission "admin" of the older tokens. */
const admin_permission_id = "03796e14-7cb4-11ec-9dba-e72023efd1c6";

// `exp` in seconds; one form wrote a timestamp into `expire` instead.
function expiryOf(claims: JWTPayload): Instant | null {
  if (typeof claims.exp === "number") return Math.floor(claims.exp * 1_000_000);
  return typeof claims["expire"] === "string" ? readTimestamp(claims["expire"]) : null;
}

const issueOf = ({ iat }: JWTPayload): Instant | null =>
  typeof iat === "number" ? Math.round(iat * 1_000_000) : null;

const readMaxJoins = (value: unknown): number =>
  typeof value === "number" && Number.isInteger(value) && value > 0 ? value : max_joins_default;

function asObject(value: unknown): Record<string, unknown> | null {
  let read = value;
  if (typeof value === "string") {
    try {
      read = JSON.parse(value);
    } catch {
      return null;
    }
  }
  return typeof read === "object" && read !== null && !Array.isArray(read)
    ? (read as Record<string, unknown>)
    : null;
}

const readUuid = <T extends string>(value: unknown): T | null =>
  typeof value === "string" && isUuid(value) ? (value.toLowerCase() as T) : null;
