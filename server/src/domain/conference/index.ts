// Public face of the conference noun: the container, who is in it, and its media side's port.
export {
  type Conferencecalls,
  connect_timeout_ms,
  type JoinChanges,
  type NewJoin,
} from "./conferencecalls.ts";
export {
  ConferenceChanges,
  JoinToken,
  NewConference,
  NewJoinToken,
} from "./input.ts";
export { type ConferenceStatus, conferenceMachine } from "./machine.ts";
export { conferenceProblems } from "./problems.ts";
export {
  Conference,
  type ConferenceRow,
  type ConferenceType,
  conference_types,
  showConference,
} from "./record.ts";
export type { Attendance } from "./room.ts";
export { type Conferences, createConferences } from "./service.ts";
export { talkRoom } from "./talk-room.ts";
