// Tokens: compact JWTs, HS256 and nothing else. Their claims carry no secret and no profile.
import { compactVerify, errors, type JWTPayload, SignJWT } from "jose";
import type { Clock, Instant } from "../../kernel/clock.ts";
import type { AgentId, ConferenceId, CustomerId, Ids } from "../../kernel/id.ts";
import { isUuid } from "../../kernel/id.ts";
import type { Log } from "../../kernel/log.ts";
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
}

/** A token whose signature and times are right. Whether its subject still exists is for others to say. */
export type VerifiedToken =
  | {
      readonly type: "agent";
      readonly tm_expire: Instant;
      readonly id: AgentId;
      readonly customer_id: CustomerId;
    }
  | ({
      readonly type: "participant";
      readonly tm_expire: Instant;
      readonly jti: string;
    } & JoinClaims)
  | {
      /** One of the older forms (platform.md section 1): names a customer, by number or id. */
      readonly type: "legacy";
      readonly tm_expire: Instant;
      readonly customer: number | CustomerId;
      readonly permission: number;
      readonly view: "legacy" | null;
    };

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
  ): Promise<{ token: string; tm_expire: Instant; jti: string }>;
  /** Errors: INVALID_CREDENTIALS, always with the same sentence. */
  verify(token: string): Promise<VerifiedToken>;
}

/** Bytes of the signing secret, at least (RFC 7518 section 3.2). */
export const secret_bytes_min = 32;
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
  ): Promise<{ token: string; tm_expire: Instant; jti: string }> => {
    const now_s = Math.floor(clock.now() / 1_000_000);
    const exp = now_s + lifetime_s;
    const jti = ids.secret(16);
    const token = await new SignJWT({ ...claims, iat: now_s, exp, jti })
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
        const { payload } = await compactVerify(token, key, { algorithms: ["HS256"] });
        const claims = asObject(new TextDecoder().decode(payload));
        const verified = claims && readClaims(claims, clock.now());
        if (verified) return verified;
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

function readClaims(claims: JWTPayload, now: Instant): VerifiedToken | null {
  const tm_expire = expiryOf(claims);
  if (tm_expire === null || tm_expire <= now) return null;
  const not_before = claims.nbf;
  if (not_before !== undefined && !(not_before * 1_000_000 <= now)) return null;
  const { type, sub } = claims;
  const customer_id = readUuid<CustomerId>(claims["customer_id"]);
  if (type === "agent" && customer_id) {
    const id = readUuid<AgentId>(sub);
    return id && { type, tm_expire, id, customer_id };
  }
  if (type === "participant" && customer_id) return readJoin(claims, customer_id, tm_expire);
  return readLegacy(claims, tm_expire);
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
    jti,
    customer_id,
    conference_id,
    role,
    name: text(claims["name"]),
    label: text(claims["label"]),
    metadata: asObject(claims["metadata"]) ?? {},
  };
}

// The forms that tokens had in 2021 to 2024. They count only when our own key signed them.
function readLegacy(claims: JWTPayload, tm_expire: Instant): VerifiedToken | null {
  const user = asObject(claims["user"]);
  if (user && Number.isSafeInteger(user["id"])) {
    // permission 1 stood for the customer's administrator.
    const permission = user["permission"] === 1 ? permissions.customer_admin : 0;
    return {
      type: "legacy",
      tm_expire,
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
    return { type: "legacy", tm_expire, customer: customer_id, permission, view: null };
  }
  const agent = asObject(claims["agent"]);
  const id = readUuid<AgentId>(agent?.["id"]);
  const agents_customer = readUuid<CustomerId>(agent?.["customer_id"]);
  if (agent && id && agents_customer) {
    return { type: "agent", tm_expire, id, customer_id: agents_customer };
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
