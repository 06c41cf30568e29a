// Successors of media workers: whatever keeps one from coming up is tried again, and a room that ends them is found.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import {
  createFakeWorkers,
  endpointWithoutLines,
  type FakeWorker,
  type FakeWorkers,
  media_settings,
} from "../../test/fake-worker.ts";
import { createManualClock, createSystemClock, type ManualClock } from "../kernel/clock.ts";
import { silentLog } from "../kernel/log.ts";
import {
  createMedia,
  type Media,
  type SpawnWorker,
  spawnWorkerProcess,
  WorkerStartFailure,
} from "./index.ts";

interface Stage {
  readonly media: Media;
  readonly clock: ManualClock;
  readonly fakes: FakeWorkers;
  /** Instead of the usual spawn; null: the usual one. */
  spawn: SpawnWorker | null;
  /** Moves time while every worker beats. */
  pass(duration_ms: number): Promise<void>;
}

function stage(worker_count = 1): Stage {
  const clock = createManualClock();
  const fakes = createFakeWorkers();
  const media = createMedia({
    config: { ...media_settings.media, host: "127.0.0.1", port: 0, worker_count },
    limits: media_settings.limits,
    clock,
    log: silentLog(),
    spawn: (index) => (made.spawn ?? fakes.spawn)(index),
  });
  const made: Stage = {
    media,
    clock,
    fakes,
    spawn: null,
    async pass(duration_ms) {
      for (let passed = 0; passed < duration_ms; passed += 50) {
        for (const worker of fakes.started) worker.tell({ type: "heartbeat" });
        await clock.advance(50);
      }
    },
  };
  return made;
}

const dead = (reason: string): ReturnType<SpawnWorker> => ({
  pid: 0,
  input: new PassThrough(),
  output: new PassThrough(),
  errors: new PassThrough(),
  kill: () => undefined,
  ended: Promise.resolve(reason),
});

/** Everything that can keep a worker from coming up: what spoils it, and what mends it again. */
const troubles: Record<string, (made: Stage) => () => void> = {
  "spawn throws": (made) => {
    made.spawn = () => {
      throw Object.assign(new Error("spawn EMFILE"), { code: "EMFILE" });
    };
    return () => (made.spawn = null);
  },
  "spawn tells an error": (made) => {
    made.spawn = () => dead("could not be started: spawn EAGAIN");
    return () => (made.spawn = null);
  },
  "it exits before hello": (made) => {
    made.spawn = (index) => {
      const worker = made.fakes.spawn(index) as FakeWorker;
      worker.die("exited with 1");
      return worker;
    };
    return () => (made.spawn = null);
  },
  "hello never comes": (made) => {
    made.spawn = (index) => {
      const worker = made.fakes.spawn(index) as FakeWorker;
      worker.freeze();
      return worker;
    };
    return () => (made.spawn = null);
  },
  "its pipes fail": (made) => {
    made.spawn = (index) => {
      const worker = made.fakes.spawn(index);
      worker.input.destroy(new Error("EPIPE"));
      return worker;
    };
    return () => (made.spawn = null);
  },
  "it cannot be ended": (made) => {
    made.spawn = () => ({ ...dead(""), ended: new Promise(() => undefined) });
    return () => (made.spawn = null);
  },
  "it exits during configure": (made) => {
    made.fakes.answer = (request, worker) => {
      if (request.type !== "configure") return undefined;
      worker.die("exited with 1");
      return null;
    };
    return () => (made.fakes.answer = () => undefined);
  },
  "configure is refused": (made) => {
    made.fakes.answer = (request) =>
      request.type === "configure" ? { code: "address_unavailable" } : undefined;
    return () => (made.fakes.answer = () => undefined);
  },
  "configure is not answered": (made) => {
    made.fakes.answer = (request) => (request.type === "configure" ? null : undefined);
    return () => (made.fakes.answer = () => undefined);
  },
};
/** Those that need something to be restored. */
const restore_troubles: typeof troubles = {
  "restore is refused": (made) => {
    made.fakes.answer = (request) =>
      request.type === "restore" ? { code: "limit_reached" } : undefined;
    return () => (made.fakes.answer = () => undefined);
  },
  "restore is answered by something else": (made) => {
    made.fakes.answer = (request) => (request.type === "restore" ? { type: "done" } : undefined);
    return () => (made.fakes.answer = () => undefined);
  },
  "a room cannot be opened again": (made) => {
    made.fakes.answer = (request) =>
      request.type === "room_open" && request.room === "empty"
        ? { code: "limit_reached" }
        : undefined;
    return () => (made.fakes.answer = () => undefined);
  },
};

