// The media port against workers without media: placing, dying, hanging, misbehaving.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  createFakeWorkers,
  endpointWithoutLines,
  type FakeWorkers,
  media_settings,
} from "../../test/fake-worker.ts";
import { createManualClock, type ManualClock } from "../kernel/clock.ts";
import { silentLog } from "../kernel/log.ts";
import { Problem } from "../kernel/problem.ts";
import { createMedia, type EndpointOpen, type Media } from "./index.ts";
import type { Command, Message } from "./wire.ts";

interface Stage {
  readonly media: Media;
  readonly clock: ManualClock;
  readonly fakes: FakeWorkers;
}

const stage = async (worker_count = 1, port = 0): Promise<Stage> => {
  const clock = createManualClock();
  const fakes = createFakeWorkers();
  const media = createMedia({
    config: { ...media_settings.media, host: "127.0.0.1", port, worker_count },
    limits: media_settings.limits,
    clock,
    log: silentLog(),
    spawn: fakes.spawn,
  });
  await media.start();
  return { media, clock, fakes };
};

const endpoint = (id: string, room = "room-1"): EndpointOpen => ({
  ...endpointWithoutLines(id, room),
  receive: [
    {
      mid: "0",
      medium: "audio",
      source: "microphone",
      codecs: [],
      rids: [],
      ssrcs: [],
      muted: false,
    },
  ],
});

const reason = (reason: string) => (thrown: unknown) =>
  thrown instanceof Problem && thrown.reason === reason;

test("rooms_go_to_the_least_loaded_worker_and_stay_there", async () => {
  const { media, fakes } = await stage(2);
  await media.openRoom("room-1");
  await media.openEndpoint(endpoint("e1"));
  await media.openRoom("room-2");
  await media.openEndpoint(endpoint("e2", "room-2"));
  await media.openRoom("room-1");
  assert.deepEqual([...fakes.at(0).rooms], ["room-1"]);
  assert.deepEqual([...fakes.at(1).rooms], ["room-2"]);
  assert.deepEqual([...fakes.at(1).endpoints.keys()], ["e2"]);
  await media.close();
});

test("each_worker_takes_the_next_port_and_announces_where_it_is_reached", async () => {
  const { media, fakes } = await stage(2, 50_000);
  await media.openRoom("room-1");
  await media.openEndpoint(endpoint("e1"));
  await media.openRoom("room-2");
  assert.deepEqual(
    media
      .transport("room-2")
      .candidates.map(({ transport, address, port }) => [transport, address, port]),
    [
      ["udp", "127.0.0.1", 50_001],
      ["tcp", "127.0.0.1", 50_001],
    ],
  );
  assert.equal(fakes.started.length, 2);
  await media.close();
});

test("a_killed_worker_is_replaced_on_its_port_with_its_certificate_and_everything_in_it", async () => {
  const { media, fakes, clock } = await stage();
  const died: string[] = [];
  media.on("worker_died", ({ reason }) => died.push(reason));
  await media.openRoom("room-1");
  await media.openRoom("room-empty");
  await media.openEndpoint(endpoint("e1"));
  await media.publish({ endpoint: "e1", lines: [{ mid: "0", muted: true, rids: null }] });
  const wish = { mid: "5", show: null, width: 640, height: 360 };
  await media.tiles("e1", [wish]);
  const snapshot = { endpoint: "e1", taken_us: 7, state: { key: "secret" } };
  fakes.at(0).tell({ type: "snapshot", endpoints: [snapshot] });
  await clock.advance(0);
  fakes.at(0).die();
  await clock.advance(0);
  assert.equal(fakes.started.length, 2);
  const [configure, restore] = fakes.at(0).requests;
  assert.ok(configure?.type === "configure" && restore?.type === "restore");
  assert.equal(configure.udp, "127.0.0.1:40000");
  assert.deepEqual(configure.certificate, { certificate: "c0", private_key: "k" });
  const [entry] = restore.endpoints;
  assert.deepEqual(entry?.snapshot, snapshot);
  assert.deepEqual(entry?.tiles, [wish]);
  assert.equal(entry?.open.receive[0]?.muted, true);
  assert.deepEqual([...fakes.at(0).rooms].toSorted(), ["room-1", "room-empty"]);
  assert.deepEqual(died, ["was ended by SIGKILL"]);
  assert.equal(media.health()[0]?.state, "up");
  await media.close();
});

test("a_snapshot_is_never_given_to_two_workers", async () => {
  const { media, fakes, clock } = await stage();
  await media.openRoom("room-1");
  await media.openEndpoint(endpoint("e1"));
  const snapshot = { endpoint: "e1", taken_us: 7, state: { key: "secret" } };
  fakes.at(0).tell({ type: "snapshot", endpoints: [snapshot] });
  await clock.advance(0);
  const given: unknown[] = [];
  for (let death = 0; death < 2; death += 1) {
    fakes.at(0).die();
    await clock.advance(100);
    const restore = fakes.at(0).requests.find((request) => request.type === "restore");
    given.push(restore?.type === "restore" ? restore.endpoints[0]?.snapshot : undefined);
  }
  assert.deepEqual(given, [snapshot, null]);
  await media.close();
});

test("what_was_asked_while_a_worker_died_is_asked_of_its_successor", async () => {
  const { media, fakes, clock } = await stage();
  await media.openRoom("room-1");
  const first = fakes.at(0);
  fakes.answer = (_request, worker) => (worker === first ? null : undefined);
  const opening = media.openEndpoint(endpoint("e1"));
  await clock.advance(0);
  first.die();
  await clock.advance(10);
  await opening;
  assert.deepEqual([...fakes.at(0).endpoints.keys()], ["e1"]);
  await media.close();
});

