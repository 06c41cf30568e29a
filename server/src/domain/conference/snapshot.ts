// A conference at one moment, for readers that go on with its events from there.
import type { ConferencecallId, ConferenceId } from "../../kernel/id.ts";
import type { View } from "../../store/index.ts";
import {
  type Conferencecall,
  conferencecallStore,
  showConferencecall,
} from "../conferencecall/index.ts";
import type { ParticipantCaller } from "../customer/index.ts";
import { type Conference, showConference } from "./record.ts";
import * as conferenceStore from "./store.ts";

/** A conference with everybody in it, and the number of the last event that is contained. */
export interface ConferenceSnapshot {
  readonly seq: number;
  readonly conference: Conference;
  /** Everybody who has not left, in the order of their joins. */
  readonly conferencecalls: readonly Conferencecall[];
}

/** Reads a snapshot; null when there is no such conference. */
export async function readSnapshot(
  view: View,
  id: ConferenceId,
): Promise<ConferenceSnapshot | null> {
  const row = await conferenceStore.find(view.db, id);
  if (!row) return null;
  const present = await conferencecallStore.present(view.db, id);
  return {
    seq: await view.latest(id),
    conference: showConference(row),
    conferencecalls: present.map(showConferencecall),
  };
}

/** Every join that a token made, also those that ended: whose private messages its owner reads. */
export const readersOf = (
  view: Pick<View, "db">,
  caller: ParticipantCaller,
): Promise<ReadonlySet<ConferencecallId>> =>
  conferencecallStore.idsByToken(view.db, caller.conference_id, caller.jti);
