// What the server says, turned into what pages show: reducer, tile lines, chat.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createChat } from "./chat.ts";
import { Problem } from "./problem.ts";
import { empty_view, reduceFrame } from "./reduce.ts";
import { createTileLines } from "./tile-lines.ts";
import type { ChatView, ConferenceView } from "./view.ts";
import type { Conference, Conferencecall, Message, ServerFrame } from "./wire.ts";

const conference = { id: "c", status: "progressing" } as Conference;
const call = (id: string, more: Partial<Conferencecall> = {}) =>
  ({ id, status: "joined", name: id, muted: false, ...more }) as Conferencecall;
const message = (id: string, owner_id: string, more: Partial<Message> = {}) =>
  ({ id, owner_id, text: id, tm_create: `2026-01-01 00:00:${id}`, ...more }) as Message;

const snapshot = (more: Partial<Extract<ServerFrame, { type: "snapshot" }>> = {}): ServerFrame => ({
  type: "snapshot",
  seq: 5,
  conference,
  conferencecalls: [call("me"), call("bo")],
  messages: [],
  you: { conferencecall_id: "me", role: "member", name: "Me", may: [] },
  boot_id: "b",
  ping_interval_ms: 1000,
  ...more,
});
const event = (seq: number, type: string, data: object): ServerFrame => ({
  type: "event",
  seq,
  event: {
    id: `e${seq}`,
    type,
    data: data as Record<string, unknown>,
    tm: "",
    actor: { type: "system", id: null },
    cause: null,
  },
});
const play = (...frames: ServerFrame[]) => {
  let view: ConferenceView = empty_view;
  const told: string[] = [];
  for (const frame of frames) {
    const reduced = reduceFrame(view, frame);
    view = reduced.view;
    for (const notice of reduced.noticed) if (notice.type !== "event") told.push(notice.type);
  }
  return { view, told };
};

test("a_snapshot_fills_the_view_and_is_no_news", () => {
  const { view, told } = play(snapshot({ messages: [message("01", "bo")] }));
  assert.equal(view.seq, 5);
  assert.deepEqual(
    view.people.map((person) => [person.id, person.is_me]),
    [
      ["me", true],
      ["bo", false],
    ],
  );
  assert.equal(view.chat.unread, 0);
  assert.deepEqual(told, []);
});

test("people_come_change_and_go_and_each_is_told_once", () => {
  const { view, told } = play(
    snapshot(),
    event(6, "conferencecall_joining", call("cy", { status: "joining" })),
    event(7, "conferencecall_joined", call("cy")),
    event(8, "conferencecall_muted", call("cy", { muted: true })),
    event(9, "conferencecall_leaved", call("bo", { status: "leaved" })),
  );
  assert.deepEqual(told, ["joined", "left"]);
  assert.deepEqual(
    view.people.map((person) => [person.id, person.muted]),
    [
      ["me", false],
      ["cy", true],
    ],
  );
});

test("an_event_that_comes_twice_counts_once", () => {
  const hello = event(6, "conference_message_created", message("01", "bo"));
  const { view, told } = play(snapshot(), hello, hello);
  assert.equal(view.chat.unread, 1);
  assert.deepEqual(told, ["message"]);
});

test("own_messages_are_not_unread_and_deleted_ones_stay_as_places", () => {
  const { view } = play(
    snapshot(),
    event(6, "conference_message_created", message("01", "me")),
    event(7, "conference_message_created", message("02", "bo")),
    event(8, "conference_message_deleted", message("02", "bo", { text: "" })),
  );
  assert.equal(view.chat.unread, 1);
  assert.deepEqual(
    view.chat.messages.map(({ id, text }) => [id, text]),
    [
      ["01", "01"],
      ["02", ""],
    ],
  );
});

test("a_snapshot_after_a_long_cut_keeps_loaded_messages_and_counts_missed_ones", () => {
  const { view, told } = play(
    snapshot({ messages: [message("01", "bo")] }),
    snapshot({
      seq: 900,
      messages: [message("01", "bo"), message("02", "bo"), message("03", "me")],
    }),
  );
  assert.equal(view.chat.unread, 1);
  assert.equal(view.chat.messages.length, 3);
  assert.deepEqual(told, ["message"]);
});

test("speaking_replaces_only_the_people_that_changed", () => {
  const before = play(snapshot()).view;
  const after = reduceFrame(before, { type: "speakers", active: "bo", speaking: ["bo"] }).view;
  assert.equal(after.people[0], before.people[0]);
  assert.equal(after.people[1]?.is_speaking, true);
  assert.equal(after.active_speaker, "bo");
});

