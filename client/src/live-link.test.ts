// The link against a server that is cut, slow and repeats itself, under a clock of the test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type LinkListener, link_limits, openLiveLink, type Socket } from "./live-link.ts";
import type { Timing } from "./timing.ts";
import type { ServerFrame } from "./wire.ts";

/** Time that moves when told to. */
function createTime() {
  let now = 0;
  let due: { at: number; run: () => void }[] = [];
  const after = (delay_ms: number, run: () => void) => {
    const entry = { at: now + delay_ms, run };
    due.push(entry);
    return {
      cancel: () => {
        due = due.filter((other) => other !== entry);
      },
    };
  };
  const timing: Timing = {
    now_ms: () => now,
    after,
    random: () => 0.5,
  };
  return {
    timing,
    advance(ms: number) {
      const end = now + ms;
      for (;;) {
        const next = due.toSorted((a, b) => a.at - b.at)[0];
        if (!next || next.at > end) break;
        now = next.at;
        due = due.filter((other) => other !== next);
        next.run();
      }
      now = end;
    },
  };
}

/** A link, and the server's end of its sockets. */
function start() {
  const time = createTime();
  const opened: { url: string; socket: Socket; sent: Record<string, unknown>[] }[] = [];
  const told: string[] = [];
  const seqs: number[] = [];
  const listener: LinkListener = {
    frame: (frame) => {
      if ("type" in frame && frame.type === "event") seqs.push(frame.seq);
    },
    ready: (boot_id) => told.push(`ready ${boot_id}`),
    lost: (attempt) => told.push(`lost ${attempt}`),
    refused: (code) => told.push(`refused ${code}`),
  };
  const link = openLiveLink({
    open(url) {
      const sent: Record<string, unknown>[] = [];
      const socket: Socket = {
        onmessage: null,
        onclose: null,
        send: (text) => sent.push(JSON.parse(text)),
        close: () => undefined,
      };
      opened.push({ url, socket, sent });
      return socket;
    },
    address: (after) => `after=${after}`,
    timing: time.timing,
    listener,
  });
  const last = () => opened.at(-1) ?? assert.fail("no socket");
  const say = (frame: object): void => last().socket.onmessage?.({ data: JSON.stringify(frame) });
  return {
    link,
    time,
    opened,
    told,
    seqs,
    last,
    say,
    greet: (type: "snapshot" | "resumed", seq: number, boot_id = "b") =>
      say({ type, seq, boot_id, ping_interval_ms: 1000 }),
    cut: (code = 1006) => last().socket.onclose?.({ code, reason: "" }),
  };
}
const event = (seq: number): Pick<Extract<ServerFrame, { type: "event" }>, "type" | "seq"> => ({
  type: "event",
  seq,
});

test("it_comes_back_at_once_and_asks_for_what_came_after_the_last_event", () => {
  const { opened, told, time, greet, say, cut } = start();
  assert.equal(opened[0]?.url, "after=null");
  greet("snapshot", 10);
  say(event(11));
  say(event(12));
  cut();
  time.advance(link_limits.retry_ms_min);
  assert.equal(opened[1]?.url, "after=12");
  greet("resumed", 12);
  assert.deepEqual(told, ["ready b", "lost 1", "ready b"]);
});

test("tries_grow_rarer_up_to_a_bound_and_go_on_for_ever", () => {
  const { opened, time, cut } = start();
  const pauses: number[] = [];
  for (let nth = 0; nth < 120; nth += 1) {
    const began = time.timing.now_ms();
    const count = opened.length;
    cut();
    while (opened.length === count) time.advance(1);
    pauses.push(time.timing.now_ms() - began);
  }
  assert.ok((pauses[0] ?? 0) <= 31 && (pauses[2] ?? 0) <= 70);
  assert.ok(pauses.every((pause) => pause <= link_limits.retry_ms_max * 1.25 + 1));
  assert.ok((pauses.at(-1) ?? 0) >= link_limits.retry_ms_max * 0.75);
});

test("a_server_that_restarts_is_found_within_150_ms_of_its_return", () => {
  const { opened, time, cut } = start();
  const began = time.timing.now_ms();
  while (time.timing.now_ms() - began < link_limits.restarting_ms) {
    const count = opened.length;
    const at = time.timing.now_ms();
    cut();
    while (opened.length === count) time.advance(1);
    assert.ok(time.timing.now_ms() - at <= 150 + 1);
  }
});

test("a_server_that_falls_silent_is_left_after_some_missed_pings", () => {
  const { opened, time, greet, say } = start();
  greet("snapshot", 1);
  time.advance(3_000);
  say({ type: "ping", tm: 1 });
  time.advance(3_000);
  assert.equal(opened.length, 1);
  time.advance(2_000);
  assert.equal(opened.length, 2);
});

test("a_command_cut_off_is_sent_again_and_answered_once", async () => {
  const { link, time, greet, say, cut, last } = start();
  greet("snapshot", 1);
  const answer = link.command("hand", { raised: true });
  const [sent] = last().sent;
  cut();
  time.advance(50);
  greet("resumed", 1);
  assert.deepEqual(last().sent, [sent]);
  say({ id: sent?.["id"], ok: { done: 1 } });
  say({ id: sent?.["id"], ok: { done: 2 } });
  assert.deepEqual(await answer, { done: 1 });
});

test("refusals_and_silence_are_problems_with_their_reason", async () => {
  const { link, time, greet, say, last } = start();
  greet("snapshot", 1);
  const refused = link.command("kick", {});
  say({
    id: last().sent[0]?.["id"],
    error: { status: "PERMISSION_DENIED", reason: "PERMISSION_DENIED", message: "no" },
  });
  await assert.rejects(refused, { reason: "PERMISSION_DENIED", message: "no" });
  const unanswered = link.command("hand", {});
  for (let second = 0; second < link_limits.command_ms / 1000; second += 1) {
    time.advance(1_000);
    say({ type: "ping", tm: 1 });
  }
  await assert.rejects(unanswered, { reason: "COMMAND_TIMEOUT" });
});

test("final_codes_end_it_and_fail_what_waits", async () => {
  for (const code of [4401, 4403, 4404, 4409, 4410]) {
    const { link, opened, told, time, greet, cut } = start();
    greet("snapshot", 1);
    const waiting = link.command("hand", {});
    cut(code);
    await assert.rejects(waiting, { reason: "CONFERENCE_CLOSED" });
    time.advance(60_000);
    assert.equal(opened.length, 1);
    assert.equal(told.at(-1), `refused ${code}`);
  }
});

test("a_broken_frame_is_answered_with_a_new_socket", () => {
  const { opened, time, greet, last } = start();
  greet("snapshot", 1);
  last().socket.onmessage?.({ data: "{broken" });
  time.advance(50);
  assert.equal(opened.length, 2);
});

test("after_close_nothing_is_tried_and_commands_fail", async () => {
  const { link, opened, time, greet } = start();
  greet("snapshot", 1);
  link.close();
  time.advance(60_000);
  assert.equal(opened.length, 1);
  await assert.rejects(link.command("hand", {}), { reason: "CONFERENCE_CLOSED" });
});