for (const [name, spoil] of Object.entries({ ...troubles, ...restore_troubles })) {
  test(`a_successor_comes_up_however_long_this_lasts: ${name}`, async () => {
    const made = stage(2);
    const { media, fakes } = made;
    await media.start();
    await media.openRoom("room");
    await media.openEndpoint(endpointWithoutLines("e1", "room"));
    await media.openRoom("other");
    await media.openEndpoint(endpointWithoutLines("e2", "other"));
    await media.openRoom("empty");
    const lost: string[] = [];
    media.on("endpoints_lost", ({ endpoints }) => lost.push(...endpoints));
    const mend = spoil(made);
    const has_empty = fakes.at(0).rooms.has("empty") ? 0 : 1;
    const place = /opened again/.test(name) ? has_empty : 0;
    fakes.at(place).die();
    await made.pass(40_000);
    assert.equal(media.health()[1 - place]?.state, "up");
    // A refused restore is over when what it was about has been given up.
    if (!/restore/.test(name)) {
      assert.notEqual(media.health()[place]?.state, "up");
      assert.notEqual(media.health()[place]?.failure, null, "says why");
    }
    // Meanwhile the other one takes what is new.
    if (!/opened again|restore/.test(name)) {
      await media.openRoom("new");
      assert.ok(fakes.at(1 - place).rooms.has("new"));
    }
    mend();
    await made.pass(12_000);
    assert.equal(media.health()[place]?.state, "up");
    assert.equal(media.health()[place]?.failure, null);
    const held = place === 0 ? "room" : "other";
    assert.ok(fakes.at(place).rooms.has(held), "its room is back");
    // Its people were told to join again long ago: their keys are too old.
    assert.deepEqual(lost, place === 0 ? ["e1"] : ["e2"]);
    await media.openEndpoint(endpointWithoutLines("e3", held));
    assert.ok(fakes.at(place).endpoints.has("e3"));
    await media.close();
  });
}

for (const [name, spoil] of Object.entries({ ...troubles, ...restore_troubles })) {
  if (/never comes|not answered|cannot be ended|something else/.test(name)) continue;
  test(`a_short_trouble_costs_nobody_their_endpoint: ${name}`, async () => {
    const made = stage();
    const { media, fakes } = made;
    await media.start();
    await media.openRoom("room");
    await media.openRoom("empty");
    await media.openEndpoint(endpointWithoutLines("e1", "room"));
    const snapshot = { endpoint: "e1", taken_us: 7, state: "keys" };
    fakes.at(0).tell({ type: "snapshot", endpoints: [snapshot] });
    const lost: string[] = [];
    media.on("endpoints_lost", ({ endpoints }) => lost.push(...endpoints));
    await made.pass(100);
    const mend = spoil(made);
    fakes.at(0).die();
    await made.pass(200);
    mend();
    await made.pass(1_200);
    assert.equal(media.health()[0]?.state, "up");
    assert.ok(fakes.at(0).endpoints.has("e1"));
    assert.ok(fakes.at(0).rooms.has("empty"));
    assert.deepEqual(lost, []);
    if (!/room cannot/.test(name)) {
      const restore = fakes.at(0).requests.find((request) => request.type === "restore");
      assert.deepEqual(
        restore?.type === "restore" && restore.endpoints[0]?.snapshot,
        snapshot,
        "with its keys",
      );
    }
    await media.close();
  });
}

for (const [name, spoil] of Object.entries(troubles)) {
  test(`a_first_start_fails_with_one_typed_error_and_leaves_nothing_running: ${name}`, async () => {
    const made = stage(2);
    spoil(made);
    const starting = assert.rejects(made.media.start(), (thrown: unknown) => {
      assert.ok(thrown instanceof WorkerStartFailure);
      assert.equal(thrown.what === "address", name === "configure is refused");
      assert.match(thrown.message, /^media worker \d did not start: .+$/);
      return true;
    });
    await made.clock.advance(10_000);
    await starting;
    const count = made.fakes.started.length;
    await made.clock.advance(60_000);
    assert.equal(made.fakes.started.length, count, "nothing is tried again");
  });
}

