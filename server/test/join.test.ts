// Joining from the offer to `leaved`, against workers without media and a real database.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Conferencecall } from "../src/domain/conferencecall/index.ts";
import { createManualClock } from "../src/kernel/clock.ts";
import type { ConferencecallId, ConferenceId } from "../src/kernel/id.ts";
import { Problem } from "../src/kernel/problem.ts";
import type { EndpointOpen } from "../src/media/index.ts";
import { type Joining, startJoining } from "./joining.ts";
import { aiortc_offer, chromium_offer, obs_offer, sdk_offer } from "./offers.ts";

let joining: Joining;
before(async () => {
  joining = await startJoining();
});
after(() => joining.close());

const reason = (name: string) => (thrown: unknown) =>
  thrown instanceof Problem && thrown.reason === name;
const id = (call: Conferencecall): ConferencecallId => call.id as ConferencecallId;
const endpoint = (call: Conferencecall, of: Joining = joining): EndpointOpen => {
  const open = of.fakes.at(0).endpoints.get(call.reference_id);
  assert.ok(open, "the endpoint is not open");
  return open;
};
const connect = async (call: Conferencecall, of: Joining = joining): Promise<void> => {
  of.fakes.at(0).tell({ type: "endpoint_connected", endpoint: call.reference_id, detail: "test" });
  // The row is there before the journal tells of it; a test that reads events must wait for the telling.
  await of.until(() => {
    const joined = of.events.findIndex(
      ({ type, data }) =>
        type === "conferencecall_joined" && (data as { id?: string }).id === call.id,
    );
    return joined >= 0 && of.events.slice(joined).some(({ type }) => type === "conference_updated");
  });
  assert.equal(await status(call, of), "joined");
};
const row = async (call: Conferencecall, of: Joining = joining) => {
  const found = await of.conferences.conferencecalls.row(id(call));
  assert.ok(found);
  return found;
};
const status = async (call: Conferencecall, of: Joining = joining) => (await row(call, of)).status;
const types = (conference_id: ConferenceId, of: Joining = joining): string[] =>
  of.events.filter((event) => event.conference_id === conference_id).map(({ type }) => type);

test("an_offer_opens_an_endpoint_and_becomes_joined_when_media_flows", async () => {
  const conference_id = await joining.conference();
  const caller = joining.person(conference_id);
  const reply = await joining.joins.join(caller, conference_id, { offer: sdk_offer });
  assert.equal(reply.conferencecall.status, "joining");
  assert.equal(reply.conferencecall.name, "Ann");
  const open = endpoint(reply.conferencecall);
  assert.equal(open.room, conference_id);
  assert.match(
    reply.answer,
    new RegExp(`a=ice-ufrag:${open.ice.local_ufrag.replaceAll("+", "\\+")}\r\n`),
  );
  assert.match(open.ice.local_pwd, /^[A-Za-z0-9+/]{32}$/);
  assert.equal(open.ice.remote_ufrag, "imkz");
  for (const { ssrc } of open.send) assert.match(reply.answer, new RegExp(`a=ssrc:${ssrc} cname`));
  await connect(reply.conferencecall);
  assert.deepEqual(types(conference_id), [
    "conference_created",
    "call_created",
    "conferencecall_joining",
    "call_progressing",
    "conferencecall_joined",
    "conference_updated",
  ]);
  const { conferencecall_ids } = await joining.conferences.get(joining.admin, conference_id);
  assert.deepEqual(conferencecall_ids, [reply.conferencecall.id]);
});

