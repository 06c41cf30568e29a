// The journal: numbers events just before their commit, publishes them after it, in one order.
import { sql } from "kysely";
import type { Clock } from "../kernel/clock.ts";
import type { Actor, EventType } from "../kernel/event.ts";
import type { ConferencecallId, ConferenceId, CustomerId, EventId } from "../kernel/id.ts";
import type { Log } from "../kernel/log.ts";
import type { Database, Journal, JournalEvent, NewEvent } from "./index.ts";

/** An event with its id, waiting for the end of its transaction. */
export type PendingEvent = NewEvent & { readonly id: EventId };

/** What the end of the transaction came to. */
export type Outcome = "committed" | "aborted";

/** The journal as transactions see it. */
export interface JournalWriter extends Journal {
  /**
   * Stores the events through `write`, calls `commit`, and publishes when `outcome` says so. Events of one conference
   * are stored by one transaction at a time, which is what makes their numbers gap-free and their order that of the commits.
   */
  commit(
    db: Database,
    events: readonly PendingEvent[],
    commit: () => Promise<Outcome>,
  ): Promise<Outcome>;
}

interface EventRow {
  position: number;
  id: EventId;
  customer_id: CustomerId;
  conference_id: ConferenceId;
  seq: number;
  type: EventType;
  data: object;
  actor_type: Actor["type"];
  actor_id: string | null;
  cause: string | null;
  audience: readonly ConferencecallId[] | null;
  tm: number;
}

/** Events that the database measures at once. */
const measured_at_once = 100;

const columns = sql`position, id, customer_id, conference_id, seq, type, data, actor_type, actor_id, cause, audience, tm`;

const show = ({ actor_type, actor_id, ...row }: EventRow): JournalEvent => ({
  ...row,
  actor: { type: actor_type, id: actor_id } as Actor,
});

/** Makes the journal on a database whose last event has the position `last`. */
export function createJournal(
  db: Database,
  last: number,
  ports: { clock: Clock; log: Log },
): JournalWriter {
  const turns = createTurns();
  const publisher = createPublisher(ports.log);
  let position = last;

  return {
    async read(conference_id, after_seq, limit) {
      const { rows } = await sql<EventRow>`select ${columns} from events
        where conference_id = ${conference_id} and seq > ${after_seq} order by seq limit ${limit}`.execute(
        db,
      );
      return rows.map(show);
    },
    async readPage(conference_id, after_seq, { events_max, bytes_max }) {
      const events: JournalEvent[] = [];
      let bytes = 0;
      for (let after = after_seq; events.length < events_max && bytes < bytes_max; ) {
        // To be measured a row is unpacked, so that few are at a time.
        const asked = Math.min(measured_at_once, events_max - events.length);
        const { rows } = await sql<EventRow & { so_far: number }>`
          select ${columns}, so_far from (
            select ${columns}, octet_length(data::text) as own,
              sum(octet_length(data::text)) over (order by seq) as so_far
            from (select ${columns} from events
              where conference_id = ${conference_id} and seq > ${after} order by seq limit ${asked}) as next
          ) as measured
          where so_far - own < ${bytes_max - bytes} order by seq`.execute(db);
        events.push(...rows.map(({ so_far: _, ...row }) => show(row)));
        const last = rows.at(-1);
        bytes += last?.so_far ?? 0;
        if (!last || (rows.length < asked && bytes < bytes_max)) return { events, is_last: true };
        after = last.seq;
      }
      return { events, is_last: false };
    },
    latest: (conference_id) => latest(db, conference_id),
    async readCustomer(customer_id, after, limit) {
      const found = await sql<{ position: number }>`select position from events
        where id = ${after} and customer_id = ${customer_id}`.execute(db);
      const from = found.rows[0]?.position;
      if (from === undefined) return null;
      // What is not decided yet might come before what is: it is left to the subscription.
      const until = publisher.undecided() ?? Number.MAX_SAFE_INTEGER;
      const { rows } = await sql<EventRow>`select ${columns} from events
        where customer_id = ${customer_id} and position > ${from} and position < ${until}
        order by position limit ${limit}`.execute(db);
      return rows.map(show);
    },
    async countAfter(customer_id, after, max) {
      const { rows } = await sql<{ count: number }>`select (select count(*)::integer from (
          select 1 from events where customer_id = ${customer_id} and position > found.position limit ${max}
        ) as later) as count from events as found
        where found.id = ${after} and found.customer_id = ${customer_id}`.execute(db);
      return rows[0]?.count ?? null;
    },
    subscribe: publisher.subscribe,
    async commit(tx, events, commit) {
      const done = await turns.take(new Set(events.map((event) => event.conference_id)));
      const first = position + 1;
      position += events.length;
      const entry = publisher.expect(first);
      try {
        const tm = ports.clock.now();
        const stored = await store(tx, events, first, tm);
        const outcome = await commit();
        entry.decide(outcome === "committed" ? lines(events, stored, first) : []);
        return outcome;
      } catch (reason) {
        entry.decide([]);
        throw reason;
      } finally {
        done();
      }
    },
  };
}

