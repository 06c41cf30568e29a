// The live socket as clients see it: docs/design/live-socket.md, sentence by sentence.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import type { ConferencecallId, ConferenceId } from "../src/kernel/id.ts";
import { connect, type Guest, type LiveRig, startLiveRig } from "./live-rig.ts";

let rig: LiveRig;
before(async () => {
  rig = await startLiveRig();
});
after(() => rig.close());

/** A conference with somebody in it and their socket, the snapshot read. */
async function seated(role: "host" | "member" | "listener" = "member", name = "Ada") {
  const conference_id = await rig.conference();
  const guest = await rig.guest(conference_id, role, name);
  const id = await rig.join(guest);
  const client = rig.live(conference_id, { token: guest.token, conferencecall_id: id });
  const snapshot = await client.next((frame) => frame.type === "snapshot");
  return { conference_id, guest, id, client, snapshot };
}

const openAs = async (conference_id: ConferenceId, guest: Guest, id?: ConferencecallId) => {
  const client = rig.live(conference_id, {
    token: guest.token,
    ...(id ? { conferencecall_id: id } : {}),
  });
  const snapshot = await client.next((frame) => frame.type === "snapshot");
  return { client, snapshot };
};

test("the_first_frame_is_a_snapshot_of_the_state_that_its_seq_stands_for", async () => {
  const { snapshot, id, conference_id } = await seated("host");
  assert.equal(snapshot.seq, await rig.store.journal.latest(conference_id));
  assert.equal(snapshot.conference.id, conference_id);
  assert.deepEqual(snapshot.conference.conferencecall_ids, [id]);
  assert.deepEqual(
    snapshot.conferencecalls.map((call: { id: string; status: string }) => [call.id, call.status]),
    [[id, "joined"]],
  );
  assert.deepEqual(snapshot.messages, []);
  assert.equal(snapshot.boot_id, "boot-1");
  assert.equal(snapshot.ping_interval_ms, 1000);
  assert.deepEqual(snapshot.you, {
    conferencecall_id: id,
    role: "host",
    name: "Ada",
    may: [
      "publish",
      "tiles",
      "chat",
      "messages",
      "delete_message",
      "react",
      "hand",
      "rename",
      "mute",
      "kick",
      "end",
    ],
  });
});

test("who_only_watches_may_less_and_a_listener_may_not_publish", async () => {
  const { conference_id } = await seated();
  const listener = await rig.guest(conference_id, "listener", "Lena");
  const watching = await openAs(conference_id, listener);
  assert.deepEqual(watching.snapshot.you.may, ["messages"]);
  const id = await rig.join(listener);
  const joined = await openAs(conference_id, listener, id);
  assert.ok(joined.snapshot.you.may.includes("chat"));
  const { error } = await joined.client.ask("publish", { microphone: true });
  assert.equal(error.reason, "PERMISSION_DENIED");
  const console_ = rig.live(conference_id, { token: rig.admin.token });
  const { you } = await console_.next((frame) => frame.type === "snapshot");
  assert.deepEqual(you.may, ["chat", "messages", "delete_message", "react", "mute", "kick", "end"]);
});

test("events_follow_in_order_and_none_is_missing", async () => {
  const { client, snapshot, conference_id } = await seated();
  const bo = await rig.guest(conference_id, "member", "Bo");
  const id = await rig.join(bo);
  await rig.conferences.conferencecalls.leave(id, "left");
  const latest = await rig.store.journal.latest(conference_id);
  await client.next((frame) => frame.type === "event" && frame.seq === latest);
  const events = client.frames.filter((frame) => frame.type === "event");
  assert.deepEqual(
    events.map((frame) => frame.seq),
    Array.from({ length: latest - snapshot.seq }, (_, index) => snapshot.seq + 1 + index),
  );
  const types = events.map((frame) => frame.event.type);
  assert.ok(types.includes("conferencecall_joined") && types.includes("conferencecall_leaved"));
});