test("what_starts_off_is_muted_in_the_worker_and_shown_so", async () => {
  const conference_id = await joining.conference();
  const reply = await joining.joins.join(joining.person(conference_id), conference_id, {
    offer: sdk_offer,
    muted: true,
    camera: false,
    screen: false,
  });
  const { muted, camera, screen } = reply.conferencecall;
  assert.deepEqual([muted, camera, screen], [true, false, false]);
  assert.deepEqual(
    endpoint(reply.conferencecall).receive.map((line) => line.muted),
    [true, true, true],
  );
  const whip = await joining.joins.join(joining.person(conference_id), conference_id, {
    offer: obs_offer,
  });
  assert.deepEqual(
    [whip.conferencecall.muted, whip.conferencecall.camera, whip.conferencecall.screen],
    [false, true, false],
  );
});

test("a_bad_offer_writes_nothing_and_opens_nothing", async () => {
  const conference_id = await joining.conference();
  const before = joining.fakes.at(0).endpoints.size;
  const caller = joining.person(conference_id);
  await assert.rejects(
    joining.joins.join(caller, conference_id, { offer: "v=1" }),
    reason("SDP_MALFORMED"),
  );
  await assert.rejects(
    joining.joins.join(caller, conference_id, {
      offer: chromium_offer.replaceAll("actpass", "sideways"),
    }),
    reason("OFFER_UNSUPPORTED"),
  );
  assert.equal(joining.fakes.at(0).endpoints.size, before);
  assert.deepEqual(types(conference_id), ["conference_created"]);
});

test("a_conference_of_somebody_else_or_none_or_an_ended_one_cannot_be_joined", async () => {
  const conference_id = await joining.conference();
  const other = await joining.conference();
  const caller = joining.person(conference_id);
  const offer = aiortc_offer;
  await assert.rejects(
    joining.joins.join(caller, other, { offer }),
    reason("CONFERENCE_NOT_FOUND"),
  );
  const unknown = joining.ids.next<ConferenceId>();
  await assert.rejects(
    joining.joins.join(joining.admin, unknown, { offer }),
    reason("CONFERENCE_NOT_FOUND"),
  );
  await joining.conferences.end(joining.admin, conference_id);
  await assert.rejects(
    joining.joins.join(caller, conference_id, { offer }),
    reason("STATE_INVALID"),
  );
});

test("a_worker_that_refuses_the_endpoint_ends_the_join", async () => {
  const conference_id = await joining.conference();
  joining.fakes.answer = (request) =>
    request.type === "endpoint_open" ? { code: "limit_reached" } : undefined;
  await assert.rejects(
    joining.joins.join(joining.person(conference_id), conference_id, { offer: aiortc_offer }),
    reason("MEDIA_LIMIT_REACHED"),
  );
  joining.fakes.answer = () => undefined;
  assert.deepEqual(await joining.conferences.conferencecalls.present(conference_id), []);
  assert.equal(types(conference_id).at(-1), "conferencecall_leaved");
});

test("each_end_in_the_worker_ends_the_join_with_its_reason", async () => {
  const ends = [
    ["closed_by_peer", "left"],
    ["vanished", "vanished"],
    ["dtls_failed", "connect_failed"],
    ["fingerprint_mismatch", "connect_failed"],
    ["connect_timeout", "connect_failed"],
  ] as const;
  for (const [told, shown] of ends) {
    const conference_id = await joining.conference();
    const { conferencecall } = await joining.joins.join(joining.admin, conference_id, {
      offer: aiortc_offer,
    });
    joining.fakes
      .at(0)
      .tell({ type: "endpoint_ended", endpoint: conferencecall.reference_id, reason: told });
    await joining.until(async () => (await status(conferencecall)) === "leaved");
    assert.equal((await row(conferencecall)).leave_reason, shown);
    assert.equal(joining.attendance.seats.get(id(conferencecall)), undefined);
  }
});

