// Offer and answer for WebRTC, without I/O: text in, parameters and text out. Time, chance and the
// worker's abilities come in as arguments, so the same offer with the same mint answers the same.
export { type AnswerTransport, writeAnswer } from "./answer.ts";
export { type Fragment, readFragment, writeFragment } from "./fragment.ts";
export { mid_length_max, rid_length_max } from "./limits.ts";
export { type Offer, readOffer } from "./offer.ts";
export type {
  Codec,
  CodecParameters,
  DtlsRole,
  Fingerprint,
  HeaderExtensions,
  HostCandidate,
  IceCredentials,
  LineRole,
  Medium,
  ReceiveLine,
  SendLine,
  SendRole,
  Source,
  SsrcParameters,
} from "./parameters.ts";
export {
  type AnswerPlan,
  type AnswerPolicy,
  type KnownSsrc,
  type Mint,
  planAnswer,
  type RoleOfLine,
} from "./plan.ts";
export { problems as sdpProblems } from "./problems.ts";
