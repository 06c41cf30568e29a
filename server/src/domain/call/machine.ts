// States of one signalling leg (calls-and-flows.md section 2).
import { machine } from "../../kernel/machine.ts";

/** A browser's call starts at `ringing` and is `progressing` once media flows. */
export const callMachine = machine({
  dialing: ["ringing", "progressing", "canceling", "terminating", "hangup"],
  ringing: ["progressing", "canceling", "terminating", "hangup"],
  progressing: ["terminating", "hangup"],
  canceling: ["hangup"],
  terminating: ["hangup"],
  hangup: [],
});

/** A state of a call. */
export type CallStatus = (typeof callMachine.states)[number];