test("who_vanishes_without_a_live_socket_is_gone_soon_and_who_has_one_is_held_for_its_resume", async () => {
  const clock = createManualClock();
  const own = await startJoining({ clock });
  try {
    const conference_id = await own.conference();
    const enter = async () =>
      (await own.joins.join(own.admin, conference_id, { offer: aiortc_offer })).conferencecall;
    const [player, back, page] = [await enter(), await enter(), await enter()];
    const worker = own.fakes.at(0);
    const all = [player, back, page].map(({ reference_id }) => reference_id);
    const stateOf = ({ id: call }: { id: string }) =>
      own.attendance.seats.get(call as ConferencecallId)?.state;
    own.attendance.watched(id(page));
    for (const endpoint of all) worker.tell({ type: "endpoint_connected", endpoint, detail: "" });
    await own.until(() => stateOf(page) === "connected");
    for (const endpoint of all) worker.tell({ type: "endpoint_silent", endpoint });
    await own.until(() => stateOf(page) === "silent");
    await clock.advance(1_900);
    worker.tell({ type: "endpoint_back", endpoint: back.reference_id });
    await own.until(() => stateOf(back) === "connected");
    await clock.advance(200);
    await own.until(() =>
      worker.requests.some(
        (request) => request.type === "endpoint_close" && request.endpoint === player.reference_id,
      ),
    );
    assert.deepEqual([player, back, page].map(stateOf), [undefined, "connected", "silent"]);
  } finally {
    await own.close();
  }
});

test("kick_closes_the_endpoint_and_then_the_join_has_leaved", async () => {
  const conference_id = await joining.conference();
  const { conferencecall } = await joining.joins.join(
    joining.person(conference_id),
    conference_id,
    {
      offer: sdk_offer,
    },
  );
  await connect(conferencecall);
  const kicked = await joining.conferences.conferencecalls.kick(joining.admin, id(conferencecall));
  assert.equal(kicked.status, "leaving");
  await joining.until(async () => (await status(conferencecall)) === "leaved");
  assert.equal(joining.fakes.at(0).endpoints.has(conferencecall.reference_id), false);
});

test("leaving_by_the_own_token_closes_the_endpoint", async () => {
  const conference_id = await joining.conference();
  const caller = joining.person(conference_id);
  const { conferencecall } = await joining.joins.join(caller, conference_id, { offer: sdk_offer });
  const left = await joining.conferences.conferencecalls.kick(caller, id(conferencecall));
  assert.deepEqual([left.status, left.leave_reason], ["leaved", "left"]);
  await joining.until(() => !joining.fakes.at(0).endpoints.has(conferencecall.reference_id));
});

test("ending_the_conference_closes_its_room", async () => {
  const conference_id = await joining.conference();
  const { conferencecall } = await joining.joins.join(joining.admin, conference_id, {
    offer: sdk_offer,
  });
  await joining.conferences.end(joining.admin, conference_id);
  await joining.until(() => !joining.fakes.at(0).rooms.has(conference_id));
  assert.equal((await row(conferencecall)).leave_reason, "ended");
});

test("trickle_follows_the_etag_rules_and_restarts_ice_once_however_often_it_is_asked", async () => {
  const conference_id = await joining.conference();
  const caller = joining.person(conference_id);
  const { conferencecall, etag } = await joining.joins.join(caller, conference_id, {
    offer: sdk_offer,
  });
  const call = id(conferencecall);
  const candidate = "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n";
  const { joins } = joining;
  await assert.rejects(
    joins.trickle(caller, call, candidate, null),
    reason("PRECONDITION_REQUIRED"),
  );
  await assert.rejects(
    joins.trickle(caller, call, candidate, '"no"'),
    reason("PRECONDITION_FAILED"),
  );
  await assert.rejects(joins.trickle(caller, call, "nonsense", etag), reason("SDP_MALFORMED"));
  assert.deepEqual(await joins.trickle(caller, call, candidate, etag), { etag, fragment: null });
  const restart = "a=ice-ufrag:newfrag\r\na=ice-pwd:0123456789abcdefghijklmn\r\n";
  const first = await joins.trickle(caller, call, restart, "*");
  assert.notEqual(first.etag, etag);
  const told = joining.fakes.at(0).requests.findLast((each) => each.type === "endpoint_restart");
  assert.ok(told?.type === "endpoint_restart");
  assert.equal(told.ice.remote_ufrag, "newfrag");
  assert.equal(told.dtls, null);
  assert.match(
    first.fragment ?? "",
    new RegExp(`a=ice-ufrag:${told.ice.local_ufrag.replaceAll("+", "\\+")}\r\n`),
  );
  const again = await joins.trickle(caller, call, restart, "*");
  assert.deepEqual(again, first);
  await assert.rejects(joins.trickle(caller, call, candidate, etag), reason("PRECONDITION_FAILED"));
  const stranger = joining.person(conference_id, "host");
  await assert.rejects(joins.trickle(stranger, call, candidate, "*"), reason("PERMISSION_DENIED"));
});

