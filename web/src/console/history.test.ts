import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { NumberedEvent } from "./api.ts";
import {
  firstGap,
  joinsOf,
  mergeEvents,
  messagesOf,
  peakOf,
  personMinutes,
  removersOf,
  ticksOf,
  timelineOf,
} from "./history.ts";

const never = "9999-01-01 00:00:00.000000";
const at = (seconds: number): string =>
  `2026-11-23 10:${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}.000000`;
const ms = (seconds: number): number => Date.UTC(2026, 10, 23, 10) + seconds * 1000;

const event = (
  seq: number,
  type: string,
  seconds: number,
  data: Record<string, unknown>,
): NumberedEvent => ({
  id: `event-${seq}`,
  seq,
  type,
  tm: at(seconds),
  data,
  actor: { type: "system", id: null },
  cause: null,
});

const join = (id: string, joined: number, leaved: number | null, more = {}) => ({
  id,
  name: id.toUpperCase(),
  role: "member",
  status: leaved === null ? "joined" : "leaved",
  hand: false,
  leave_reason: "",
  tm_joined: at(joined),
  tm_leaved: leaved === null ? never : at(leaved),
  ...more,
});

const journal = [
  event(1, "conference_created", 0, { id: "c", name: "C" }),
  event(2, "conferencecall_joined", 10, join("a", 10, null)),
  event(3, "conferencecall_joined", 20, join("b", 20, null)),
  event(4, "conference_active_speaker", 22, { conferencecall_id: "a" }),
  event(5, "conference_active_speaker", 30, { conferencecall_id: "b" }),
  event(6, "conferencecall_updated", 35, join("a", 10, null, { hand: true })),
  event(7, "conferencecall_muted", 36, join("a", 10, null, { hand: true })),
  event(8, "conference_message_created", 37, { id: "m", owner_name: "A", text: "hello" }),
  event(9, "conferencecall_leaving", 40, join("b", 20, null, { leave_reason: "kicked" })),
  event(10, "conferencecall_leaved", 40, join("b", 20, 40, { leave_reason: "kicked" })),
];

test("events_are_kept_in_order_and_once_however_they_arrive", () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(journal), fc.shuffledSubarray(journal), (one, other) => {
      const merged = mergeEvents(mergeEvents([], one), other);
      const wanted = [...new Set([...one, ...other])].map(({ seq }) => seq);
      assert.deepEqual(
        merged.map(({ seq }) => seq),
        wanted.toSorted((a, b) => a - b),
      );
    }),
  );
});

test("the_first_missing_event_is_found", () => {
  assert.equal(firstGap(journal), null);
  assert.equal(firstGap(journal.filter(({ seq }) => seq !== 4)), 4);
  assert.equal(firstGap(journal.slice(2)), 1);
});

test("joins_are_shown_as_they_stand_after_the_last_event", () => {
  const joins = joinsOf(journal);
  assert.deepEqual(
    joins.map(({ id, status }) => [id, status]),
    [
      ["a", "joined"],
      ["b", "leaved"],
    ],
  );
});

test("who_was_removed_is_known_with_who_did_it", () => {
  const by_a = { type: "conferencecall", id: "a" };
  // What follows is the server's doing.
  const events = journal.map((one) => (one.seq === 9 ? { ...one, actor: by_a } : one));
  assert.deepEqual([...removersOf(events)], [["b", by_a]]);
  assert.equal(removersOf(events.slice(0, 8)).size, 0);
});

test("deleted_messages_are_gone", () => {
  assert.equal(messagesOf(journal).length, 1);
  const deleted = event(11, "conference_message_deleted", 50, { id: "m" });
  assert.equal(messagesOf([...journal, deleted]).length, 0);
});

test("the_time_line_tells_who_was_in_talked_raised_a_hand_and_was_kicked", () => {
  const timeline = timelineOf(journal, ms(60));
  assert.ok(timeline);
  assert.deepEqual([timeline.from, timeline.to], [ms(10), ms(60)]);
  const [a, b] = timeline.lanes;
  assert.deepEqual(a?.present, { from: ms(10), to: ms(60) });
  assert.deepEqual(b?.present, { from: ms(20), to: ms(40) });
  assert.deepEqual(a?.talked, [{ from: ms(22), to: ms(30) }]);
  assert.deepEqual(b?.talked, [{ from: ms(30), to: ms(40) }]);
  assert.deepEqual(a?.raised, [ms(35)]);
  assert.deepEqual(
    timeline.marks.map(({ kind }) => kind),
    ["message", "kicked"],
  );
});

test("a_conference_that_nobody_joined_has_no_time_line", () => {
  assert.equal(timelineOf(journal.slice(0, 1), ms(60)), null);
});

test("minutes_and_peak_count_everybody_who_was_in", () => {
  const joins = joinsOf(journal);
  assert.equal(personMinutes(joins, ms(70)), (60 + 20) / 60);
  assert.equal(peakOf(joins), 2);
  // One goes as the next comes: never two at once.
  assert.equal(peakOf([join("a", 1, 5), join("b", 5, 9)] as never), 1);
});

test("an_axis_has_round_moments_and_not_too_many", () => {
  for (const seconds of [1, 30, 300, 4000, 90_000, 1_000_000]) {
    const ticks = ticksOf({ from: ms(3), to: ms(3 + seconds) }, 6);
    assert.ok(ticks.length <= 7, `${seconds}: ${ticks.length}`);
    for (const tick of ticks) assert.equal(tick % 1000, 0);
  }
});
