// The media side of a conference as its rules see it.
import type { ConferenceId } from "../../kernel/id.ts";
import type { ConferencecallRow } from "../conferencecall/index.ts";

/** What the rules ask of the media side. Every verb is idempotent and called outside of transactions. */
export interface Attendance {
  /** A conference is being made: resolves when people can join it. Errors: SERVICE_UNAVAILABLE. */
  roomOpened(conference_id: ConferenceId): Promise<void>;
  /** The join is `leaving`: takes its endpoint out, then calls `conferencecalls.leave`. */
  eject(conferencecall: ConferencecallRow): Promise<void>;
  /** Something failed while a room was open for it: closes the room, now or when the database can be asked, unless there is a conference that goes on. */
  roomInDoubt?(conference_id: ConferenceId): void;
  /** The conference is `terminated`: nothing of it is needed any more. */
  roomClosed(conference_id: ConferenceId): Promise<void>;
}