test("a_client_that_comes_back_with_its_seq_gets_exactly_what_it_missed", async () => {
  const { client, snapshot, conference_id, guest, id } = await seated();
  client.socket.terminate();
  await client.closed;
  const cy = await rig.join(await rig.guest(conference_id, "member", "Cy"));
  const latest = await rig.store.journal.latest(conference_id);
  const again = rig.live(conference_id, {
    token: guest.token,
    conferencecall_id: id,
    after: String(snapshot.seq),
  });
  const resumed = await again.next((frame) => frame.type === "resumed");
  assert.equal(resumed.seq, snapshot.seq);
  assert.equal(resumed.you.conferencecall_id, id);
  await again.next((frame) => frame.type === "event" && frame.seq === latest);
  const joined = again.frames.filter(
    (frame) => frame.event?.type === "conferencecall_joined" && frame.event.data.id === cy,
  );
  assert.equal(joined.length, 1);
});

test("a_seq_from_the_future_gets_a_snapshot", async () => {
  const { conference_id, guest } = await seated();
  const client = rig.live(conference_id, { token: guest.token, after: "999999" });
  const first = await client.next(() => true);
  assert.equal(first.type, "snapshot");
});

test("messages_reach_everybody_once_and_stay_for_who_comes_later", async () => {
  const { client, conference_id, id } = await seated();
  const bo = await rig.guest(conference_id, "member", "Bo");
  const bo_id = await rig.join(bo);
  const { client: bo_client } = await openAs(conference_id, bo, bo_id);
  const { ok } = await client.ask("chat", { text: "Hello Bo", client_id: "m-1" });
  assert.equal(ok.message.text, "Hello Bo");
  assert.equal(ok.message.owner_type, "conferencecall");
  assert.equal(ok.message.owner_id, id);
  assert.equal(ok.message.owner_name, "Ada");
  const heard = await bo_client.next((frame) => frame.event?.type === "conference_message_created");
  assert.deepEqual(heard.event.data, ok.message);
  const repeated = await client.ask("chat", { text: "Hello Bo", client_id: "m-1" });
  assert.equal(repeated.ok.message.id, ok.message.id);
  const late = await openAs(conference_id, await rig.guest(conference_id, "member", "Late"));
  assert.deepEqual(
    late.snapshot.messages.map((message: { text: string }) => message.text),
    ["Hello Bo"],
  );
});

test("a_private_message_reaches_its_target_its_author_and_the_customer_only", async () => {
  const { client, conference_id } = await seated();
  const bo = await rig.guest(conference_id, "member", "Bo");
  const bo_id = await rig.join(bo);
  const { client: bo_client } = await openAs(conference_id, bo, bo_id);
  const cy = await rig.guest(conference_id, "host", "Cy");
  const { client: cy_client } = await openAs(conference_id, cy, await rig.join(cy));
  const watcher = rig.live(conference_id, { token: rig.admin.token });
  await watcher.next((frame) => frame.type === "snapshot");
  await client.ask("chat", { text: "psst", target_conferencecall_id: bo_id });
  await client.ask("chat", { text: "aloud" });
  const texts = async (reader: typeof client) => {
    await reader.next((frame) => frame.event?.data.text === "aloud");
    return reader.frames
      .filter((frame) => frame.event?.type === "conference_message_created")
      .map((frame) => frame.event.data.text);
  };
  assert.deepEqual(await texts(client), ["psst", "aloud"]);
  assert.deepEqual(await texts(bo_client), ["psst", "aloud"]);
  assert.deepEqual(await texts(watcher), ["psst", "aloud"]);
  assert.deepEqual(await texts(cy_client), ["aloud"]);
  const later = await openAs(conference_id, cy);
  assert.deepEqual(
    later.snapshot.messages.map((message: { text: string }) => message.text),
    ["aloud"],
  );
  const page = await cy_client.ask("messages", {});
  assert.deepEqual(
    page.ok.messages.map((message: { text: string }) => message.text),
    ["aloud"],
  );
  const own = await bo_client.ask("messages", {});
  assert.equal(own.ok.messages.length, 2);
});

test("earlier_messages_come_in_pages_oldest_first", async () => {
  const { client, conference_id } = await seated();
  for (const text of ["one", "two", "three"]) await client.ask("chat", { text });
  const last = await client.ask("messages", { limit: 2 });
  const texts = (answer: typeof last) =>
    answer.ok.messages.map((message: { text: string }) => message.text);
  assert.deepEqual(texts(last), ["two", "three"]);
  const before_them = await client.ask("messages", {
    before: last.ok.messages[0].tm_create,
    limit: 2,
  });
  assert.deepEqual(texts(before_them), ["one"]);
  assert.equal(before_them.ok.next_page_token, "");
  assert.ok(conference_id);
});

