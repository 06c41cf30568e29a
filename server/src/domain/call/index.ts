// Public face of the call noun: one signalling leg.
export { type CallStatus, callMachine } from "./machine.ts";
export type { CallRow } from "./record.ts";
export { type Calls, createCalls } from "./service.ts";
