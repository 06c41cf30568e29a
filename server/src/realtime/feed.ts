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
  readonly sizeOf: (event: E) => number;
  /** Bytes that may wait, as `sizeOf` counts them. */
  readonly waiting_bytes_max: number;
  readonly is_dense: boolean;
}): Feed<E> {
  let last = 0;
  let is_open = false;
  let has_fault = false;
  let waiting: E[] = [];
  let waiting_bytes = 0;

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
      if (is_open) {
        give(event);
        return;
      }
      waiting_bytes += ports.sizeOf(event);
      const is_over =
        waiting.length >= ports.waiting_max || waiting_bytes > ports.waiting_bytes_max;
      if (is_over) fail("overflow");
      else waiting.push(event);
    },
  };
}

/** Gives a page read from the journal as fast as its reader takes it. What it holds meanwhile is counted. */
export async function replaySlowly<E>(
  feed: Feed<E>,
  page: readonly E[],
  reader: {
    readonly is_open: boolean;
    readonly hold: (bytes: number) => void;
    readonly drained: () => Promise<void>;
  },
  sizeOf: (event: E) => number,
): Promise<void> {
  const bytes = page.reduce((sum, event) => sum + sizeOf(event), 0);
  reader.hold(bytes);
  for (const event of page) {
    if (!reader.is_open) return;
    feed.replay([event]);
    await reader.drained();
  }
  reader.hold(-bytes);
}
