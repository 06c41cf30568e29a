// Who asks, and what they may do.
import type { Instant } from "../../kernel/clock.ts";
import { type Actor, system } from "../../kernel/event.ts";
import type {
  AccesskeyId,
  AgentId,
  ConferencecallId,
  ConferenceId,
  CustomerId,
  TokenId,
} from "../../kernel/id.ts";
import { problems } from "../../kernel/problem.ts";

/** Bits of `permission` (platform.md section 4). */
export const permissions = {
  /** Runs the installation: makes customers. */
  project_super_admin: 0x0001,
  /** Answers calls of a customer, changes nothing. */
  customer_agent: 0x0010,
  /** Everything of one customer. */
  customer_admin: 0x0020,
  /** Conferences of one customer. */
  customer_manager: 0x0040,
} as const;

/** What somebody who joins by a link may do in a conference. */
export const roles = ["host", "member", "listener"] as const;
/** One of {@link roles}. */
export type Role = (typeof roles)[number];

/** Somebody with an account: a person's token, or an access key. */
export type CustomerCaller = {
  readonly customer_id: CustomerId;
  readonly permission: number;
  /** Set by tokens of the oldest form: answers take the legacy view (platform.md section 2). */
  readonly view: "legacy" | null;
} & (
  | { readonly type: "agent"; readonly id: AgentId }
  | { readonly type: "accesskey"; readonly id: AccesskeyId }
);

/** Somebody with a join token: one conference, one role. */
export interface ParticipantCaller {
  readonly type: "participant";
  /** Set for who showed the key of one join: may change and end that join, and nothing else. */
  readonly only_call?: ConferencecallId;
  readonly customer_id: CustomerId;
  readonly conference_id: ConferenceId;
  /** Names the token; a join made with it can only be resumed and left with it. */
  readonly jti: TokenId;
  /** People who may be in with it at a time. */
  readonly max_joins: number;
  /** When the token ends; a join that it made may last longer. */
  readonly tm_expire: Instant;
  readonly role: Role;
  readonly name: string;
  readonly label: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Who asks. */
export type Caller = CustomerCaller | ParticipantCaller;

/** The caller as the journal names them; somebody with a join token is named by their conferencecall, where it is known. */
export function actorOf(caller: Caller, conferencecall_id: ConferencecallId | null = null): Actor {
  if (caller.type === "agent") return { type: "agent", id: caller.id };
  if (caller.type === "accesskey") return { type: "accesskey", id: caller.id };
  return conferencecall_id === null ? system : { type: "conferencecall", id: conferencecall_id };
}

const manages =
  permissions.project_super_admin | permissions.customer_admin | permissions.customer_manager;

/** Whether the caller may manage the customer's resources. */
export const mayManage = (caller: Caller): caller is CustomerCaller =>
  caller.type !== "participant" && (caller.permission & manages) !== 0;

/** Lets through who may manage the customer's resources. Errors: PERMISSION_DENIED. */
export function requireManager(caller: Caller): CustomerCaller {
  if (!mayManage(caller)) throw problems.PERMISSION_DENIED();
  return caller;
}

/** Lets through who administers the customer: agents and access keys. Errors: PERMISSION_DENIED. */
export function requireAdmin(caller: Caller): CustomerCaller {
  const admins = permissions.project_super_admin | permissions.customer_admin;
  if (caller.type === "participant" || (caller.permission & admins) === 0) {
    throw problems.PERMISSION_DENIED();
  }
  return caller;
}

/** Lets through who runs the installation. Errors: PERMISSION_DENIED. */
export function requireSuperAdmin(caller: Caller): CustomerCaller {
  if (
    caller.type === "participant" ||
    (caller.permission & permissions.project_super_admin) === 0
  ) {
    throw problems.PERMISSION_DENIED();
  }
  return caller;
}

/** Whether the caller may see the conference at all: its customer's managers, and who holds a join token for it. */
export const seesConference = (
  caller: Caller,
  conference: { readonly id: ConferenceId; readonly customer_id: CustomerId },
): boolean =>
  caller.customer_id === conference.customer_id &&
  (caller.type === "participant" ? caller.conference_id === conference.id : mayManage(caller));

/** Whether the caller may mute, kick and end: hosts and the customer. */
export const mayHost = (caller: Caller): boolean =>
  caller.type === "participant" ? caller.role === "host" : mayManage(caller);