test("the_first_successor_is_tried_at_once_and_later_ones_before_snapshots_are_too_old", async () => {
  const made = stage();
  const { media, fakes } = made;
  await media.start();
  await made.pass(20_000);
  const waits: number[] = [];
  for (let death = 0; death < 12; death += 1) {
    const before = fakes.started.length;
    fakes.at(0).die();
    let waited = 0;
    for (await made.clock.advance(0); fakes.started.length === before; waited += 10) {
      await made.clock.advance(10);
    }
    waits.push(waited);
    await made.clock.advance(0);
  }
  assert.deepEqual(waits.slice(0, 4), [0, 20, 40, 80]);
  assert.ok(Math.max(...waits) <= 1_000, waits.join());
  await media.close();
});

test("rooms_that_are_opened_together_are_even_within_one", async () => {
  const { media, fakes } = stage(3);
  await media.start();
  await Promise.all(Array.from({ length: 100 }, (_, at) => media.openRoom(`room-${at}`)));
  const counts = [0, 1, 2].map((index) => fakes.at(index).rooms.size);
  assert.equal(Math.max(...counts) - Math.min(...counts), 1, counts.join());
  await media.close();
});

test("after_a_worker_was_away_new_rooms_go_where_there_is_room", async () => {
  const made = stage(2);
  const { media, fakes } = made;
  await media.start();
  made.spawn = () => dead("could not be started");
  fakes.at(0).die();
  await made.pass(100);
  await Promise.all(Array.from({ length: 10 }, (_, at) => media.openRoom(`a-${at}`)));
  assert.equal(fakes.at(1).rooms.size, 10);
  made.spawn = null;
  await made.pass(2_000);
  await Promise.all(Array.from({ length: 10 }, (_, at) => media.openRoom(`b-${at}`)));
  assert.equal(fakes.at(0).rooms.size, 10);
  await media.close();
});

test("a_room_without_anybody_in_it_leaves_a_worker_that_is_away", async () => {
  const made = stage(2);
  const { media, fakes } = made;
  await media.start();
  await media.openRoom("room");
  made.spawn = () => dead("could not be started");
  fakes.at(0).die();
  await made.pass(100);
  await media.openRoom("room");
  await media.openEndpoint(endpointWithoutLines("e1", "room"));
  assert.ok(fakes.at(1).endpoints.has("e1"));
  made.spawn = null;
  await made.pass(2_000);
  assert.equal(fakes.at(0).rooms.size, 0);
  await media.close();
});

test("a_room_that_is_closed_while_its_worker_is_away_is_not_opened_again", async () => {
  const made = stage();
  const { media, fakes } = made;
  await media.start();
  await media.openRoom("room");
  await media.openRoom("other");
  fakes.answer = (request) =>
    request.type === "room_open" && request.room === "other" ? null : undefined;
  fakes.at(0).die();
  await made.clock.advance(0);
  // Its successor has the room by now and is not up yet.
  assert.ok(fakes.at(0).rooms.has("room"));
  const closing = assert.rejects(media.closeRoom("room"));
  await made.pass(100);
  fakes.answer = () => undefined;
  await made.pass(3_000);
  await closing;
  assert.deepEqual([...fakes.at(0).rooms], ["other"]);
  await media.close();
});

// Ends every worker as soon as it has the room for `after_ms`.
function killer(made: Stage, room: string, after_ms: number): void {
  made.fakes.answer = (request, worker) => {
    const touches =
      (request.type === "room_open" && request.room === room) ||
      (request.type === "restore" && request.endpoints.some(({ open }) => open.room === room));
    if (touches) made.clock.after(after_ms, () => worker.rooms.has(room) && worker.die("SIGSEGV"));
    return undefined;
  };
}

