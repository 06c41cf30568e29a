// Public face of the conference noun: the container, who is in it, and its media side's port.
export {
  createAttendance,
  type LiveHints,
  type MediaAttendance,
  type Speakers,
} from "./attendance.ts";
export type {
  Conferencecalls,
  JoinChanges,
  NewJoin,
} from "./conferencecalls.ts";
export {
  ConferenceChanges,
  CreatedJoinToken,
  JoinToken,
  NewConference,
  NewJoinToken,
} from "./input.ts";
export {
  createJoins,
  type JoinReply,
  type JoinRequest,
  type Joins,
  type TrickleReply,
} from "./join.ts";
export type { JoinTokenLimits, JoinTokens } from "./join-tokens.ts";
export { type ConferenceStatus, conferenceMachine } from "./machine.ts";
export {
  Conference,
  type ConferenceRow,
  type ConferenceType,
  conference_types,
} from "./record.ts";
export type { Attendance } from "./room.ts";
export type { TileOf, VoiceOf } from "./seat.ts";
export { type ConferenceLimits, type Conferences, createConferences } from "./service.ts";
export {
  createShowing,
  type PublishRequest,
  type Showing,
  type TileRequest,
} from "./showing.ts";
export { type ConferenceSnapshot, readersOf, readSnapshot } from "./snapshot.ts";
export { talkRoom } from "./talk-room.ts";