test("publish_tells_the_worker_and_everybody", async () => {
  const conference_id = await joining.conference();
  const caller = joining.person(conference_id);
  const { conferencecall } = await joining.joins.join(caller, conference_id, {
    offer: sdk_offer,
    screen: false,
  });
  const shown = await joining.showing.publish(caller, id(conferencecall), {
    microphone: false,
    screen: true,
    rids: { camera: ["q", "h"] },
  });
  assert.deepEqual([shown.muted, shown.camera, shown.screen], [true, true, true]);
  const told = joining.fakes.at(0).requests.at(-1);
  assert.deepEqual(told, {
    type: "endpoint_publish",
    endpoint: conferencecall.reference_id,
    lines: [
      { mid: "0", muted: true, rids: null },
      { mid: "3", muted: false, rids: ["q", "h"] },
      { mid: "4", muted: false, rids: null },
    ],
  });
  assert.deepEqual(types(conference_id).slice(-2), [
    "conferencecall_muted",
    "conferencecall_updated",
  ]);
  const listener = joining.person(conference_id, "listener");
  const other = await joining.joins.join(listener, conference_id, { offer: sdk_offer });
  await assert.rejects(
    joining.showing.publish(listener, id(other.conferencecall), { microphone: true }),
    reason("PERMISSION_DENIED"),
  );
});

test("a_host_mutes_others_and_only_they_switch_it_on_again", async () => {
  const conference_id = await joining.conference();
  const caller = joining.person(conference_id);
  const host = joining.person(conference_id, "host");
  const { conferencecall } = await joining.joins.join(caller, conference_id, { offer: sdk_offer });
  const muted = await joining.showing.mute(host, id(conferencecall), null);
  assert.equal(muted.muted, true);
  assert.deepEqual(joining.fakes.at(0).requests.at(-1), {
    type: "endpoint_publish",
    endpoint: conferencecall.reference_id,
    lines: [{ mid: "0", muted: true, rids: null }],
  });
  await assert.rejects(
    joining.showing.publish(host, id(conferencecall), { microphone: true }),
    reason("PERMISSION_DENIED"),
  );
  const member = joining.person(conference_id);
  await assert.rejects(
    joining.showing.mute(member, id(conferencecall), null),
    reason("PERMISSION_DENIED"),
  );
});

test("a_tile_for_somebody_who_is_not_back_from_a_restart_is_not_forgotten", async () => {
  const before = joining;
  const conference_id = await before.conference();
  const caller = before.person(conference_id);
  const first = await before.joins.join(caller, conference_id, { offer: sdk_offer });
  const b = (await before.joins.join(before.admin, conference_id, { offer: sdk_offer }))
    .conferencecall;
  const stranger = await before.joins.join(before.admin, await before.conference(), {
    offer: sdk_offer,
  });
  const again = await before.restart();
  try {
    const a = first.conferencecall;
    await again.joins.join(caller, conference_id, {
      offer: sdk_offer,
      resume: { conferencecall_id: a.id, resume_key: first.resume_key },
    });
    const size = { width: 640, height: 360 };
    await again.showing.tiles(caller, id(a), [
      { mid: "5", conferencecall_id: b.id, source: "camera", ...size },
      { mid: "6", conferencecall_id: stranger.conferencecall.id, source: "camera", ...size },
    ]);
    assert.deepEqual(again.fakes.at(0).requests.at(-1), {
      type: "endpoint_tiles",
      endpoint: a.reference_id,
      tiles: [
        { mid: "5", show: { endpoint: b.reference_id, source: "camera" }, ...size },
        { mid: "6", show: null, ...size },
      ],
    });
  } finally {
    await again.close();
    joining = await startJoining();
  }
});

