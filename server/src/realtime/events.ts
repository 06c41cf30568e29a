// The event socket `GET /v1.0/ws`: what happens at one customer, by topic, resumable (platform.md section 7).
import { type Caller, mayManage } from "../domain/customer/index.ts";
import type { Clock } from "../kernel/clock.ts";
import { type CustomerId, type EventId, isUuid } from "../kernel/id.ts";
import type { Log } from "../kernel/log.ts";
import { Problem, problems } from "../kernel/problem.ts";
import { writeTimestamp } from "../kernel/wire.ts";
import type { JournalEvent, Store } from "../store/index.ts";
import type { Connection } from "./connection.ts";
import { createFeed, type Feed } from "./feed.ts";
import { readFrame } from "./frames.ts";
import { close_codes, socket_limits } from "./limits.ts";
import { hears, readTopic, topicOf } from "./topics.ts";

/** All event sockets of this process. */
export interface EventSockets {
  /** Serves a socket until it closes; who is no manager of a customer is closed with 4403. */
  serve(caller: Caller, connection: Connection): void;
  readonly count: number;
  close(): void;
}

interface Listener {
  readonly customer_id: CustomerId;
  readonly connection: Connection;
  readonly topics: Set<string>;
  feed: Feed<JournalEvent>;
  /** Subscriptions are carried out one after the other. */
  queue: Promise<void>;
}

/** Makes them; one reader of the journal serves all. */
export function createEventSockets(ports: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}): EventSockets {
  const { store, log } = ports;
  const customers = new Map<CustomerId, Set<Listener>>();
  let count = 0;
  const stop = store.journal.subscribe((event) => {
    for (const listener of customers.get(event.customer_id) ?? []) listener.feed.hear(event);
  });

  const send = (listener: Listener, frame: object): void =>
    listener.connection.send(JSON.stringify(frame));

  const openFeed = (listener: Listener, after: number): Feed<JournalEvent> => {
    const feed = createFeed<JournalEvent>({
      orderOf: (event) => event.position,
      emit(event) {
        if (!hears(listener.topics, event)) return;
        send(listener, {
          type: event.type,
          data: event.data,
          topic: topicOf(event),
          event_id: event.id,
          seq: event.seq,
          tm: writeTimestamp(event.tm),
        });
      },
      fault: () => listener.connection.close(close_codes.too_slow),
      waiting_max: socket_limits.waiting_events_max,
      is_dense: false,
    });
    feed.begin(after);
    return feed;
  };

  /** Reads what came after an event; false where that is not known or too much. */
  const readAfter = async (
    listener: Listener,
    after: EventId,
  ): Promise<readonly JournalEvent[] | null> => {
    const found: JournalEvent[] = [];
    for (let from = after; ; ) {
      const page = await store.journal.readCustomer(
        listener.customer_id,
        from,
        socket_limits.page_events,
      );
      if (page === null) return null;
      found.push(...page);
      const last = page.at(-1);
      if (!last || page.length < socket_limits.page_events) return found;
      if (found.length > socket_limits.resume_customer_events_max) return null;
      from = last.id;
    }
  };

  const subscribe = async (listener: Listener, fields: Fields): Promise<void> => {
    const topics = readTopics(fields["topics"], listener.customer_id);
    const event_id = readEventId(fields["event_id"]);
    if (listener.topics.size + topics.length > socket_limits.topics_max) {
      throw problems.LIMIT_EXCEEDED({
        message: `an event socket takes ${socket_limits.topics_max} topics`,
        details: [{ limit: socket_limits.topics_max }],
      });
    }
    if (event_id === null) {
      for (const topic of topics) listener.topics.add(topic);
      send(listener, { ...echo(fields), type: "subscribed", topics: [...listener.topics] });
      return;
    }
    // A closed feed collects what is committed while the past is read.
    const feed = openFeed(listener, listener.feed.last);
    listener.feed = feed;
    const missed = await readAfter(listener, event_id);
    for (const topic of topics) listener.topics.add(topic);
    send(listener, { ...echo(fields), type: "subscribed", topics: [...listener.topics] });
    if (missed === null) send(listener, { type: "gap" });
    else {
      // Asked for again by name: also what went out before.
      feed.begin(0);
      feed.replay(missed);
    }
    feed.open();
  };

  const take = async (listener: Listener, fields: Fields): Promise<void> => {
    switch (fields["type"]) {
      case "subscribe":
        await subscribe(listener, fields);
        return;
      case "unsubscribe":
        for (const topic of readTopics(fields["topics"], listener.customer_id)) {
          listener.topics.delete(topic);
        }
        send(listener, { ...echo(fields), type: "unsubscribed", topics: [...listener.topics] });
        return;
      default:
        throw problems.INVALID_ARGUMENT({
          message: "type is neither subscribe nor unsubscribe",
          details: [{ field: "type" }],
        });
    }
  };

  return {
    get count() {
      return count;
    },
    serve(caller, connection) {
      if (!mayManage(caller)) {
        connection.close(close_codes.removed);
        return;
      }
      const { customer_id } = caller;
      const listener: Listener = {
        customer_id,
        connection,
        topics: new Set(),
        feed: undefined as unknown as Feed<JournalEvent>,
        queue: Promise.resolve(),
      };
      listener.feed = openFeed(listener, 0);
      listener.feed.open();
      const listeners = customers.get(customer_id) ?? new Set();
      customers.set(customer_id, listeners.add(listener));
      count += 1;
      connection.onClose(() => {
        count -= 1;
        listeners.delete(listener);
        if (listeners.size === 0) customers.delete(customer_id);
      });
      connection.onFrame((text) => {
        const frame =
          Buffer.byteLength(text) <= socket_limits.frame_bytes_max ? readFrame(text) : null;
        if (!frame) {
          connection.close(close_codes.bad_frame);
          return;
        }
        listener.queue = listener.queue
          .then(() => take(listener, frame.fields))
          .catch((thrown: unknown) => send(listener, refusal(frame.fields, thrown, log)));
      });
    },
    close() {
      stop();
      for (const listeners of customers.values()) {
        for (const { connection } of listeners) connection.close(close_codes.restarting);
      }
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** A frame's own `id` comes back with its answer. */
function echo(fields: Fields): object {
  const { id } = fields as { id?: unknown };
  return typeof id === "string" || typeof id === "number" ? { id } : {};
}

function refusal(fields: Fields, thrown: unknown, log: Log): object {
  let problem: Problem;
  if (thrown instanceof Problem) problem = thrown;
  else {
    log.error({ err: thrown }, "an event socket met a fault of ours");
    problem = problems.INTERNAL({ cause: thrown });
  }
  const { kind, reason, message, details } = problem;
  return {
    ...echo(fields),
    type: "error",
    error: { status: kind.status, reason, message, ...(details.length > 0 ? { details } : {}) },
  };
}

function readTopics(given: unknown, customer_id: CustomerId): string[] {
  if (!Array.isArray(given) || given.length === 0 || given.length > socket_limits.topics_max) {
    throw problems.INVALID_ARGUMENT({
      message: `topics is a list of 1 to ${socket_limits.topics_max} topics`,
      details: [{ field: "topics" }],
    });
  }
  // All or none: one that is refused adds no other.
  return given.map((topic: unknown) => readTopic(topic, customer_id));
}

function readEventId(given: unknown): EventId | null {
  if (given === undefined || given === null) return null;
  if (typeof given === "string" && isUuid(given)) return given.toLowerCase() as EventId;
  throw problems.INVALID_ARGUMENT({
    message: "event_id is not a UUID",
    details: [{ field: "event_id" }],
  });
}