/** The number of a conference's last event, as `db` sees it. */
export async function latest(db: Database, conference_id: ConferenceId): Promise<number> {
  const { rows } = await sql<{ seq: number }>`select seq from journal_counters
    where conference_id = ${conference_id}`.execute(db);
  return rows[0]?.seq ?? 0;
}

/** What the database adds to an event. */
type Stored = Pick<JournalEvent, "seq" | "tm">;

// One statement: raises the counters, numbers the events with them, stores all. A conference's times never go back, even
// where the machine's clock does: an event is not before the one that it follows.
async function store(
  tx: Database,
  events: readonly PendingEvent[],
  first: number,
  tm: number,
): Promise<ReadonlyMap<number, Stored>> {
  const counts = new Map<ConferenceId, number>();
  const numbered = events.map((event, index) => {
    const nth = (counts.get(event.conference_id) ?? 0) + 1;
    counts.set(event.conference_id, nth);
    return {
      position: first + index,
      nth,
      id: event.id,
      customer_id: event.customer_id,
      conference_id: event.conference_id,
      type: event.type,
      data: event.data,
      actor_type: event.actor.type,
      actor_id: event.actor.id,
      cause: event.cause ?? null,
      audience: event.audience ?? null,
    };
  });
  const counters = [...counts].map(([conference_id, count]) => ({ conference_id, count }));
  const { rows } = await sql<Stored & { position: number }>`
    with counted as (
      insert into journal_counters as known (conference_id, seq)
      select conference_id, count from jsonb_to_recordset(${JSON.stringify(counters)}::jsonb)
        as given(conference_id uuid, count bigint) order by conference_id
      on conflict (conference_id) do update set seq = known.seq + excluded.seq
      returning conference_id, seq
    )
    insert into events (${columns})
    select e.position, e.id, e.customer_id, e.conference_id, c.seq - g.count + e.nth, e.type, e.data,
      e.actor_type, e.actor_id, e.cause, nullif(e.audience, 'null'::jsonb), greatest(${tm}::bigint, before.tm)
    from jsonb_to_recordset(${JSON.stringify(numbered)}::jsonb) as e(position bigint, nth bigint, id uuid,
        customer_id uuid, conference_id uuid, type text, data jsonb, actor_type text, actor_id uuid, cause text, audience jsonb)
      join jsonb_to_recordset(${JSON.stringify(counters)}::jsonb) as g(conference_id uuid, count bigint)
        on g.conference_id = e.conference_id
      join counted c on c.conference_id = e.conference_id
      left join events before on before.conference_id = c.conference_id and before.seq = c.seq - g.count
    returning position, seq, tm`.execute(tx);
  return new Map(rows.map(({ position, ...stored }) => [position, stored]));
}

function lines(
  events: readonly PendingEvent[],
  all: ReadonlyMap<number, Stored>,
  first: number,
): JournalEvent[] {
  return events.map((event, index) => {
    const position = first + index;
    const stored = all.get(position);
    if (stored === undefined) throw new Error("an event was committed without its number");
    const { cause = null, audience = null, ...rest } = event;
    return { ...rest, ...stored, position, cause, audience };
  });
}

// Lets one at a time have a conference. Sets are taken in sorted order, so that two never wait for each other.
function createTurns(): { take(keys: ReadonlySet<string>): Promise<() => void> } {
  const tails = new Map<string, Promise<void>>();
  return {
    async take(keys) {
      const releases: (() => void)[] = [];
      for (const key of [...keys].sort()) {
        const before = tails.get(key);
        const { promise, resolve } = Promise.withResolvers<void>();
        tails.set(key, promise);
        releases.push(() => {
          if (tails.get(key) === promise) tails.delete(key);
          resolve();
        });
        await before;
      }
      return () => {
        for (const release of releases) release();
      };
    },
  };
}

interface Publisher {
  /** Announces that events from `position` on will be decided. */
  expect(position: number): { decide(events: readonly JournalEvent[]): void };
  /** The lowest position that is not decided, null when all are. */
  undecided(): number | null;
  subscribe(listener: (event: JournalEvent) => void): () => void;
}

// Publishes in the order of positions: what is decided waits for what comes before it.
function createPublisher(log: Log): Publisher {
  const listeners = new Set<(event: JournalEvent) => void>();
  const queue: { position: number; events: readonly JournalEvent[] | null }[] = [];
  const publish = (event: JournalEvent): void => {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (err) {
        log.error({ err, event_id: event.id }, "a reader of the journal failed");
      }
    }
  };
  const drain = (): void => {
    for (let head = queue[0]; head?.events; head = queue[0]) {
      queue.shift();
      head.events.forEach(publish);
    }
  };
  return {
    expect(position) {
      const entry: (typeof queue)[number] = { position, events: null };
      queue.push(entry);
      return {
        decide(events) {
          entry.events = events;
          drain();
        },
      };
    },
    undecided: () => queue[0]?.position ?? null,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