test("tiles_name_people_by_conferencecall_in_both_directions", async () => {
  const conference_id = await joining.conference();
  const caller = joining.person(conference_id);
  const a = (await joining.joins.join(caller, conference_id, { offer: sdk_offer })).conferencecall;
  const b = (await joining.joins.join(joining.admin, conference_id, { offer: sdk_offer }))
    .conferencecall;
  await joining.showing.tiles(caller, id(a), [
    { mid: "5", conferencecall_id: b.id, source: "camera", width: 640, height: 360 },
    { mid: "6", conferencecall_id: joining.ids.next(), width: 0, height: 0 },
  ]);
  assert.deepEqual(joining.fakes.at(0).requests.at(-1), {
    type: "endpoint_tiles",
    endpoint: a.reference_id,
    tiles: [
      { mid: "5", show: { endpoint: b.reference_id, source: "camera" }, width: 640, height: 360 },
      { mid: "6", show: null, width: 0, height: 0 },
    ],
  });
  for (const wish of [
    { mid: "0", conferencecall_id: null, width: 1, height: 1 },
    { mid: "99", conferencecall_id: null, width: 1, height: 1 },
    { mid: "5", conferencecall_id: null, width: -1, height: 1 },
    { mid: "5", conferencecall_id: null, width: 1e9, height: 1 },
  ]) {
    await assert.rejects(joining.showing.tiles(caller, id(a), [wish]), reason("INVALID_ARGUMENT"));
  }
  const hints: unknown[] = [];
  const off = [
    joining.attendance.on("voices", (hint) => hints.push(hint)),
    joining.attendance.on("tiles", (hint) => hints.push(hint)),
  ];
  const worker = joining.fakes.at(0);
  worker.tell({
    type: "voice_slots",
    endpoint: a.reference_id,
    slots: [
      { mid: "0", endpoint: b.reference_id },
      { mid: "1", endpoint: null },
    ],
  });
  worker.tell({
    type: "tiles",
    endpoint: a.reference_id,
    tiles: [
      { mid: "5", show: { endpoint: b.reference_id, source: "camera" }, rid: "h", reason: null },
    ],
  });
  await joining.until(() => hints.length === 2);
  for (const end of off) end();
  const voices = [
    { mid: "0", conferencecall_id: b.id },
    { mid: "1", conferencecall_id: null },
  ];
  const tiles = [{ mid: "5", conferencecall_id: b.id, source: "camera", rid: "h", reason: null }];
  assert.deepEqual(hints, [
    { conferencecall_id: a.id, slots: voices },
    { conferencecall_id: a.id, tiles },
  ]);
  assert.deepEqual(joining.attendance.shown(id(a)), { voices, tiles, codecs_wanted: [] });
});

test("who_speaks_is_a_hint_each_time_and_in_the_journal_when_it_changes", async () => {
  const conference_id = await joining.conference();
  const a = (await joining.joins.join(joining.admin, conference_id, { offer: sdk_offer }))
    .conferencecall;
  const tell = (active: string | null, speaking: string[]): void =>
    joining.fakes.at(0).tell({ type: "speakers", room: conference_id, active, speaking });
  tell(null, []);
  tell(a.reference_id, [a.reference_id]);
  tell(a.reference_id, []);
  await joining.until(() => types(conference_id).includes("conference_active_speaker"));
  assert.deepEqual(joining.attendance.speakers(conference_id), {
    conference_id,
    active: a.id,
    speaking: [],
  });
  assert.equal(
    types(conference_id).filter((type) => type === "conference_active_speaker").length,
    1,
  );
});