test("endpoints_that_could_not_be_taken_over_are_named_and_forgotten", async () => {
  const { media, fakes, clock } = await stage();
  const lost: string[] = [];
  media.on("endpoints_lost", ({ endpoints }) => lost.push(...endpoints));
  await media.openRoom("room-1");
  await media.openEndpoint(endpoint("e1"));
  await media.openEndpoint(endpoint("e2"));
  fakes.lost.add("e2");
  fakes.at(0).die();
  await clock.advance(0);
  assert.deepEqual(lost, ["e2"]);
  assert.equal(media.hasEndpoint("e1"), true);
  assert.equal(media.hasEndpoint("e2"), false);
  await media.close();
});

test("a_worker_without_heartbeat_is_killed_within_half_a_second_and_one_with_it_is_not", async () => {
  const { media, fakes, clock } = await stage();
  for (let beat = 0; beat < 20; beat += 1) {
    fakes.at(0).tell({ type: "heartbeat" });
    await clock.advance(100);
  }
  assert.equal(fakes.started.length, 1);
  fakes.at(0).freeze();
  await clock.advance(399);
  assert.equal(fakes.started.length, 1);
  await clock.advance(201);
  assert.equal(fakes.started.length, 2);
  await media.close();
});

test("a_worker_that_does_not_answer_is_replaced_and_the_request_fails_with_a_problem", async () => {
  const { media, fakes, clock } = await stage();
  fakes.answer = (request) => (request.type === "room_open" ? null : undefined);
  const opening = assert.rejects(media.openRoom("room-1"), reason("MEDIA_UNAVAILABLE"));
  const beating = clock.every(50, () => {
    for (const worker of fakes.started) worker.tell({ type: "heartbeat" });
  });
  await clock.advance(10_000);
  await opening;
  beating.cancel();
  assert.ok(fakes.started.length > 1);
  fakes.answer = () => undefined;
  await media.openRoom("room-1");
  await media.close();
});

test("a_worker_that_writes_nonsense_or_skips_an_event_is_replaced", async () => {
  const { media, fakes, clock } = await stage();
  for (const line of [
    "not json",
    '{"type":"reply","id":999,"reply":{"type":"done"}}',
    '{"type":"event","seq":42,"event":{"type":"heartbeat"}}',
    '{"type":"surprise"}',
  ]) {
    const before = fakes.started.length;
    fakes.at(0).write(line);
    await clock.advance(50);
    assert.equal(fakes.started.length, before + 1, line);
    for (let beat = 0; beat < 110; beat += 1) {
      fakes.at(0).tell({ type: "heartbeat" });
      await clock.advance(100);
    }
  }
  await media.close();
});

test("a_worker_of_another_protocol_is_refused_at_the_start", async () => {
  const fakes = createFakeWorkers();
  fakes.protocol_version = 99;
  const media = createMedia({
    config: { ...media_settings.media, host: "127.0.0.1", port: 0, worker_count: 1 },
    limits: media_settings.limits,
    clock: createManualClock(),
    log: silentLog(),
    spawn: fakes.spawn,
  });
  await assert.rejects(media.start(), (thrown: Error) => /version 99/.test(thrown.message));
});

test("a_refusal_of_the_worker_is_a_problem_and_changes_nothing", async () => {
  const { media, fakes } = await stage();
  await media.openRoom("room-1");
  fakes.answer = (request) =>
    request.type === "endpoint_open" ? { code: "limit_reached" } : undefined;
  await assert.rejects(media.openEndpoint(endpoint("e1")), reason("MEDIA_LIMIT_REACHED"));
  assert.equal(media.hasEndpoint("e1"), false);
  await assert.rejects(
    media.publish({ endpoint: "e1", lines: [] }),
    reason("MEDIA_ENDPOINT_NOT_FOUND"),
  );
  await media.close();
});

test("a_worker_that_does_not_tell_its_counters_takes_nobody_elses_along", async () => {
  const { media, fakes } = await stage(2);
  fakes.answer = ({ type }, { index }) =>
    index === 1 && type === "stats" ? { code: "internal" } : undefined;
  const told = await media.stats();
  assert.deepEqual(
    told.map(({ worker }) => worker),
    [0],
  );
  await media.close();
});

test("closing_says_goodbye_to_every_worker", async () => {
  const { media, fakes } = await stage(2);
  await media.close();
  for (const worker of fakes.started) {
    assert.equal(worker.requests.at(-1)?.type, "shutdown");
    assert.equal(await worker.ended, "exited with 0");
  }
});

test("every_example_line_of_the_border_is_one_of_our_types", () => {
  const path = new URL("../../../contract/vectors/media.jsonl", import.meta.url);
  const lines = readFileSync(path, "utf8").trim().split("\n");
  const requests = new Set<string>();
  const messages = new Set<string>();
  for (const line of lines) {
    const value = JSON.parse(line) as Command | Message;
    if ("request" in value) requests.add(value.request.type);
    else messages.add(value.type === "event" ? value.event.type : value.type);
  }
  const known: readonly Command["request"]["type"][] = [
    "configure",
    "room_open",
    "room_close",
    "endpoint_open",
    "endpoint_restart",
    "endpoint_publish",
    "endpoint_tiles",
    "endpoint_enter",
    "endpoint_close",
    "restore",
    "stats",
    "ping",
    "shutdown",
  ];
  assert.deepEqual([...requests].toSorted(), known.toSorted());
  for (const name of ["hello", "reply", "error", "snapshot", "speakers", "heartbeat"]) {
    assert.ok(messages.has(name), name);
  }
});
