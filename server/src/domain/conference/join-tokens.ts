// Join tokens: given out, listed, taken back.
import type { Clock } from "../../kernel/clock.ts";
import type { ConferenceId, TokenId } from "../../kernel/id.ts";
import { lifetimeOf } from "../../kernel/lifetime.ts";
import { cutPage, type Page, type PageQuery } from "../../kernel/page.ts";
import { problems } from "../../kernel/problem.ts";
import { writeTimestamp } from "../../kernel/wire.ts";
import type { Store, Tx } from "../../store/index.ts";
import { type ConferencecallRow, conferencecallStore } from "../conferencecall/index.ts";
import {
  actorOf,
  type Caller,
  type Held,
  mayHost,
  type ParticipantCaller,
  type Revocations,
  type Revoked,
  type Role,
  roles,
  type Tokens,
} from "../customer/index.ts";
import {
  type CreatedJoinToken,
  type JoinToken,
  join_token_lifetime_max_s,
  join_token_lifetime_s,
  metadata_bytes_max,
  type NewJoinToken,
  requireBytes,
} from "./input.ts";
import * as tokenStore from "./join-token-store.ts";
import { conferenceProblems } from "./problems.ts";
import type { ConferenceRow } from "./record.ts";
import { type Aftermath, emptyAftermath, type Steps } from "./steps.ts";
import * as conferenceStore from "./store.ts";

/** How many there may be (`limits.*`). */
export interface JoinTokenLimits {
  /** Good tokens of one conference. */
  readonly join_tokens_max: number;
  /** Good tokens that one host's token made. */
  readonly host_join_tokens_max: number;
  /** People in with one token at a time, where it does not say. */
  readonly token_joins_max: number;
}

/** Use cases of join tokens. By the customer; a host with a token makes, sees and takes back their own. */
export interface JoinTokens {
  /** Makes a link. A host's has no higher role, lasts no longer and lets in no more than `host_token_joins_max`. Errors: CONFERENCE_NOT_FOUND, STATE_INVALID, INVALID_ARGUMENT, PERMISSION_DENIED, LIMIT_EXCEEDED. */
  create(caller: Caller, id: ConferenceId, input: NewJoinToken): Promise<CreatedJoinToken>;
  /** Those that are good, newest first. Errors: CONFERENCE_NOT_FOUND, PERMISSION_DENIED. */
  list(caller: Caller, id: ConferenceId, query: PageQuery): Promise<Page<JoinToken>>;
  /** Takes a token back: nothing can be done with it, who is in with it is removed. Idempotent. Errors: CONFERENCE_NOT_FOUND, JOIN_TOKEN_NOT_FOUND, PERMISSION_DENIED. Emits: conferencecall_leaving. */
  remove(caller: Caller, id: ConferenceId, token_id: string): Promise<JoinToken>;
  /**
   * Bars the token of somebody who is being removed. `held` counts before the transaction begins, so that no join slips in between.
   * To be called with the conference locked, after the join itself has begun to leave.
   */
  ban(tx: Tx, call: ConferencecallRow, held: Held, after: Aftermath): Promise<void>;
  /** Begins it; see {@link ban}. */
  hold(token_id: TokenId): Held;
  /** Somebody left: where their token was barred for new joins only, and they were the last, it is good for nothing now. */
  left(call: ConferencecallRow): Promise<void>;
}

/** People who may be in with a token that a host made. */
export const host_token_joins_max = 25;

