// Public face of the customer noun: whose everything is, who logs in, who asks.
export {
  actorOf,
  type Caller,
  type CustomerCaller,
  mayHost,
  mayManage,
  type ParticipantCaller,
  permissions,
  type Role,
  requireAdmin,
  requireManager,
  roles,
  seesConference,
} from "./caller.ts";
export { Agent, type AgentRow, Customer, type CustomerRow } from "./record.ts";
export {
  createRevocations,
  type Held,
  type Revocation,
  type Revocations,
  type Revoked,
} from "./revocations.ts";
export { type Customers, createCustomers, Login, NewAgent, NewCustomer } from "./service.ts";
export {
  createTokens,
  type JoinClaims,
  type Tokens,
  type VerifiedToken,
} from "./token.ts";