test("hand_and_name_are_written_and_everybody_sees_them", async () => {
  const { client, conference_id, id } = await seated();
  const watcher = rig.live(conference_id, { token: rig.admin.token });
  await watcher.next((frame) => frame.type === "snapshot");
  assert.deepEqual((await client.ask("hand", { raised: true })).ok, {});
  assert.deepEqual((await client.ask("rename", { name: " Ada L. " })).ok, {});
  const seen = await watcher.next((frame) => frame.event?.data.name === "Ada L.");
  assert.equal(seen.event.data.id, id);
  assert.equal(seen.event.data.hand, true);
  assert.deepEqual(seen.event.actor, { type: "conferencecall", id });
  const refused = await client.ask("rename", { name: "  " });
  assert.equal(refused.error.reason, "INVALID_ARGUMENT");
});

test("publish_tiles_and_mute_reach_the_media_side_in_order", async () => {
  const { client, id, conference_id } = await seated("host");
  const before_count = rig.shown.asked.length;
  await client.ask("publish", { camera: true, rids: { camera: ["q", "h"] } });
  const tile = { mid: "5", conferencecall_id: id, source: "camera", width: 640, height: 360 };
  await client.ask("tiles", { tiles: [tile] });
  await client.ask("mute", { conferencecall_id: id });
  assert.deepEqual(
    rig.shown.asked.slice(before_count).map(({ what, id: asked }) => [what, asked]),
    [
      ["publish", id],
      ["tiles", id],
      ["mute", id],
    ],
  );
  assert.ok(conference_id);
});

test("a_host_cannot_reach_into_another_conference", async () => {
  const { client } = await seated("host");
  const elsewhere = await seated();
  for (const type of ["mute", "kick"]) {
    const { error } = await client.ask(type, { conferencecall_id: elsewhere.id });
    assert.equal(error.reason, "CONFERENCECALL_NOT_FOUND");
  }
  const admin_socket = rig.live((await seated()).conference_id, { token: rig.admin.token });
  await admin_socket.next((frame) => frame.type === "snapshot");
  const { error } = await admin_socket.ask("kick", { conferencecall_id: elsewhere.id });
  assert.equal(error.reason, "CONFERENCECALL_NOT_FOUND");
});

test("who_is_kicked_sees_it_and_is_closed_with_4403_and_so_is_their_next_try", async () => {
  const { conference_id, client: host } = await seated("host");
  const bo = await rig.guest(conference_id, "member", "Bo");
  const bo_id = await rig.join(bo);
  const { client } = await openAs(conference_id, bo, bo_id);
  const { ok } = await host.ask("kick", { conferencecall_id: bo_id });
  assert.equal(ok.conferencecall.status, "leaving");
  assert.equal(await client.closed, 4403);
  assert.ok(client.frames.some((frame) => frame.event?.type === "conferencecall_leaving"));
  await host.next(
    (frame) => frame.event?.type === "conferencecall_leaved" && frame.event.data.id === bo_id,
  );
  const again = rig.live(conference_id, { token: bo.token, conferencecall_id: bo_id });
  assert.equal(await again.closed, 4403);
});

test("the_end_of_the_conference_is_told_to_all_and_closes_with_4410", async () => {
  const { conference_id, client } = await seated("host");
  const watcher = rig.live(conference_id, { token: rig.admin.token });
  await watcher.next((frame) => frame.type === "snapshot");
  await client.ask("end");
  assert.equal(await watcher.closed, 4410);
  assert.equal(await client.closed, 4410);
  assert.equal(watcher.frames.at(-1).event.type, "conference_deleted");
  const later = rig.live(conference_id, { token: rig.admin.token });
  const snapshot = await later.next((frame) => frame.type === "snapshot");
  assert.equal(snapshot.conference.status, "terminated");
  assert.equal(await later.closed, 4410);
});

test("a_second_socket_of_the_same_join_takes_over", async () => {
  const { conference_id, guest, id, client } = await seated();
  const second = await openAs(conference_id, guest, id);
  assert.equal(await client.closed, 4409);
  assert.deepEqual((await second.client.ask("hand", { raised: true })).ok, {});
});

