// Commits, disconnects and resumes in every order a seed can think of: each event exactly once, in order.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createFeed, type FeedFault } from "./feed.ts";

/** Mulberry32: a small generator whose sequence a seed repeats. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A journal whose events are their own numbers, and readers that come, read page by page, go and come back. */
function run(seed: number): { seen: number[]; committed: number; resumes: number } {
  const draw = random(seed);
  const journal: number[] = [];
  const seen: number[] = [];
  let resumes = 0;
  const door: { reader: { hear(event: number): void } | null } = { reader: null };
  // Steps of the reader's opening that have not happened yet.
  let opening: (() => void)[] = [];

  const connect = (): void => {
    resumes += 1;
    const feed = createFeed<number>({
      orderOf: (event) => event,
      emit: (event) => seen.push(event),
      fault: (fault) => assert.fail(`fault ${fault} with seed ${seed}`),
      waiting_max: 10_000,
      sizeOf: () => 10,
      waiting_bytes_max: 1_000,
      is_dense: true,
    });
    door.reader = feed;
    feed.begin(seen.at(-1) ?? 0);
    const page = 1 + draw(5);
    const readOn = (): void => {
      // What is read is what was committed when the query ran; commits go on before it is given.
      const found = journal.filter((event) => event > feed.last).slice(0, page);
      opening.push(() => {
        feed.replay(found);
        if (found.length < page) opening.push(() => feed.open());
        else opening.push(readOn);
      });
    };
    opening = [readOn];
  };

  for (let step = 0; step < 400; step += 1) {
    const dice = draw(10);
    if (dice < 5) {
      journal.push(journal.length + 1);
      door.reader?.hear(journal.length);
    } else if (dice < 8) opening.shift()?.();
    else if (dice === 8 && door.reader) {
      // Gone, with whatever it was doing.
      door.reader = null;
      opening = [];
    } else if (!door.reader) connect();
  }
  if (!door.reader) connect();
  while (opening.length > 0) opening.shift()?.();
  return { seen, committed: journal.length, resumes };
}

test("every_event_is_given_exactly_once_in_order_whatever_the_order_of_commits_cuts_and_resumes", () => {
  let resumes = 0;
  for (let seed = 1; seed <= 2_000; seed += 1) {
    const { seen, committed, resumes: count } = run(seed);
    resumes += count;
    assert.deepEqual(
      seen,
      Array.from({ length: committed }, (_, index) => index + 1),
      `seed ${seed}`,
    );
  }
  assert.ok(resumes > 20_000, "the seeds really cut and resume");
});

const feedWith = (waiting_max: number, is_dense: boolean) => {
  const seen: number[] = [];
  const faults: FeedFault[] = [];
  const feed = createFeed<number>({
    orderOf: (event) => event,
    emit: (event) => seen.push(event),
    fault: (fault) => faults.push(fault),
    waiting_max,
    sizeOf: () => 10,
    waiting_bytes_max: 1_000,
    is_dense,
  });
  return { feed, seen, faults };
};

test("a_missing_number_is_a_fault_and_nothing_after_it_is_given", () => {
  const { feed, seen, faults } = feedWith(10, true);
  feed.begin(3);
  feed.open();
  for (const event of [4, 6, 7]) feed.hear(event);
  assert.deepEqual(seen, [4]);
  assert.deepEqual(faults, ["gap"]);
});

test("where_numbers_may_have_gaps_only_order_counts", () => {
  const { feed, seen, faults } = feedWith(10, false);
  feed.open();
  for (const event of [10, 30, 20, 40]) feed.hear(event);
  assert.deepEqual(seen, [10, 30, 40]);
  assert.deepEqual(faults, []);
});

test("too_much_that_waits_is_a_fault", () => {
  const { feed, seen, faults } = feedWith(2, true);
  for (const event of [1, 2, 3, 4]) feed.hear(event);
  feed.open();
  assert.deepEqual(seen, []);
  assert.deepEqual(faults, ["overflow"]);
});

test("what_waits_is_bounded_in_bytes_as_well", () => {
  const faults: FeedFault[] = [];
  const feed = createFeed<number>({
    orderOf: (event) => event,
    emit: () => undefined,
    fault: (fault) => faults.push(fault),
    waiting_max: 1_000,
    sizeOf: (event) => event * 100,
    waiting_bytes_max: 1_000,
    is_dense: true,
  });
  for (let event = 1; event <= 5; event += 1) feed.hear(event);
  assert.deepEqual(faults, ["overflow"]);
});
