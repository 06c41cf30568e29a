// A conference and its joins as their chat sees them.
import { conferencecallStore } from "../conferencecall/index.ts";
import type { TalkConference, TalkPerson, TalkRoom } from "../talk/index.ts";
import { conferenceMachine } from "./machine.ts";
import type { ConferenceRow } from "./record.ts";
import * as conferenceStore from "./store.ts";

const showConference = (row: ConferenceRow | null): TalkConference | null =>
  row && {
    id: row.id,
    customer_id: row.customer_id,
    is_over: conferenceMachine.isFinal(row.status),
  };

type Call = Awaited<ReturnType<typeof conferencecallStore.find>>;
const showPerson = (row: Call): TalkPerson | null =>
  row && {
    id: row.id,
    conference_id: row.conference_id,
    name: row.name,
    is_joined: row.status === "joined",
  };

/** The port that the chat needs, on this noun's own tables. */
export const talkRoom: TalkRoom = {
  find: async (db, customer_id, id) =>
    showConference(await conferenceStore.findOwn(db, customer_id, id)),
  hold: async (tx, customer_id, id) =>
    showConference(await conferenceStore.lockOwn(tx.db, customer_id, id)),
  person: async (db, id) => showPerson(await conferencecallStore.find(db, id)),
  personOf: async (db, caller) =>
    showPerson(await conferencecallStore.findByToken(db, caller.conference_id, caller.jti)),
  idsOf: (db, caller) => conferencecallStore.idsByToken(db, caller.conference_id, caller.jti),
};