for (const [after_ms, workers, rooms] of [
  [0, 1, 1],
  [10, 1, 3],
  [120, 2, 12],
  [200, 1, 16],
  [700, 1, 4],
] as const) {
  test(`a_room_that_ends_its_worker_after_${after_ms}_ms_is_closed_and_${rooms - 1}_others_live`, async () => {
    const made = stage(workers);
    const { media, fakes } = made;
    await media.start();
    const names = Array.from({ length: rooms }, (_, at) => `room-${at}`);
    const bad = names[Math.floor(rooms / 2)] ?? "";
    for (const room of names) {
      await media.openRoom(room);
      await media.openEndpoint(endpointWithoutLines(`e-${room}`, room));
    }
    const closed: string[] = [];
    const failures: string[] = [];
    media.on("room_quarantined", ({ room, message }) => {
      closed.push(room);
      failures.push(message);
    });
    killer(made, bad, after_ms);
    for (const worker of fakes.started) if (worker.rooms.has(bad)) worker.die("SIGSEGV");
    await made.pass(45_000);
    assert.deepEqual(closed, [bad]);
    assert.match(failures[0] ?? "", /3 times within 60 s/);
    assert.deepEqual(
      media.quarantined().map(({ room }) => room),
      [bad],
    );
    const living = [...Array(workers).keys()].flatMap((index) => [...fakes.at(index).rooms]);
    assert.deepEqual(living.toSorted(), names.filter((room) => room !== bad).toSorted());
    assert.ok(media.health().every(({ state }) => state === "up"));
    await assert.rejects(media.openRoom(bad));
    await media.close();
  });
}

test("two_rooms_that_end_their_worker_are_both_found_and_nobody_else_is", async () => {
  const made = stage();
  const { media, fakes } = made;
  await media.start();
  const names = ["a", "b", "c", "d", "e"];
  for (const room of names) await media.openRoom(room);
  const closed: string[] = [];
  media.on("room_quarantined", ({ room }) => closed.push(room));
  killer(made, "b", 20);
  const first = fakes.answer;
  killer(made, "d", 60);
  const second = fakes.answer;
  fakes.answer = (request, worker) => {
    first(request, worker);
    return second(request, worker);
  };
  fakes.at(0).die();
  await made.pass(40_000);
  assert.deepEqual(closed.toSorted(), ["b", "d"]);
  assert.deepEqual([...fakes.at(0).rooms].toSorted(), ["a", "c", "e"]);
  await media.close();
});

test("deaths_that_are_far_apart_close_no_room", async () => {
  const made = stage();
  const { media, fakes } = made;
  await media.start();
  await media.openRoom("room");
  media.on("room_quarantined", () => assert.fail("it is not to blame"));
  for (let death = 0; death < 6; death += 1) {
    fakes.at(0).die();
    await made.pass(31_000);
  }
  assert.ok(fakes.at(0).rooms.has("room"));
  await media.close();
});

test("a_room_that_fails_by_itself_three_times_in_a_minute_is_closed", async () => {
  const made = stage();
  const { media, fakes } = made;
  await media.start();
  const told: string[] = [];
  media.on("room_failed", ({ room }) => {
    told.push(`failed ${room}`);
    void media.openRoom(room);
  });
  media.on("room_quarantined", ({ room }) => told.push(`closed ${room}`));
  await media.openRoom("room");
  for (let failure = 0; failure < 3; failure += 1) {
    fakes.at(0).tell({ type: "room_failed", room: "room", message: "index out of bounds" });
    await made.pass(100);
  }
  assert.deepEqual(told, ["failed room", "failed room", "closed room"]);
  await media.close();
});

test("a_program_that_is_not_there_is_told_and_dead_workers_keep_no_descriptor", async () => {
  const spawn = spawnWorkerProcess("/no/such/program");
  assert.match(await spawn(0).ended, /could not be started: .*ENOENT/);
  if (!existsSync("/proc/self/fd")) return;
  const count = (): number => readdirSync("/proc/self/fd").length;
  const clock = createSystemClock();
  const before = count();
  for (let round = 0; round < 20; round += 1) {
    const process = spawnWorkerProcess("/bin/cat")(0);
    process.output.resume();
    process.errors.resume();
    process.kill();
    await process.ended;
    await spawn(0).ended;
  }
  for (let turn = 0; turn < 100 && count() > before; turn += 1) await clock.sleep(20);
  assert.ok(count() <= before, `${count()} descriptors, ${before} before`);
});
