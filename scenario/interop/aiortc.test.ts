// An independent WebRTC stack (aiortc, Python) against a whole Parley: one POST each, then tones and colours both ways.
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import type { Line } from "../clients/client.ts";
import { type Event, type ProgramEnd, startFarEnd } from "../clients/far-end.ts";
import { script } from "../clients/python.ts";
import { type Parley, startParley, until } from "../harness/parley.ts";
import { can, system_python } from "../harness/python.ts";

const has_aiortc = can(system_python, "import aiortc");
const needs_aiortc = {
  skip:
    !has_aiortc && process.env["CI"] !== "true"
      ? "aiortc is not installed: tools/setup-system installs it"
      : false,
} as const;

type Color = "red" | "lime" | "blue";

interface Settings {
  readonly lines: readonly Line[];
  readonly tone_hz?: number;
  readonly color?: Color;
  /** Its side of the DTLS handshake; aiortc offers both. */
  readonly setup?: "active" | "passive";
}

// A tone is sent at -12 dB of full scale; the onset of one leaks a little into another's probe.
const audible_db = -30;

let parley: Parley;
before(async () => {
  if (needs_aiortc.skip !== false) return;
  assert.ok(has_aiortc, "aiortc is not installed: tools/setup-system installs it");
  parley = await startParley();
});
after(() => parley?.stop());

const conference = async (t: TestContext): Promise<string> => {
  const id = await parley.conference();
  t.after(() => parley.api("DELETE", `/v1.0/conferences/${id}`));
  return id;
};

const enter = async (
  t: TestContext,
  conference_id: string,
  settings: Settings,
  role: "member" | "listener" = "member",
): Promise<ProgramEnd> => {
  const { token } = await parley.link(conference_id, "far end", role);
  const url = `${parley.url}/v1.0/conferences/${conference_id}/conferencecalls`;
  const command = [system_python, script("aiortc_client.py")] as const;
  const end = await startFarEnd(t, command, { url, token, ...settings }, "DELETE");
  await until("aiortc is connected", () => end.isConnected());
  return end;
};

const isLoud = ({ db }: Event, tone_hz: number): boolean => (db?.[tone_hz] ?? -200) > audible_db;

// All of the tones at the same time, twice, so that no single report decides.
const hears = (end: ProgramEnd, ...tones_hz: number[]): Promise<unknown> =>
  until(
    `hears ${tones_hz.join(" and ")} Hz`,
    () =>
      end.events.filter(
        (event) => event.event === "heard" && tones_hz.every((tone_hz) => isLoud(event, tone_hz)),
      ).length >= 2,
    20_000,
  );
const sees = (end: ProgramEnd, color: Color): Promise<unknown> =>
  until(
    `sees ${color} move`,
    () => end.events.filter((event) => event.color === color).length > 5,
    20_000,
  );
const hasHeard = (end: ProgramEnd, tone_hz: number): boolean =>
  end.events.some((event) => isLoud(event, tone_hz));
const hasSeen = (end: ProgramEnd, color: Color): boolean =>
  end.events.some((event) => event.color === color);

const callState = async ({ location }: ProgramEnd): Promise<string> => {
  const call = await parley.api<{ status: string; leave_reason: string }>("GET", location);
  return `${call.status} ${call.leave_reason}`;
};

const leaves = async (end: ProgramEnd): Promise<void> => {
  await end.leave();
  assert.equal(await callState(end), "leaved left");
  await until("its connection was closed from our side", () =>
    end.events.some(({ state }) => state === "dtls closed"),
  );
};

const lines = (direction: Line["direction"] & string): Line[] => [
  { kind: "audio", direction },
  { kind: "video", direction },
];
const both = { lines: lines("sendrecv") };

test(
  "two_aiortc_endpoints_hear_and_see_each_other_and_never_themselves",
  needs_aiortc,
  async (t) => {
    const conference_id = await conference(t);
    const red = await enter(t, conference_id, { ...both, tone_hz: 440, color: "red" });
    const blue = await enter(t, conference_id, { ...both, tone_hz: 660, color: "blue" });
    await Promise.all([hears(red, 660), hears(blue, 440), sees(red, "blue"), sees(blue, "red")]);
    assert.match(await callState(red), /^joined/);
    await leaves(blue);
    assert.deepEqual(
      [hasHeard(red, 440), hasHeard(blue, 660), hasHeard(red, 880)],
      [false, false, false],
    );
    assert.deepEqual([hasSeen(red, "red"), hasSeen(blue, "blue")], [false, false]);
  },
);

test(
  "a_player_hears_all_that_aiortc_publishes_and_nobody_is_sent_what_they_did_not_ask_for",
  needs_aiortc,
  async (t) => {
    const conference_id = await conference(t);
    const sends = { lines: lines("sendonly") };
    const red = await enter(t, conference_id, { ...sends, tone_hz: 440, color: "red" });
    const player = await enter(t, conference_id, { lines: lines("recvonly") }, "listener");
    await Promise.all([hears(player, 440), sees(player, "red")]);
    const blue = await enter(t, conference_id, { ...sends, tone_hz: 660, color: "blue" });
    await hears(player, 440, 660);
    assert.equal(red.answer.match(/^a=recvonly/gm)?.length, 2);
    assert.equal(player.answer.match(/^a=sendonly/gm)?.length, 2);
    await leaves(red);
    await sees(player, "blue");
    await Promise.all([leaves(player), leaves(blue)]);
    const silent = [...red.events, ...blue.events].filter(
      ({ event }) => event === "heard" || event === "seen",
    );
    assert.deepEqual(silent, []);
  },
);

test(
  "whoever_offers_a_data_channel_beside_sound_and_picture_is_connected",
  needs_aiortc,
  async (t) => {
    const conference_id = await conference(t);
    const more = { lines: [...both.lines, { kind: "data" }] } as const;
    const red = await enter(t, conference_id, { ...more, tone_hz: 440, color: "red" });
    const blue = await enter(t, conference_id, { ...more, tone_hz: 660, color: "blue" });
    assert.match(red.answer, /^m=application [1-9]/m);
    await Promise.all([hears(red, 660), hears(blue, 440), sees(red, "blue"), sees(blue, "red")]);
    await Promise.all([leaves(red), leaves(blue)]);
  },
);

test("each_side_of_the_dtls_handshake_can_be_the_far_side_s", needs_aiortc, async (t) => {
  const conference_id = await conference(t);
  const waits = { ...both, setup: "passive", tone_hz: 440, color: "red" } as const;
  const begins = { ...both, setup: "active", tone_hz: 660, color: "blue" } as const;
  const red = await enter(t, conference_id, waits);
  const blue = await enter(t, conference_id, begins);
  assert.match(red.answer, /^a=setup:active/m);
  assert.match(blue.answer, /^a=setup:passive/m);
  await Promise.all([hears(red, 660), hears(blue, 440), sees(red, "blue"), sees(blue, "red")]);
  await Promise.all([leaves(red), leaves(blue)]);
});