test("a_killed_worker_costs_nobody_their_join_and_the_lost_are_told_to_come_back", async () => {
  const own = await startJoining();
  try {
    const conference_id = await own.conference();
    const a = (await own.joins.join(own.admin, conference_id, { offer: sdk_offer })).conferencecall;
    const caller = own.person(conference_id);
    const joined = await own.joins.join(caller, conference_id, { offer: sdk_offer });
    const b = joined.conferencecall;
    await connect(a, own);
    await connect(b, own);
    const rejoins: string[] = [];
    own.attendance.on("rejoin", ({ conferencecall_id }) => rejoins.push(conferencecall_id));
    own.fakes.lost.add(b.reference_id);
    own.fakes.at(0).die();
    await own.until(() => rejoins.length > 0);
    own.fakes.lost.clear();
    assert.deepEqual(rejoins, [b.id]);
    assert.equal(own.fakes.at(0).endpoints.has(a.reference_id), true);
    assert.deepEqual([await status(a, own), await status(b, own)], ["joined", "joined"]);
    const resume = { conferencecall_id: b.id, resume_key: joined.resume_key };
    await assert.rejects(
      own.joins.join(caller, conference_id, { offer: sdk_offer, resume }),
      reason("STATE_INVALID"),
    );
    const again = await own.joins.join(caller, conference_id, {
      offer: sdk_offer.replaceAll("AC:C0:47", "00:11:22"),
      resume,
    });
    assert.equal(again.conferencecall.id, b.id);
    assert.equal(own.fakes.at(0).endpoints.has(b.reference_id), true);
    own.fakes.at(0).tell({ type: "endpoint_connected", endpoint: b.reference_id, detail: "again" });
    await own.until(async () => (await row(b, own)).tm_deadline === null);
    assert.equal(await status(b, own), "joined");
  } finally {
    await own.close();
  }
});

test("after_a_restart_seats_are_held_and_taken_up_again_with_the_key_only", async () => {
  const first = await startJoining();
  let own = first;
  try {
    const conference_id = await first.conference();
    const caller = first.person(conference_id);
    const { conferencecall, resume_key, etag } = await first.joins.join(caller, conference_id, {
      offer: sdk_offer,
    });
    await connect(conferencecall, first);
    own = await first.restart();
    assert.ok(own.fakes.at(0).rooms.has(conference_id));
    const held = await row(conferencecall, own);
    assert.deepEqual([held.status, held.deadline_reason], ["joined", "node_lost"]);
    assert.ok(held.tm_deadline !== null);
    const resume = { conferencecall_id: conferencecall.id, resume_key };
    const offer = sdk_offer;
    await assert.rejects(
      own.joins.join(caller, conference_id, { offer, resume: { ...resume, resume_key: "wrong" } }),
      reason("PERMISSION_DENIED"),
    );
    const stranger = own.person(conference_id);
    await assert.rejects(
      own.joins.join(stranger, conference_id, { offer, resume }),
      reason("PERMISSION_DENIED"),
    );
    await assert.rejects(
      own.joins.trickle(caller, id(conferencecall), "a=end-of-candidates\r\n", etag),
      reason("CONFERENCECALL_NOT_FOUND"),
    );
    const lines = [{ mid: "3", rid: "q", ssrc: 1234, rtx_ssrc: 1235 }];
    const again = await own.joins.join(caller, conference_id, {
      offer,
      muted: true,
      resume: { ...resume, lines },
    });
    assert.equal(again.conferencecall.id, conferencecall.id);
    assert.equal(again.conferencecall.muted, true);
    const open = endpoint(conferencecall, own);
    assert.deepEqual(open.receive[1]?.ssrcs, [{ ssrc: 1234, rtx_ssrc: 1235, rid: "q" }]);
    own.fakes.at(0).tell({ type: "endpoint_connected", endpoint: open.endpoint, detail: "again" });
    await own.until(async () => (await row(conferencecall, own)).tm_deadline === null);
    assert.deepEqual(
      types(conference_id, own).filter((type) => type.startsWith("conferencecall_j")),
      [],
    );
  } finally {
    await own.close();
  }
});

