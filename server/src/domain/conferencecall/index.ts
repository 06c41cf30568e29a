// Public face of the conferencecall noun: one join. The rules that involve the room are the conference's.
export { type ConferencecallStatus, conferencecallMachine } from "./machine.ts";
export { conferencecallProblems } from "./problems.ts";
export {
  Conferencecall,
  type ConferencecallRow,
  type LeaveReason,
  showConferencecall,
} from "./record.ts";
export * as conferencecallStore from "./store.ts";
