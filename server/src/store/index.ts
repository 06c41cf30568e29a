// The SQL port: one PostgreSQL dialect on two drivers (any server, or the private embedded one), transactions, and the journal.
import type { Kysely } from "kysely";
import type { Instant } from "../kernel/clock.ts";
import type { Actor, EventType } from "../kernel/event.ts";
import type { ConferencecallId, ConferenceId, CustomerId, EventId } from "../kernel/id.ts";

/** A database handle that knows no tables yet; a noun names its own: `db.withTables<{ conferences: ConferenceRow }>()`. */
export type Database = Kysely<Record<never, never>>;

/** A change to announce, given to {@link Tx.append}. */
export interface NewEvent {
  readonly customer_id: CustomerId;
  readonly conference_id: ConferenceId;
  readonly type: EventType;
  /** The resource as REST shows it. */
  readonly data: object;
  readonly actor: Actor;
  /** What led to it, in one word of the API (`kicked`, `timeout`), where the type does not say it. */
  readonly cause?: string;
  /** Private: only these joins, and customers, see it. Absent: everybody. */
  readonly audience?: readonly ConferencecallId[];
}

/** A line of the journal. */
export interface JournalEvent {
  readonly id: EventId;
  /** Its place in the order of {@link Journal.subscribe}: rises from event to event, with gaps. */
  readonly position: number;
  readonly customer_id: CustomerId;
  readonly conference_id: ConferenceId;
  /** 1, 2, 3, … within the conference, without gaps. */
  readonly seq: number;
  readonly type: EventType;
  readonly data: object;
  readonly actor: Actor;
  readonly cause: string | null;
  readonly audience: readonly ConferencecallId[] | null;
  readonly tm: Instant;
}

/** A write in progress. Ends with the function that it was given to. */
export interface Tx {
  readonly db: Database;
  /**
   * Announces a change together with the write. The events are numbered and stored just before the commit, in the
   * order of their appending; listeners hear of them after it.
   */
  append(event: NewEvent): EventId;
}

/** A read of one moment: every query in it sees the same state of the database. */
export interface View {
  readonly db: Database;
  /** The number of the conference's last event at this moment; 0 where there is none. */
  latest(conference_id: ConferenceId): Promise<number>;
}

/** Everything that was ever announced, in order. */
export interface Journal {
  /** Events of one conference with `seq > after_seq`, oldest first, at most `limit`. */
  read(
    conference_id: ConferenceId,
    after_seq: number,
    limit: number,
  ): Promise<readonly JournalEvent[]>;
  /** The same, until their data is `bytes_max` long as text: the database reads no more into memory, but one event at least. `is_last`: nothing follows for certain. */
  readPage(
    conference_id: ConferenceId,
    after_seq: number,
    bounds: { readonly events_max: number; readonly bytes_max: number },
  ): Promise<{ readonly events: readonly JournalEvent[]; readonly is_last: boolean }>;
  /** The number of the conference's last event; 0 where there is none. */
  latest(conference_id: ConferenceId): Promise<number>;
  /**
   * Events of one customer after the given one, in the order of {@link subscribe}, at most `limit`.
   * Null when the id names no event of this customer: the reader has a gap.
   */
  readCustomer(
    customer_id: CustomerId,
    after: EventId,
    limit: number,
  ): Promise<readonly JournalEvent[] | null>;
  /** How many events of one customer came after the given one, counted up to `max`. Null as in {@link readCustomer}. */
  countAfter(customer_id: CustomerId, after: EventId, max: number): Promise<number | null>;
  /**
   * Calls the listener with each event after its commit; per conference in the order of `seq` without gaps, and over all
   * conferences in one order that {@link readCustomer} repeats. Listeners return at once and do not throw. The result ends it.
   */
  subscribe(listener: (event: JournalEvent) => void): () => void;
}

/** The database as nouns see it. */
export interface Store {
  /** For single statements outside a transaction. */
  readonly db: Database;
  readonly journal: Journal;
  /**
   * Runs, commits, then publishes the events that were appended inside. When `run` throws, nothing is written.
   * `run` is repeated when the database refuses the order of two writes (SQLSTATE 40001, 40P01): it must touch nothing but `tx`.
   * Waiting for anything but `tx` in it holds up others.
   * Errors: SERVICE_UNAVAILABLE when the database cannot be reached, or does not say whether a commit without events took place.
   */
  transaction<T>(run: (tx: Tx) => Promise<T>): Promise<T>;
  /** Runs queries on one moment's state, e.g. a snapshot together with the sequence that it stands for. */
  view<T>(run: (view: View) => Promise<T>): Promise<T>;
  /**
   * Whether somebody has been waiting for the outcome of a commit for longer than anybody waits for a silent database
   * (`limits.database_silent_ms`): its connection broke and the database does not say yet what became of it.
   */
  isInDoubt(): boolean;
  /** Whether the database answers; for /health. */
  check(): Promise<{ readonly ok: boolean; readonly detail: string }>;
  close(): Promise<void>;
}

/** One forward step of the schema. Never edited once released: the checksum of its statements is kept in the database. */
export interface Migration {
  /** Position and name, as in its file: `0001-nouns`. */
  readonly name: string;
  /** Statements, run in order in one transaction. */
  readonly statements: readonly string[];
}

export { openStore, type StorePorts, type StoreSettings } from "./open.ts";
