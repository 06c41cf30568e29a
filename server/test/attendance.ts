// A media side that confirms an ejection when the test says so.
import type { Attendance, Conferences, NewJoin } from "../src/domain/conference/index.ts";
import type { ConferencecallRow } from "../src/domain/conferencecall/index.ts";
import type { Caller } from "../src/domain/customer/index.ts";
import type { CallId, ConferencecallId, ConferenceId, Ids } from "../src/kernel/id.ts";
import { type Rest, type RestOptions, startRest } from "./rest.ts";

/** The fake and what it was asked for. */
export interface SlowAttendance extends Attendance {
  /** Joins that are to be taken out, oldest first. */
  readonly ejected: ConferencecallRow[];
  readonly closed: ConferenceId[];
  /** When set, rooms open no sooner than this resolves. */
  opening: Promise<void> | null;
  /** Confirms every ejection so far. */
  confirm(): Promise<void>;
}

function createSlowAttendance(conferences: Conferences): SlowAttendance {
  const ejected: ConferencecallRow[] = [];
  const closed: ConferenceId[] = [];
  return {
    ejected,
    closed,
    opening: null,
    async roomOpened() {
      await this.opening;
    },
    async eject(row) {
      ejected.push(row);
    },
    async roomClosed(id) {
      closed.push(id);
    },
    async confirm() {
      for (const row of ejected.splice(0)) {
        await conferences.conferencecalls.leave(row.id, "room_failed");
      }
    },
  };
}

/** A join as an offer would make it. */
export const newJoin = (
  ids: Ids,
  conference_id: ConferenceId,
  given: Partial<NewJoin> = {},
): NewJoin => ({
  id: ids.next<ConferencecallId>(),
  call_id: ids.next<CallId>(),
  conference_id,
  name: "Ada",
  role: "member",
  label: "",
  metadata: {},
  muted: false,
  camera: false,
  screen: false,
  token_jti: null,
  resume_hash: null,
  ...given,
});

/** An edge with such a media side, and its administrator. */
export async function startSlowRest(
  given: RestOptions,
): Promise<{ rest: Rest; media: SlowAttendance; caller: Caller }> {
  const made: SlowAttendance[] = [];
  const rest = await startRest({
    ...given,
    attendance: (conferences) => {
      const media = createSlowAttendance(conferences);
      made.push(media);
      return media;
    },
  });
  const [media] = made;
  if (!media) throw new Error("conferences were made without their media side");
  return { rest, media, caller: await rest.authenticator.authenticate(rest.token) };
}