test("resuming_a_living_connection_restarts_its_ice_and_keeps_its_ssrcs", async () => {
  const conference_id = await joining.conference();
  const caller = joining.person(conference_id);
  const { conferencecall, resume_key, answer } = await joining.joins.join(caller, conference_id, {
    offer: sdk_offer,
  });
  await connect(conferencecall);
  const before = joining.fakes.at(0).requests.length;
  const again = await joining.joins.join(caller, conference_id, {
    offer: sdk_offer.replaceAll("a=ice-ufrag:imkz", "a=ice-ufrag:next"),
    resume: { conferencecall_id: conferencecall.id, resume_key },
  });
  const told = joining.fakes
    .at(0)
    .requests.slice(before)
    .map(({ type }) => type);
  assert.deepEqual(told, ["endpoint_restart"]);
  const ssrcs = (text: string): string[] => text.match(/a=ssrc:\d+/g) ?? [];
  assert.deepEqual(ssrcs(again.answer), ssrcs(answer));
  assert.equal(await status(conferencecall), "joined");
});

test("resuming_from_a_new_connection_replaces_the_endpoint_and_its_old_end_means_nothing", async () => {
  const conference_id = await joining.conference();
  const caller = joining.person(conference_id);
  const { conferencecall, resume_key } = await joining.joins.join(caller, conference_id, {
    offer: sdk_offer,
  });
  await connect(conferencecall);
  joining.fakes.answer = (request, worker) => {
    if (request.type === "endpoint_close") {
      worker.tell({ type: "endpoint_ended", endpoint: request.endpoint, reason: "closed_by_peer" });
    }
    return undefined;
  };
  const other = sdk_offer.replaceAll("AC:C0:47", "00:11:22");
  await joining.joins.join(caller, conference_id, {
    offer: other,
    resume: { conferencecall_id: conferencecall.id, resume_key },
  });
  joining.fakes.answer = () => undefined;
  assert.match(endpoint(conferencecall).dtls.fingerprints[0]?.value ?? "", /^00:11:22/);
  await connect(conferencecall);
  assert.equal(await status(conferencecall), "joined");
});

test("the_dtls_role_stays_as_long_as_the_association_does", async () => {
  const conference_id = await joining.conference();
  const caller = joining.person(conference_id);
  const offers = (setup: string) => sdk_offer.replaceAll("a=setup:actpass", `a=setup:${setup}`);
  const joined = await joining.joins.join(caller, conference_id, { offer: offers("passive") });
  const { conferencecall, resume_key } = joined;
  const resume = { conferencecall_id: conferencecall.id, resume_key };
  assert.match(joined.answer, /a=setup:active/);
  assert.equal(endpoint(conferencecall).dtls.role, "client");
  await connect(conferencecall);
  const told = async (setup: string): Promise<[string, string[]]> => {
    const before = joining.fakes.at(0).requests.length;
    const { answer } = await joining.joins.join(caller, conference_id, {
      offer: offers(setup),
      resume,
    });
    const requests = joining.fakes.at(0).requests.slice(before);
    return [/a=setup:(\w+)/.exec(answer)?.[1] ?? "", requests.map(({ type }) => type)];
  };
  // Both are free now, and the association is kept: so is who began it.
  assert.deepEqual(await told("actpass"), ["active", ["endpoint_restart"]]);
  // The other role is a new association.
  const [setup, requests] = await told("active");
  assert.equal(setup, "passive");
  assert.ok(requests.includes("endpoint_open"));
  assert.equal(endpoint(conferencecall).dtls.role, "server");
});