/** Makes them. `settle` does what remains after a commit. */
export function createJoinTokens(ports: {
  store: Store;
  clock: Clock;
  tokens: Tokens;
  revocations: Revocations;
  steps: Steps;
  settle: (after: Aftermath) => void;
  rowFor: (caller: Caller, id: ConferenceId) => Promise<ConferenceRow>;
  publicUrl: () => string;
  limits: JoinTokenLimits;
}): JoinTokens {
  const { store, clock, tokens, revocations, steps, settle, rowFor, limits } = ports;

  const requireMaker = async (caller: Caller, id: ConferenceId): Promise<ConferenceRow> => {
    const row = await rowFor(caller, id);
    if (!mayHost(caller)) {
      throw problems.PERMISSION_DENIED({ message: "only hosts and the customer handle links" });
    }
    return row;
  };

  // A token that is taken back takes those with it that it made and that nobody is in with: who is removed may have kept a second one.
  const unusedOf = async (tx: Tx, id: TokenId, conference_id: ConferenceId): Promise<Revoked[]> => {
    const made = await tokenStore.madeBy(tx.db, id);
    if (made.length === 0) return [];
    const present = await conferencecallStore.present(tx.db, conference_id);
    const used = new Set(present.map(({ token_jti }) => token_jti));
    return made.filter((one) => !used.has(one.id)).map((one) => ({ ...one, state: "revoked" }));
  };

  const removeJoins = async (
    tx: Tx,
    calls: readonly ConferencecallRow[],
    actor: Parameters<Steps["startLeaving"]>[2]["actor"],
    after: Aftermath,
  ): Promise<void> => {
    for (const call of calls) {
      await steps.startLeaving(tx, call.id, { actor, reason: "kicked" }, after);
    }
  };

  const presentWith = async (
    tx: Tx,
    conference_id: ConferenceId,
    token_id: string,
  ): Promise<ConferencecallRow[]> =>
    (await conferencecallStore.present(tx.db, conference_id)).filter(
      (call) => call.token_jti === token_id && call.status !== "leaving",
    );

  return {
    async create(caller, id, input) {
      const conference = await requireMaker(caller, id);
      if (conference.status !== "starting" && conference.status !== "progressing") {
        throw conferenceProblems.STATE_INVALID({
          message: `the conference is ${conference.status}`,
          details: [{ status: conference.status }],
        });
      }
      const metadata = input.metadata ?? {};
      requireBytes("metadata", metadata, metadata_bytes_max);
      const host = caller.type === "participant" ? caller : null;
      const role = input.role ?? "member";
      const max_joins = input.max_joins ?? limits.token_joins_max;
      let lifetime_s = lifetimeOf(input) ?? join_token_lifetime_s;
      if (host) {
        requireWithin(host, role, max_joins);
        const left_s = Math.floor((host.tm_expire - clock.now()) / 1_000_000);
        lifetime_s = Math.max(1, Math.min(lifetime_s, left_s, join_token_lifetime_max_s));
      }
      const { name = "", label = "" } = input;
      const { customer_id } = caller;
      const claims = { customer_id, conference_id: id, role, name, label, metadata, max_joins };
      const { token, tm_expire, jti } = await tokens.signJoin(claims, lifetime_s);
      const made_by = host?.jti ?? null;
      const row = {
        ...{ id: jti, customer_id, conference_id: id, made_by, role, name, label, max_joins },
        ...{ tm_create: clock.now(), tm_expire },
      };
      const max = host ? limits.host_join_tokens_max : limits.join_tokens_max;
      let is_made = await tokenStore.insert(store.db, row, max);
      if (!is_made) {
        // Only the good ones count; the others are in the way of nothing but room.
        await tokenStore.clear(store.db, id, row.tm_create);
        is_made = await tokenStore.insert(store.db, row, max);
      }
      if (!is_made) {
        throw problems.LIMIT_EXCEEDED({
          message: `there are ${max} good links already: take some back`,
          details: [{ limit: max, limited_by: host ? "host" : "conference" }],
        });
      }
      // They may be being removed at this moment: what takes their token back looks for those that it made afterwards.
      if (host && (await revocations.find(host.jti)) !== null) {
        await tokenStore.remove(store.db, jti);
        throw problems.TOKEN_REVOKED();
      }
      return {
        ...showJoinToken(row),
        token,
        url: `${ports.publicUrl()}/meet/${id}#token=${token}`,
      };
    },

    async list(caller, id, query) {
      await requireMaker(caller, id);
      const made_by = caller.type === "participant" ? caller.jti : null;
      const rows = await tokenStore.page(store.db, id, query, { now: clock.now(), made_by });
      return cutPage(rows, query, showJoinToken);
    },

    async remove(caller, id, token_id) {
      await requireMaker(caller, id);
      const row = await tokenStore.find(store.db, id, token_id);
      if (!row || (caller.type === "participant" && row.made_by !== caller.jti)) {
        throw conferenceProblems.JOIN_TOKEN_NOT_FOUND();
      }
      const held = revocations.hold([row.id]);
      try {
        const after = await store.transaction(async (tx) => {
          const after = emptyAftermath();
          await conferenceStore.lock(tx.db, id);
          const by =
            caller.type === "participant"
              ? await conferencecallStore.findByToken(tx.db, id, caller.jti)
              : null;
          const actor = actorOf(caller, by?.id ?? null);
          await removeJoins(tx, await presentWith(tx, id, row.id), actor, after);
          const unused = await unusedOf(tx, row.id, id);
          await held.write(tx.db, [{ ...row, state: "revoked" }, ...unused]);
          return after;
        });
        held.keep();
        settle(after);
      } finally {
        held.release();
      }
      return showJoinToken(row);
    },

    hold: (token_id) => revocations.hold([token_id]),

    async ban(tx, call, held, after) {
      const { token_jti, conference_id, customer_id, role } = call;
      if (token_jti === null) return;
      const id = token_jti as TokenId;
      const others = (await presentWith(tx, conference_id, id)).filter((one) => one.id !== call.id);
      // Whoever holds a host's link could go on as a host: with those, everybody goes.
      const is_shared = others.length > 0 && role !== "host";
      if (!is_shared) {
        await removeJoins(tx, others, { type: "system", id: null }, after);
      }
      const known = await tokenStore.find(tx.db, conference_id, id);
      const tm_expire = known?.tm_expire ?? clock.now() + join_token_lifetime_max_s * 1_000_000;
      const state = is_shared ? "banned" : "revoked";
      const unused = await unusedOf(tx, id, conference_id);
      await held.write(tx.db, [{ id, customer_id, tm_expire, state }, ...unused]);
    },

    async left(call) {
      const id = call.token_jti as TokenId | null;
      if (id === null || (await revocations.find(id)) !== "banned") return;
      if (await conferencecallStore.findByToken(store.db, call.conference_id, id)) return;
      const known = await tokenStore.find(store.db, call.conference_id, id);
      const tm_expire = known?.tm_expire ?? clock.now() + join_token_lifetime_max_s * 1_000_000;
      const { customer_id } = call;
      await revocations.revoke([{ id, customer_id, tm_expire, state: "revoked" }]);
    },
  };
}

/** A host gives out no more than they have. */
function requireWithin(host: ParticipantCaller, role: Role, max_joins: number): void {
  if (roles.indexOf(role) < roles.indexOf(host.role)) {
    throw problems.PERMISSION_DENIED({ message: `a ${host.role} makes no link for a ${role}` });
  }
  if (max_joins > host_token_joins_max) {
    throw problems.INVALID_ARGUMENT({
      message: `a link that a host makes lets in ${host_token_joins_max} people at a time`,
      details: [{ field: "max_joins", limit: host_token_joins_max }],
    });
  }
}

const showJoinToken = (row: tokenStore.JoinTokenRow): JoinToken => ({
  id: row.id,
  conference_id: row.conference_id,
  role: row.role,
  name: row.name,
  label: row.label,
  max_joins: row.max_joins,
  tm_create: writeTimestamp(row.tm_create),
  tm_expire: writeTimestamp(row.tm_expire),
});
