// States of a conference (conference.md section 3).
import { machine } from "../../kernel/machine.ts";

/** Forward only; nobody joins before `progressing` or after it. */
export const conferenceMachine = machine({
  starting: ["progressing", "terminating"],
  progressing: ["terminating"],
  terminating: ["terminated"],
  terminated: [],
});

/** A state of a conference. */
export type ConferenceStatus = (typeof conferenceMachine.states)[number];
