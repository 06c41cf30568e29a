// States of one join (conference.md section 4).
import { machine } from "../../kernel/machine.ts";

/** `joined` → `leaved` is a natural end, `leaving` is somebody else's decision that the media plane has yet to carry out. */
export const conferencecallMachine = machine({
  joining: ["joined", "leaving", "leaved"],
  joined: ["leaving", "leaved"],
  leaving: ["leaved"],
  leaved: [],
});

/** A state of a conferencecall. */
export type ConferencecallStatus = (typeof conferencecallMachine.states)[number];