test("a_join_that_has_ended_cannot_be_resumed", async () => {
  const conference_id = await joining.conference();
  const caller = joining.person(conference_id);
  const { conferencecall, resume_key } = await joining.joins.join(caller, conference_id, {
    offer: sdk_offer,
  });
  await joining.conferences.conferencecalls.kick(caller, id(conferencecall));
  await assert.rejects(
    joining.joins.join(caller, conference_id, {
      offer: sdk_offer,
      resume: { conferencecall_id: conferencecall.id, resume_key },
    }),
    reason("CONFERENCECALL_NOT_FOUND"),
  );
});

test("a_third_one_cannot_join_a_connect_and_when_one_leaves_it_ends", async () => {
  const conference_id = await joining.conference("connect");
  const callers = [joining.person(conference_id), joining.person(conference_id)];
  const [a, b] = await Promise.all(
    callers.map((caller) => joining.joins.join(caller, conference_id, { offer: aiortc_offer })),
  );
  assert.ok(a && b);
  await assert.rejects(
    joining.joins.join(joining.person(conference_id), conference_id, { offer: aiortc_offer }),
    reason("STATE_INVALID"),
  );
  await connect(a.conferencecall);
  await connect(b.conferencecall);
  joining.fakes.at(0).tell({
    type: "endpoint_ended",
    endpoint: a.conferencecall.reference_id,
    reason: "closed_by_peer",
  });
  await joining.until(async () => (await status(b.conferencecall)) === "leaved");
  assert.equal((await row(b.conferencecall)).leave_reason, "ejected");
});

test("a_room_that_failed_is_opened_again_and_its_people_are_told_to_come_back", async () => {
  const conference_id = await joining.conference();
  const { conferencecall } = await joining.joins.join(joining.admin, conference_id, {
    offer: sdk_offer,
  });
  await connect(conferencecall);
  const rejoins: string[] = [];
  const off = joining.attendance.on("rejoin", ({ reason: why }) => rejoins.push(why));
  const worker = joining.fakes.at(0);
  worker.rooms.delete(conference_id);
  worker.endpoints.delete(conferencecall.reference_id);
  worker.tell({ type: "room_failed", room: conference_id, message: "a panic" });
  await joining.until(() => worker.rooms.has(conference_id));
  off();
  assert.deepEqual(rejoins, ["room_failed"]);
  await joining.until(async () => (await row(conferencecall)).deadline_reason === "room_failed");
  assert.equal(await status(conferencecall), "joined");
});

test("a_join_that_is_asked_for_again_after_a_restart_is_the_same_join_with_an_answer_that_works", async () => {
  const first = await startJoining();
  let again = first;
  try {
    const conference_id = await first.conference();
    const request = { offer: chromium_offer };
    const made = await first.joins.join(first.person(conference_id), conference_id, request);
    const join_id = id(made.conferencecall);
    assert.equal(await first.joins.renew(conference_id, join_id, request), null);
    again = await first.restart();
    const renewed = await again.joins.renew(conference_id, join_id, request);
    assert.equal(renewed?.conferencecall.id, join_id);
    const { ice } = endpoint(renewed.conferencecall, again);
    assert.ok(renewed.answer.includes(`a=ice-ufrag:${ice.local_ufrag}`));
    assert.notEqual(renewed.etag, made.etag);
    assert.equal(await again.joins.renew(conference_id, join_id, request), null);
    await again.conferences.conferencecalls.leave(join_id, "left");
    await again.until(() => again.fakes.at(0).endpoints.size === 0);
    assert.equal(await again.joins.renew(conference_id, join_id, request), null);
  } finally {
    await again.close();
  }
});
