// Joins a replay from the journal with what happens meanwhile: every event once, in order. Pure.

/** A reader's feed. Starts closed: what is heard waits until {@link Feed.open}. */
export interface Feed<E> {
  /** Everything up to this number is known to the reader: by its snapshot, or because it said so. */
  begin(after: number): void;
  /** Gives events read from the journal; what the reader has is left out. */
  replay(events: readonly E[]): void;
  /** The replay is over: what waited flows, and from now on everything at once. */
  open(): void;
  /** An event was committed. */
  hear(event: E): void;
  /** The number of the last event given. */
  readonly last: number;
}

/** Why a feed cannot go on: too much waited, or a number was missing. The reader has to begin anew. */
export type FeedFault = "overflow" | "gap";

/** Makes a feed. `is_dense`: numbers follow one another without gaps, which is then checked. */
export function createFeed<E>(ports: {
  readonly orderOf: (event: E) => number;
  readonly emit: (event: E) => void;
  readonly fault: (fault: FeedFault) => void;
  readonly waiting_max: number;
  readonly is_dense: boolean;
}): Feed<E> {
  let last = 0;
  let is_open = false;
  let has_fault = false;
  let waiting: E[] = [];

  const fail = (fault: FeedFault): void => {
    has_fault = true;
    waiting = [];
    ports.fault(fault);
  };
  const give = (event: E): void => {
    const order = ports.orderOf(event);
    if (has_fault || order <= last) return;
    if (ports.is_dense && order !== last + 1) {
      fail("gap");
      return;
    }
    last = order;
    ports.emit(event);
  };
  return {
    get last() {
      return last;
    },
    begin(after) {
      last = after;
    },
    replay(events) {
      for (const event of events) give(event);
    },
    open() {
      is_open = true;
      const waited = waiting;
      waiting = [];
      for (const event of waited) give(event);
    },
    hear(event) {
      if (has_fault) return;
      if (is_open) give(event);
      else if (waiting.length >= ports.waiting_max) fail("overflow");
      else waiting.push(event);
    },
  };
}