test("credentials_conferences_and_joins_that_do_not_fit_are_closed_with_their_code", async () => {
  const { conference_id, id, guest } = await seated();
  const code = (query: Record<string, string>, conference: ConferenceId = conference_id) =>
    rig.live(conference, query).closed;
  assert.equal(await code({}), 4401);
  assert.equal(await code({ token: "nonsense" }), 4401);
  assert.equal(await code({ token: rig.other.token }), 4404);
  assert.equal(await code({ token: rig.admin.token }, rig.ids.next<ConferenceId>()), 4404);
  assert.equal(await code({ token: guest.token }, await rig.conference()), 4404);
  const stranger = await rig.guest(conference_id, "host", "Eve");
  assert.equal(await code({ token: stranger.token, conferencecall_id: id }), 4404);
  assert.equal(await code({ token: rig.admin.token, conferencecall_id: id }), 4404);
});

test("a_number_that_would_become_another_one_is_refused_as_in_bodies", async () => {
  const { client } = await seated("host");
  const answer = async (id: string, text: string) => {
    client.send(text);
    return await client.next((frame) => frame.id === id);
  };
  for (const [id, members] of [
    ["wide", '"type":"messages","limit":1.00000000000000000000001'],
    ["long", '"type":"hand","raised":true,"more":12345678901234567890'],
    ["deep", '"type":"hand","raised":true,"more":{"a":[0,9007199254740993]}'],
    ["huge", '"type":"hand","raised":true,"more":1e400'],
  ] as const) {
    const { error } = await answer(id, `{"id":"${id}",${members}}`);
    assert.equal(error?.reason, "INVALID_ARGUMENT", id);
    assert.match(error.message, /beyond double precision/);
  }
  const exact = await answer(
    "exact",
    '{"id":"exact","type":"hand","raised":true,"more":[1.50e3,-0.1]}',
  );
  assert.ok(exact.ok, JSON.stringify(exact));
  // One that cannot be said again names no answer.
  client.send('{"id":12345678901234567890,"type":"hand","raised":true}');
  assert.equal(await client.closed, 4400);
  const events = rig.events(rig.admin.token);
  events.send('{"type":"subscribe","topics":["conference"],"id":12345678901234567890}');
  const refused = await events.next(() => true);
  assert.equal(refused.error.reason, "INVALID_ARGUMENT");
  assert.equal(refused.error.details[0].field, "id");
});

test("frames_that_are_no_commands_close_with_4400", async () => {
  for (const bad of ["nonsense", "[]", "{}", '{"type":"hand"}', "x".repeat(70_000)]) {
    const { client } = await seated();
    client.send(bad);
    assert.equal(await client.closed, 4400, bad.slice(0, 20));
  }
});

test("a_bad_command_is_answered_with_its_field_and_harms_nobody", async () => {
  const { client } = await seated();
  const cases: [string, object, string][] = [
    ["dance", {}, "type"],
    ["hand", { raised: "yes" }, "raised"],
    ["chat", { text: "" }, "text"],
    ["chat", { text: "x".repeat(4_001) }, "text"],
    ["chat", { text: "a\u0000b" }, "text"],
    ["tiles", { tiles: [{ mid: "1" }] }, "tiles.0"],
    ["messages", { before: "yesterday" }, "page_token"],
  ];
  for (const [type, fields, field] of cases) {
    const { error } = await client.ask(type, fields);
    assert.match(error.reason, /^INVALID_/, `${type} ${JSON.stringify(error)}`);
    assert.equal(error.details[0].field, field, type);
  }
  assert.deepEqual((await client.ask("hand", { raised: true })).ok, {});
});

test("more_commands_than_allowed_are_refused_one_by_one", async () => {
  const { client } = await seated();
  const answers = await Promise.all(
    Array.from({ length: 140 }, () => client.ask("messages", { limit: 1 })),
  );
  const refused = answers.filter((answer) => answer.error);
  assert.ok(refused.length > 0 && refused.length <= 40, String(refused.length));
  for (const { error } of refused) assert.equal(error.reason, "RATE_LIMIT_EXCEEDED");
});

