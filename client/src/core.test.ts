import assert from "node:assert/strict";
import { test } from "node:test";
import type { WatchNotices } from "./conference.ts";
import { type Core, type CoreListener, createCore } from "./core.ts";
import { createEmitter } from "./emitter.ts";
import type { Socket } from "./live-link.ts";
import { createServerClock } from "./server-clock.ts";
import type { Timing } from "./timing.ts";

/** A core over sockets that the test holds. */
function rig(listener: CoreListener = {}): {
  core: Core;
  say: (frame: object) => void;
  cut: (code?: number) => void;
  pass: (ms: number) => void;
} {
  let now = 1_000;
  let socket: Socket | null = null;
  const timers = new Set<{ at: number; run: () => void }>();
  const timing: Timing = {
    now_ms: () => now,
    random: () => 0.5,
    after(delay_ms, run) {
      const timer = { at: now + delay_ms, run };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
  };
  const core = createCore(
    { conference_id: "c", token: "t", server: "http://here" },
    "me",
    createEmitter<WatchNotices>(),
    listener,
    {
      timing,
      openSocket: () => {
        socket = { onmessage: null, onclose: null, send: () => undefined, close: () => undefined };
        return socket;
      },
    },
  );
  return {
    core,
    say: (frame) => socket?.onmessage?.({ data: JSON.stringify(frame) }),
    cut: (code = 1006) => socket?.onclose?.({ code, reason: "" }),
    pass(ms) {
      now += ms;
      for (const timer of [...timers]) {
        if (timer.at > now) continue;
        timers.delete(timer);
        timer.run();
      }
    },
  };
}

const snapshot = {
  type: "snapshot",
  seq: 1,
  boot_id: "b",
  ping_interval_ms: 1_000,
  conference: { id: "c" },
  messages: [],
  you: { conferencecall_id: "me", role: "member", name: "Me", may: [] },
  conferencecalls: ["me", "ada"].map((id) => ({ id, name: id, status: "joined" })),
};
const speaking = { type: "speakers", active: "ada", speaking: ["ada"] };
const heard = ({ view }: Core): string[] =>
  view.people.filter((one) => one.is_speaking || one.is_active_speaker).map(({ id }) => id);

test("nobody_is_shown_as_speaking_while_the_socket_is_cut_and_again_when_the_server_says_so", () => {
  const { core, say, cut, pass } = rig();
  say(snapshot);
  say(speaking);
  assert.deepEqual(heard(core), ["ada"]);
  cut();
  assert.equal(core.view.connection, "reconnecting");
  assert.deepEqual(heard(core), []);
  assert.equal(core.view.active_speaker, null);
  pass(100);
  say({ ...snapshot, type: "resumed" });
  assert.deepEqual(heard(core), []);
  say(speaking);
  assert.deepEqual(heard(core), ["ada"]);
});

test("nobody_is_shown_as_speaking_while_the_media_path_is_repaired", () => {
  const { core, say } = rig();
  say(snapshot);
  core.repairing({ since_ms: 0, attempt: 1 });
  say(speaking);
  assert.deepEqual(heard(core), []);
  const { people: _people, ...rest } = core.view;
  assert.equal(rest.active_speaker, null);
  core.repairing(null);
  // What the server said meanwhile counts now.
  assert.deepEqual(heard(core), ["ada"]);
});

test("the_servers_time_is_told_whatever_this_clock_says", () => {
  const { core, say, pass } = rig();
  say(snapshot);
  assert.equal(core.serverNow(), null);
  say({ type: "ping", tm: "2026-01-01 10:00:00.500000" });
  pass(1_500);
  assert.equal(core.serverNow(), Date.UTC(2026, 0, 1, 10, 0, 2));
});

test("the_word_that_came_fastest_counts_and_a_clock_that_was_set_is_believed", () => {
  const clock = createServerClock();
  clock.heard("2026-01-01 10:00:00.000000", 400);
  clock.heard("2026-01-01 10:00:01.000000", 1_010);
  assert.equal(clock.at(1_010), Date.UTC(2026, 0, 1, 10, 0, 1));
  clock.heard("nonsense", 1_020);
  assert.equal(clock.at(1_010), Date.UTC(2026, 0, 1, 10, 0, 1));
  for (let at = 0; at < 8; at += 1) clock.heard("2026-01-01 09:00:00.000000", 2_000);
  assert.equal(clock.at(2_000), Date.UTC(2026, 0, 1, 9));
});
