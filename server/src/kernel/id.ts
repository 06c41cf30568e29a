// The only place that draws random numbers: ids, secrets and their hashes.
import { hash, randomBytes, randomFillSync } from "node:crypto";

declare const brand: unique symbol;
/** A string that cannot be confused with another kind of id. */
export type Id<Kind extends string> = string & { readonly [brand]: Kind };

/** Ids of the API's nouns. */
export type CustomerId = Id<"customer">;
export type AccesskeyId = Id<"accesskey">;
export type AgentId = Id<"agent">;
export type ConferenceId = Id<"conference">;
export type ConferencecallId = Id<"conferencecall">;
export type CallId = Id<"call">;
export type MessageId = Id<"message">;
export type EventId = Id<"event">;
/** The `jti` of a token. Join tokens made before they were kept have one that is no UUID. */
export type TokenId = Id<"token">;

/** Where ids and secrets come from. */
export interface Ids {
  /** A new UUID version 7 (RFC 9562 section 5.7); sorts by time of creation. */
  next<Kind extends Id<string>>(): Kind;
  /** `length` characters of the alphabet A-Z a-z 0-9 - _, 6 random bits each. */
  secret(length: number): string;
  /** A random integer 0 ≤ n < `below` (`below` ≤ 2^32). */
  number(below: number): number;
}

/** Ids from the system's random source; `now_ms` gives the time part. */
export function createIds(now_ms: () => number): Ids {
  const pool = Buffer.alloc(4096);
  let used = pool.length;
  const take = (count: number): Buffer => {
    if (used + count > pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    used += count;
    return pool.subarray(used - count, used);
  };
  let last_ms = 0;
  let sequence = 0;
  return {
    next<Kind extends Id<string>>() {
      // Monotonic within a millisecond by a 12-bit counter in rand_a (RFC 9562 section 6.2, method 1).
      const ms = Math.floor(now_ms());
      if (ms > last_ms) {
        last_ms = ms;
        sequence = take(2).readUInt16BE() & 0x7ff;
      } else if (++sequence > 0xfff) {
        last_ms += 1;
        sequence = 0;
      }
      const bytes = Buffer.alloc(16);
      bytes.writeUIntBE(last_ms, 0, 6);
      bytes.writeUInt16BE(0x7000 | sequence, 6);
      take(8).copy(bytes, 8);
      bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
      const hex = bytes.toString("hex");
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as Kind;
    },
    secret: (length) => randomBytes(length).toString("base64url").slice(0, length),
    number: (below) => randomBytes(4).readUInt32BE() % below,
  };
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether `text` is a UUID in its usual spelling. */
export const isUuid = (text: string): boolean => uuid.test(text);

/** SHA-256 of a secret, hexadecimal; what is stored in its place. */
export const hashSecret = (secret: string): string => hash("sha256", secret, "hex");