test("hints_of_the_media_side_reach_whom_they_concern", async () => {
  const { client, id, conference_id, guest } = await seated();
  const watcher = rig.live(conference_id, { token: rig.admin.token });
  await watcher.next((frame) => frame.type === "snapshot");
  await client.next((frame) => frame.type === "tiles");
  await watcher.next((frame) => frame.type === "speakers");
  rig.hints.say("speakers", { conference_id, active: id, speaking: [id] });
  rig.hints.say("voices", {
    conferencecall_id: id,
    slots: [{ mid: "0", conferencecall_id: null }],
  });
  rig.hints.say("rejoin", { conferencecall_id: id, reason: "media_lost" });
  const speakers = await client.next((frame) => frame.type === "speakers" && frame.active !== null);
  assert.deepEqual(speakers, { type: "speakers", active: id, speaking: [id] });
  assert.equal((await client.next((frame) => frame.type === "rejoin")).reason, "media_lost");
  await watcher.next((frame) => frame.type === "speakers" && frame.active === id);
  assert.ok(!watcher.frames.some((frame) => frame.type === "voices" || frame.type === "rejoin"));
  rig.hints.lost.add(id);
  const { client: again } = await openAs(conference_id, guest, id);
  await again.next((frame) => frame.type === "rejoin");
});

test("by_cookie_only_pages_of_our_own_origin_open_a_socket_and_by_token_pages_of_any", async () => {
  const { conference_id } = await seated();
  const { token } = rig.admin;
  const own = rig.url.replace("ws:", "http:");
  const host = new URL(own).host;
  const foreign: Record<string, string>[] = [
    { origin: "https://evil.test" },
    { origin: own.replace(/:\d+$/, ":1") },
    { origin: own.replace(/:\d+$/, "") },
    { origin: `http://evil.${host}` },
    { origin: `${own}.evil.test` },
    { origin: "null" },
    { origin: "" },
    { origin: `ws://${host}` },
    { origin: `http://evil@${host}` },
    { origin: `${own}/` },
    { origin: "file://" },
    { origin: "chrome-extension://abcdefghijklmnop" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: own, "sec-fetch-site": "same-site" },
    { origin: own, "sec-fetch-site": "cross-site" },
    { origin: own, "sec-fetch-site": "none, cross-site" },
    { origin: own, "sec-fetch-site": "" },
  ];
  const ours: Record<string, string>[] = [
    {},
    { origin: own },
    { origin: own, "sec-fetch-site": "same-origin" },
    // A proxy before us ends TLS.
    { origin: own.replace("http:", "https:") },
  ];
  const cookie = `other=1; token=${token}`;
  const answerOf = (target: string, headers: Record<string, string>): Promise<string> =>
    new Promise((resolve) => {
      const { "sec-websocket-protocol": protocols = "", ...rest } = headers;
      const named = protocols.split(", ").filter(Boolean);
      const socket = new WebSocket(`${rig.url}${target}`, named, { headers: rest });
      socket.on("error", () => socket.terminate());
      socket.once("open", () => {
        resolve("open");
        socket.terminate();
      });
      socket.once("unexpected-response", (_request, reply) => {
        let text = "";
        reply.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        reply.on("end", () => {
          resolve(`${reply.statusCode} ${JSON.parse(text).error.reason}`);
          socket.terminate();
        });
      });
    });
  const by_token: Record<string, string>[] = [
    { authorization: `Bearer ${token}` },
    { "sec-websocket-protocol": `parley.v1, bearer.${token}` },
  ];
  for (const path of ["/v1.0/ws", `/v1.0/conferences/${conference_id}/live`]) {
    for (const headers of foreign) {
      const what = `${path} ${JSON.stringify(headers)}`;
      assert.equal(await answerOf(path, { ...headers, cookie }), "403 FOREIGN_ORIGIN", what);
      // Without a credential in it an address is none.
      assert.equal(await answerOf(`${path}?token=`, { ...headers, cookie }), "403 FOREIGN_ORIGIN");
      for (const given of by_token) {
        assert.equal(await answerOf(path, { ...headers, ...given }), "open", what);
        assert.equal(await answerOf(path, { ...headers, ...given, cookie }), "open", what);
      }
      assert.equal(await answerOf(`${path}?token=${token}`, { ...headers, cookie }), "open", what);
    }
    for (const headers of ours) {
      const what = `${path} ${JSON.stringify(headers)}`;
      assert.equal(await answerOf(path, { ...headers, cookie }), "open", what);
    }
  }
});

test("a_page_without_an_origin_comes_to_a_conference_by_token_and_never_by_cookie", async () => {
  const { conference_id, guest } = await seated();
  const live = `${rig.url}/v1.0/conferences/${conference_id}/live`;
  const page = connect(`${live}?token=${guest.token}`, { origin: "null" });
  assert.equal((await page.next(() => true)).type, "snapshot");
  const by_cookie = connect(live, { origin: "null", cookie: `token=${rig.admin.token}` });
  assert.equal(await by_cookie.closed, 1006);
});

