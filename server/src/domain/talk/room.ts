// The conference as its chat sees it. The conference noun implements it: it stands to the right of this one.
import type { ConferencecallId, ConferenceId, CustomerId } from "../../kernel/id.ts";
import type { Database, Tx } from "../../store/index.ts";
import type { ParticipantCaller } from "../customer/index.ts";

/** A conference, as far as its chat needs it. */
export interface TalkConference {
  readonly id: ConferenceId;
  readonly customer_id: CustomerId;
  /** Nothing can be written any more. */
  readonly is_over: boolean;
}

/** Somebody in a conference, as far as the chat needs them. */
export interface TalkPerson {
  readonly id: ConferencecallId;
  readonly conference_id: ConferenceId;
  readonly name: string;
  /** Is in the conference now. */
  readonly is_joined: boolean;
}

/** What the chat asks of conferences and joins. */
export interface TalkRoom {
  /** One of this customer; another's is as one that is nowhere. */
  find(db: Database, customer_id: CustomerId, id: ConferenceId): Promise<TalkConference | null>;
  /** The same, held until the end of the transaction, so that nothing is written after its end. */
  hold(tx: Tx, customer_id: CustomerId, id: ConferenceId): Promise<TalkConference | null>;
  person(db: Database, id: ConferencecallId): Promise<TalkPerson | null>;
  /** The join that a token made and that still lasts; null when there is none. */
  personOf(db: Database, caller: ParticipantCaller): Promise<TalkPerson | null>;
  /** Every join that a token made, also those that ended. */
  idsOf(db: Database, caller: ParticipantCaller): Promise<ReadonlySet<ConferencecallId>>;
}
