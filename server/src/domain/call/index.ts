// Public face of the call noun: one signalling leg.
export { type CallStatus, callMachine } from "./machine.ts";
export { Call, type CallRow, showCall } from "./record.ts";
export { type Calls, createCalls } from "./service.ts";
