// Random walks over conferences and their joins: whatever order things happen in, the machines and the journal hold.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { conferenceMachine } from "../src/domain/conference/index.ts";
import { conferencecallMachine } from "../src/domain/conferencecall/index.ts";
import type { Caller } from "../src/domain/customer/index.ts";
import { createManualClock, type ManualClock } from "../src/kernel/clock.ts";
import type { ConferencecallId, ConferenceId } from "../src/kernel/id.ts";
import type { Machine } from "../src/kernel/machine.ts";
import { Problem } from "../src/kernel/problem.ts";
import type { JournalEvent } from "../src/store/index.ts";
import { newJoin, type SlowAttendance, startSlowRest } from "./attendance.ts";
import type { Rest } from "./rest.ts";

const steps = 120;
const seeds = [1, 2, 3, 4, 5, 6];

let clock: ManualClock;
let rest: Rest;
let media: SlowAttendance;
let caller: Caller;
before(async () => {
  clock = createManualClock();
  ({ rest, media, caller } = await startSlowRest({ clock }));
});
after(() => rest.close());

/** mulberry32: small, seeded, good enough to choose steps. */
function createDice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

// A step may be refused; anything but a Problem is a fault.
const tried = async (step: Promise<unknown>): Promise<void> => {
  try {
    await step;
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.http >= 500) throw thrown;
  }
};

async function walk(seed: number): Promise<ConferenceId[]> {
  const roll = createDice(seed);
  const { conferences } = rest;
  const { conferencecalls } = conferences;
  const made: ConferenceId[] = [];
  const joins: ConferencecallId[] = [];
  const any = <T>(list: readonly T[]): T | undefined => list[roll(list.length)];
  const onConference = (run: (id: ConferenceId) => Promise<unknown>) => {
    const id = any(made);
    return id ? tried(run(id)) : Promise.resolve();
  };
  const onJoin = (run: (id: ConferencecallId) => Promise<unknown>) => {
    const id = any(joins);
    return id ? tried(run(id)) : Promise.resolve();
  };
  const moves: (() => Promise<unknown>)[] = [
    async () => {
      const type = any(["conference", "connect"] as const) ?? "conference";
      const timeout = roll(3) === 0 ? 1 + roll(40) : 0;
      made.push((await conferences.create(caller, { type, timeout })).id as ConferenceId);
    },
    ...Array.from(
      { length: 4 },
      () => () =>
        onConference(async (id) => {
          const join = newJoin(rest.ids, id);
          await conferencecalls.startJoining(caller, join);
          joins.push(join.id);
        }),
    ),
    ...Array.from({ length: 4 }, () => () => onJoin((id) => conferencecalls.markJoined(id))),
    () => onJoin((id) => conferencecalls.kick(caller, id)),
    () => onJoin((id) => conferencecalls.leave(id, "left")),
    () =>
      onJoin((id) =>
        conferencecalls.update(id, { hand: roll(2) === 0 }, { type: "system", id: null }),
      ),
    () => (roll(3) === 0 ? onConference((id) => conferences.end(caller, id)) : Promise.resolve()),
    () => onConference((id) => conferences.update(caller, id, { timeout: roll(60) })),
    () => media.confirm(),
    () => clock.advance(roll(4_000)),
  ];
  for (let step = 0; step < steps; step += 1) {
    // Two at a time: neither may see the other half done.
    await Promise.all([any(moves)?.(), any(moves)?.()]);
  }
  for (const id of made) await tried(conferences.end(caller, id));
  // Nobody confirms any more: what is left must end by itself. Reading the rows gives the database its time.
  media.ejected.length = 0;
  for (let waited_s = 0; waited_s < 600; waited_s += 1) {
    const rows = await Promise.all(made.map((id) => conferences.row(id)));
    if (rows.every((row) => row?.status === "terminated")) break;
    await clock.advance(1_000);
  }
  return made;
}

// The journal tells the states again; each step in it must be one of the machine's.
function follow(machine: Machine<string>, known: Map<string, string>, id: string, status: string) {
  const before = known.get(id);
  assert.ok(machine.isState(status), status);
  if (before !== undefined && before !== status) {
    assert.ok(machine.allows(before, status), `${id}: ${before} → ${status}`);
  }
  known.set(id, status);
}

function judge(events: readonly JournalEvent[]): void {
  const rooms = new Map<string, string>();
  const calls = new Map<string, string>();
  const joined = new Set<string>();
  let deleted = 0;
  let type = "";
  events.forEach((event, at) => {
    assert.equal(event.seq, at + 1, "no gap in the sequence");
    assert.equal(deleted, 0, "nothing follows conference_deleted");
    const data = event.data as Record<string, unknown>;
    if (event.type.startsWith("conference_")) {
      follow(conferenceMachine, rooms, String(data["id"]), String(data["status"]));
      type = String(data["type"]);
      assert.deepEqual(
        [...joined].toSorted(),
        [...(data["conferencecall_ids"] as string[])].toSorted(),
      );
    }
    if (event.type.startsWith("conferencecall_")) {
      const id = String(data["id"]);
      follow(conferencecallMachine, calls, id, String(data["status"]));
      if (data["status"] === "joined") joined.add(id);
      if (data["status"] === "leaved") joined.delete(id);
      const present = [...calls.values()].filter((status) => status !== "leaved").length;
      assert.ok(type !== "connect" || present <= 2, "a connect holds two");
    }
    if (event.type === "conference_deleted") deleted += 1;
  });
  assert.equal(deleted, 1, "conference_deleted exactly once");
  assert.deepEqual([...new Set(rooms.values())], ["terminated"]);
  assert.ok([...calls.values()].every((status) => status === "leaved"));
}

for (const seed of seeds) {
  test(`whatever_happens_in_walk_${seed}_every_conference_ends_and_its_journal_is_sound`, async () => {
    const made = await walk(seed);
    assert.ok(made.length > 0);
    for (const id of made) judge(await rest.store.journal.read(id, 0, 10_000));
  });
}