test("a_credential_may_travel_as_a_subprotocol_and_is_not_repeated_in_the_answer", async () => {
  const { conference_id, guest } = await seated();
  const url = `${rig.url}/v1.0/conferences/${conference_id}/live`;
  const client = connect(url, {
    "sec-websocket-protocol": `parley.v1, bearer.${guest.token}`,
  });
  const answer = new Promise<string | undefined>((resolve) => {
    client.socket.on("upgrade", (reply) => resolve(reply.headers["sec-websocket-protocol"]));
  });
  assert.equal(await answer, "parley.v1");
});

test("one_join_token_cannot_take_all_sockets", async () => {
  const { conference_id, client } = await seated();
  const guest = await rig.guest(conference_id, "member", "Eve");
  const open = Array.from({ length: 20 }, () => rig.live(conference_id, { token: guest.token }));
  await Promise.all(open.map((one) => one.next((frame) => frame.type === "snapshot")));
  assert.equal(await rig.live(conference_id, { token: guest.token }).closed, 4429);
  open[0]?.socket.close();
  await open[0]?.closed;
  assert.deepEqual((await client.ask("hand", { raised: true })).ok, {});
  const again = rig.live(conference_id, { token: guest.token });
  await again.next((frame) => frame.type === "snapshot");
});

test("deleting_and_reacting_are_answered_with_the_message_and_seen_by_all", async () => {
  const { client, conference_id } = await seated();
  const watcher = rig.live(conference_id, { token: rig.admin.token });
  await watcher.next((frame) => frame.type === "snapshot");
  const { message } = (await client.ask("chat", { text: "cake?" })).ok;
  const reacted = await client.ask("react", { message_id: message.id, emoji: "🎂", is_on: true });
  assert.equal(reacted.ok.message.metadata.reactions[0].emoji, "🎂");
  const removed = await client.ask("delete_message", { message_id: message.id });
  assert.equal(removed.ok.message.text, "");
  const seen = await watcher.next((frame) => frame.event?.type === "conference_message_deleted");
  assert.deepEqual(seen.event.data, removed.ok.message);
  assert.ok(watcher.frames.some((frame) => frame.event?.type === "conference_message_updated"));
});

test("a_reader_that_is_cut_again_and_again_while_others_write_has_every_event_once", async () => {
  const { conference_id, guest, snapshot } = await seated();
  let state = 20261123;
  const draw = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % below;
  };
  const total = 120;
  const writing = (async () => {
    for (let count = 0; count < total; count += 3) {
      // Some at once, so that commits overlap.
      await Promise.all(
        [0, 1, 2].map((one) =>
          rig.talk.post(rig.admin.caller, conference_id, { text: `message ${count + one}` }),
        ),
      );
    }
  })();
  const seqs: number[] = [];
  const last = snapshot.seq + total;
  let cuts = 0;
  while ((seqs.at(-1) ?? snapshot.seq) < last) {
    const after = seqs.at(-1) ?? snapshot.seq;
    const reader = rig.live(conference_id, { token: guest.token, after: String(after) });
    const patience = 1 + draw(12);
    for (let taken = 0; taken < patience && (seqs.at(-1) ?? 0) < last; taken += 1) {
      seqs.push((await reader.next((frame) => frame.type === "event")).seq);
    }
    cuts += 1;
    reader.socket.terminate();
  }
  await writing;
  assert.deepEqual(
    seqs,
    Array.from({ length: total }, (_, index) => snapshot.seq + 1 + index),
  );
  assert.ok(cuts > 10, `${cuts} cuts`);
});

test("a_reader_that_does_not_read_is_let_go_and_holds_up_nobody", async () => {
  const { conference_id, client, id } = await seated();
  const slow = rig.live(conference_id, { token: rig.admin.token });
  await slow.next((frame) => frame.type === "speakers");
  slow.socket.pause();
  const many = Array.from({ length: 10_000 }, () => id);
  // 390 kB each: more than both systems' buffers and the bound together hold.
  for (let count = 0; count < 60; count += 1) {
    rig.hints.say("speakers", { conference_id, active: id, speaking: many });
    await client.next((frame) => frame.type === "speakers" && frame.speaking.length > 0);
  }
  slow.socket.resume();
  assert.ok([1006, 4413].includes(await slow.closed));
  assert.deepEqual((await client.ask("hand", { raised: true })).ok, {});
});