test("tile_lines_are_taken_told_and_given_back", () => {
  const lines = createTileLines(2);
  const size = { width: 320, height: 180 };
  const line = lines.take() ?? -1;
  assert.equal(lines.take(), 1);
  assert.equal(lines.take(), null);
  assert.equal(lines.wish(line, { conferencecall_id: "bo", source: "camera", size }), true);
  assert.equal(
    lines.wish(line, { conferencecall_id: "bo", source: "camera", size: { ...size } }),
    false,
  );
  assert.deepEqual(lines.orders(), []);
  lines.negotiated(["5", "6"]);
  const order = { mid: "5", source: "camera", ...size };
  const unused = { mid: "6", conferencecall_id: null, source: "camera", width: 0, height: 0 };
  assert.deepEqual(lines.orders(), [{ ...order, conferencecall_id: "bo" }, unused]);
  const shown = {
    mid: "5",
    conferencecall_id: "bo",
    source: "camera",
    rid: "h",
    reason: null,
  } as const;
  assert.deepEqual(lines.showing([shown]), [line]);
  assert.deepEqual(lines.showing([shown]), []);
  lines.release(line);
  assert.deepEqual(lines.orders(), [
    { mid: "5", conferencecall_id: null, source: "camera", width: 0, height: 0 },
    unused,
  ]);
  assert.equal(lines.take(), line);
});

const chatWith = (
  command: (type: string, fields: Record<string, unknown>) => Promise<Record<string, unknown>>,
) => {
  const state: { view: ChatView } = { view: empty_view.chat };
  const chat = createChat({
    command,
    read: () => state.view,
    write: (part) => {
      state.view = { ...state.view, ...part };
    },
    is_closed: () => false,
  });
  return { chat, state };
};

test("a_message_is_pending_until_it_is_stored_and_repeats_carry_the_same_client_id", async () => {
  const asked: unknown[] = [];
  const { chat, state } = chatWith(async (_type, fields) => {
    asked.push(fields["client_id"]);
    assert.equal(state.view.pending[0]?.state, "sending");
    if (asked.length === 1) throw new Problem("COMMAND_TIMEOUT", "no answer");
    return { message: message("01", "me") };
  });
  await chat.send("hello");
  assert.equal(asked.length, 2);
  assert.equal(asked[0], asked[1]);
  assert.deepEqual(state.view.pending, []);
  assert.equal(state.view.messages.length, 1);
});

test("an_own_message_whose_event_comes_before_its_answer_stands_in_the_chat_once", () => {
  const sending = (client_id: string, text: string) =>
    ({ client_id, text, target_conferencecall_id: null, state: "sending", problem: null }) as const;
  const { view } = play(snapshot());
  const pending = [sending("1", "ok"), sending("2", "ok"), sending("3", "other")];
  const before = { ...view, chat: { ...view.chat, pending } };
  const nobody = { target_conferencecall_id: "00000000-0000-0000-0000-000000000000" };
  const pendingAfter = (owner: string, more: Partial<Message>) =>
    reduceFrame(
      before,
      event(6, "conference_message_created", message("01", owner, { ...nobody, ...more })),
    ).view.chat.pending.map(({ client_id }) => client_id);
  assert.deepEqual(pendingAfter("me", { text: "ok" }), ["2", "3"]);
  assert.deepEqual(pendingAfter("bo", { text: "ok" }), ["1", "2", "3"]);
  assert.deepEqual(pendingAfter("me", { text: "ok", target_conferencecall_id: "bo" }), [
    "1",
    "2",
    "3",
  ]);
});

test("a_refused_message_stays_as_failed_and_can_be_retried_or_discarded", async () => {
  let is_refusing = true;
  const { chat, state } = chatWith(async () => {
    if (is_refusing) throw new Problem("STATE_INVALID", "over");
    return { message: message("01", "me") };
  });
  await assert.rejects(chat.send("hello"), { reason: "STATE_INVALID" });
  const pending = state.view.pending.at(0);
  assert.equal(pending?.state, "failed");
  assert.equal(pending?.problem?.reason, "STATE_INVALID");
  is_refusing = false;
  await chat.retry(pending?.client_id ?? "");
  assert.equal(state.view.pending.length, 0);
  is_refusing = true;
  await assert.rejects(chat.send("again"));
  chat.discard(state.view.pending.at(0)?.client_id ?? "");
  assert.deepEqual(state.view.pending, []);
});
