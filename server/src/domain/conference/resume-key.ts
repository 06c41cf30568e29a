// The secret of a join: who shows it is whoever made that join, and may do nothing else.
import { timingSafeEqual } from "node:crypto";
import { hashSecret, type TokenId } from "../../kernel/id.ts";
import { problems } from "../../kernel/problem.ts";
import type { ConferencecallRow } from "../conferencecall/index.ts";
import type { Caller, ParticipantCaller, Revocations } from "../customer/index.ts";

/** Whether this is the secret whose hash is kept. Takes as long for a wrong one. */
export function isResumeKey(resume_key: string, resume_hash: string | null): boolean {
  if (resume_hash === null) return false;
  return timingSafeEqual(Buffer.from(hashSecret(resume_key)), Buffer.from(resume_hash));
}

/** Whether the caller made this join: with the same join token, or by the key of this join alone. */
export const madeJoin = (caller: Caller, row: ConferencecallRow): boolean =>
  caller.type === "participant" &&
  (caller.only_call === undefined
    ? row.token_jti !== null && row.token_jti === caller.jti
    : row.id === caller.only_call);

/**
 * Who shows the key of a join, for as long as the join lasts, also where its join token has expired meanwhile: a client that cannot
 * send headers has nothing else. A join that left by itself is still known, so that leaving twice is no fault.
 * Errors: INVALID_CREDENTIALS, also where there is no such join; TOKEN_REVOKED after a kick, or when the join token was taken back.
 */
export async function callerByKey(
  row: ConferencecallRow | null,
  resume_key: string,
  revocations: Pick<Revocations, "find">,
): Promise<ParticipantCaller> {
  if (row === null || !isResumeKey(resume_key, row.resume_hash)) {
    throw problems.INVALID_CREDENTIALS();
  }
  const jti = row.token_jti as TokenId | null;
  const is_removed = row.leave_reason === "kicked";
  if (is_removed || (jti !== null && (await revocations.find(jti)) === "revoked")) {
    throw problems.TOKEN_REVOKED({ details: [{ credential: "resume_key" }] });
  }
  return {
    type: "participant",
    only_call: row.id,
    customer_id: row.customer_id,
    conference_id: row.conference_id,
    // The customer's own joins have no token; what is limited and logged goes by the join then.
    jti: jti ?? (row.id as string as TokenId),
    max_joins: 0,
    tm_expire: Number.MAX_SAFE_INTEGER,
    // Of the least: a host's key leaves and mutes one person, and hosts nothing.
    role: "listener",
    name: row.name,
    label: row.label,
    metadata: {},
  };
}
