// The event socket `GET /v1.0/ws`: what happens at one customer, by topic, resumable (platform.md section 7).
import { type Caller, mayManage } from "../domain/customer/index.ts";
import type { Clock } from "../kernel/clock.ts";
import { type CustomerId, type EventId, isUuid } from "../kernel/id.ts";
import type { Log } from "../kernel/log.ts";
import { Problem, problems } from "../kernel/problem.ts";
import { writeTimestamp } from "../kernel/wire.ts";
import type { JournalEvent, Store } from "../store/index.ts";
import type { Connection } from "./connection.ts";
import { createFeed, type Feed, replaySlowly } from "./feed.ts";
import { eventFrame, readFrame, requireExact } from "./frames.ts";
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
  /** Of the frames in it. */
  waiting_bytes: number;
  /** Frames that it may still give at once, and when that was counted. */
  tokens: number;
  counted_at_ms: number;
}

/** Makes them; one reader of the journal serves all. */
export function createEventSockets(ports: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}): EventSockets {
  const { store, clock, log } = ports;
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
      sizeOf,
      waiting_bytes_max: socket_limits.waiting_bytes_max,
      is_dense: false,
    });
    feed.begin(after);
    return feed;
  };

  /** Gives what came after an event, page by page as the reader takes it. */
  const replayAfter = async (listener: Listener, after: EventId): Promise<void> => {
    for (let from = after; listener.connection.is_open; ) {
      const page = await store.journal.readCustomer(
        listener.customer_id,
        from,
        socket_limits.page_events,
      );
      if (page === null) return;
      await replaySlowly(listener.feed, page, listener.connection, sizeOf);
      const last = page.at(-1);
      if (!last || page.length < socket_limits.page_events) return;
      from = last.id;
    }
  };

  const addTopics = (listener: Listener, topics: readonly string[]): void => {
    for (const topic of topics) {
      if (listener.topics.has(topic)) continue;
      listener.topics.add(topic);
      listener.connection.hold(topic.length);
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
      addTopics(listener, topics);
      send(listener, { ...echo(fields), type: "subscribed", topics: [...listener.topics] });
      return;
    }
    // A closed feed collects what is committed while the past is read.
    const feed = openFeed(listener, listener.feed.last);
    listener.feed = feed;
    const { resume_customer_events_max: max } = socket_limits;
    const missed = await store.journal.countAfter(listener.customer_id, event_id, max + 1);
    addTopics(listener, topics);
    send(listener, { ...echo(fields), type: "subscribed", topics: [...listener.topics] });
    if (missed === null || missed > max) send(listener, { type: "gap" });
    else {
      // Asked for again by name: also what went out before.
      feed.begin(0);
      await replayAfter(listener, event_id);
    }
    feed.open();
  };

  /** Waits until the reader has taken what was made for it, and until it may ask again: nothing is refused, it is only as fast as it may be. */
  const turn = async (listener: Listener): Promise<void> => {
    await listener.connection.drained();
    const { commands_per_second, commands_burst } = socket_limits;
    const now_ms = clock.monotonic_ms();
    const grown = ((now_ms - listener.counted_at_ms) * commands_per_second) / 1000;
    listener.tokens = Math.min(commands_burst, listener.tokens + grown) - 1;
    listener.counted_at_ms = now_ms;
    if (listener.tokens < 0) {
      await clock.sleep(Math.ceil((-listener.tokens * 1000) / commands_per_second));
    }
  };

  const take = async (listener: Listener, fields: Fields): Promise<void> => {
    switch (fields["type"]) {
      case "subscribe":
        await subscribe(listener, fields);
        return;
      case "unsubscribe":
        for (const topic of readTopics(fields["topics"], listener.customer_id)) {
          if (listener.topics.delete(topic)) listener.connection.hold(-topic.length);
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
        waiting_bytes: 0,
        tokens: socket_limits.commands_burst,
        counted_at_ms: clock.monotonic_ms(),
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
        const bytes = Buffer.byteLength(text);
        listener.waiting_bytes += bytes;
        if (listener.waiting_bytes > socket_limits.commands_waiting_bytes_max) connection.pause();
        listener.queue = listener.queue
          .then(() => turn(listener))
          .then(() => {
            requireExact(frame);
            return take(listener, frame.fields);
          })
          .catch((thrown: unknown) => send(listener, refusal(frame.fields, thrown, log)))
          .finally(() => {
            listener.waiting_bytes -= bytes;
            if (listener.waiting_bytes === 0) connection.resume();
          });
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

const sizeOf = (event: JournalEvent): number => eventFrame(event).length;

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
