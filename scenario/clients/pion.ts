// Pion (Go): both ways with trickled candidates and a restart of ICE, H.264, layers, several receiving lines, a player of two pictures.
import assert from "node:assert/strict";
import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { seen, tonesHeard } from "../harness/chromium.ts";
import { until } from "../harness/parley.ts";
import { python_missing } from "../harness/python.ts";
import {
  ada_color,
  ada_tone_hz,
  both,
  type Client,
  client_color,
  client_tone_hz,
  type Invitation,
  type Line,
  type Meeting,
  type Variant,
} from "./client.ts";
import { type Event, type ProgramEnd, startFarEnd } from "./far-end.ts";
import { packages, script } from "./python.ts";

const source = join(import.meta.dirname, "pion");

// A Go that is too old cannot read the module's file.
const go_missing =
  spawnSync("go", ["list", "-m"], { cwd: source }).status === 0
    ? null
    : "go is not installed: tools/setup-system installs it";

/** A line with the names of its layers (RFC 8853), where it has some. */
type Offered = Line & { readonly layers?: readonly string[] };
interface Media {
  readonly tone_hz: number;
  readonly color: string;
  readonly pictures: "ivf" | "h264";
}

const client_media: Media = { tone_hz: client_tone_hz, color: client_color, pictures: "ivf" };
const third_media: Media = { tone_hz: 880, color: "blue", pictures: "ivf" };
const silent_color = "yellow";

let folder: string | undefined;
const program = (): string => join(folder ?? "", "far-end");

async function prepare(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), "parley-pion-"));
  await Promise.all([packages.prepare(), build()]);
}

function build(): Promise<void> {
  // Without C, so that no compiler is started; the compiled packages stay in Go's own cache.
  return run("go", ["build", "-mod=readonly", "-o", program(), "."], {
    cwd: source,
    env: { ...process.env, CGO_ENABLED: "0" },
  });
}

async function run(name: string, words: readonly string[], where: SpawnOptions): Promise<void> {
  const child = spawn(name, words, { ...where, stdio: ["ignore", "inherit", "inherit"] });
  const code = await new Promise((resolve, reject) =>
    child.once("error", reject).once("exit", resolve),
  );
  assert.equal(code, 0, `${name} ${words.join(" ")}`);
}

// Pion itself encodes nothing.
const made = new Map<string, Promise<void>>();
async function files({ tone_hz, color, pictures }: Media) {
  const audio = join(folder ?? "", `${tone_hz}.ogg`);
  const video = join(folder ?? "", `${color}.${pictures}`);
  const words = [script("media_files.py"), "make", String(tone_hz), color, audio, video];
  const making = made.get(video) ?? run(packages.python, words, {});
  made.set(video, making);
  await making;
  return { audio, video };
}

async function enter(
  t: TestContext,
  { url, token }: Invitation,
  lines: readonly Offered[],
  media: Media,
  leaves: Variant["leaves"],
): Promise<ProgramEnd> {
  const settings = { url, token, lines, senses: [packages.python, script("senses.py")] };
  const end = await startFarEnd(t, [program()], { ...settings, ...(await files(media)) }, leaves);
  return {
    ...end,
    async leave() {
      await end.leave();
      if (leaves === "DELETE") await until("its connection is closed", () => end.isClosed?.());
      assert.deepEqual(named(end, "failed"), []);
    },
  };
}

const named = ({ events }: ProgramEnd, name: string): Event[] =>
  events.filter(({ event }) => event === name);

const slow_ms = 20_000;

const audio = { kind: "audio", direction: "sendrecv" } as const;
const video = { kind: "video", direction: "sendrecv" } as const;
const hears = { kind: "audio", direction: "recvonly" } as const;
const sees = { kind: "video", direction: "recvonly" } as const;
const speaks = { kind: "audio", direction: "sendonly" } as const;
const shows = { kind: "video", direction: "sendonly" } as const;
const layers = ["q", "h", "f"] as const;

async function tricklesAndRestarts(
  _: TestContext,
  end: ProgramEnd,
  { ada, name }: Meeting,
): Promise<void> {
  await until("it trickles", () => named(end, "trickled").length > 0);
  end.say("restart");
  const restarted = await until("ICE is restarted", () => named(end, "restarted")[0]);
  assert.deepEqual(
    [restarted.status, restarted.type],
    [200, "application/trickle-ice-sdpfrag"],
    restarted.text ?? "",
  );
  for (const { status } of named(end, "trickled")) assert.equal(status, 204);
  // Both hear and see on.
  const frames = async (): Promise<number> =>
    (await seen(ada)).find((one) => one.label === name && one.color === client_color)?.frames ?? 0;
  const before = { sound: named(end, "heard").length, sight: end.pictures(ada_color) };
  const shown = await frames();
  await until(
    "it hears Ada on",
    () => named(end, "heard").length > before.sound + 4 && end.tones().includes(ada_tone_hz),
    slow_ms,
  );
  await until("it sees Ada on", () => end.pictures(ada_color) > before.sight + 10, slow_ms);
  await until("Ada sees it on", async () => (await frames()) > shown + 10, slow_ms);
  await until(
    "Ada hears it on",
    async () => (await tonesHeard(ada)).includes(client_tone_hz),
    slow_ms,
  );
}

/** SSRCs of the answer's line of that mid. */
const answered = ({ answer }: ProgramEnd, mid: string): number[] => {
  const section = answer.split(/^(?=m=)/m).find((text) => text.includes(`\r\na=mid:${mid}\r\n`));
  return [...(section ?? "").matchAll(/^a=ssrc:(\d+) cname/gm)].map(([, ssrc]) => Number(ssrc));
};

/** Each line that carries something does so on the answer's SSRC, and its packets name the line. */
function comesOnItsLine(end: ProgramEnd, mids: readonly string[]): void {
  const lines = named(end, "line").filter(({ kind }) => kind === "video");
  assert.deepEqual(lines.map(({ mid }) => mid).sort(), mids);
  for (const { mid = "", ssrc = 0, mid_in_packets } of lines) {
    assert.equal(mid_in_packets, mid);
    assert.equal(answered(end, mid)[0], ssrc, `line ${mid}`);
  }
  assert.deepEqual(named(end, "moved"), []);
}

/** How many pictures of that colour came on a line. */
const picturesOn = (end: ProgramEnd, mid: string, color: string): number =>
  named(end, "seen").filter((event) => event.mid === mid && event.color === color).length;

async function showsEverybody(t: TestContext, end: ProgramEnd, meeting: Meeting): Promise<void> {
  assert.match(end.answer, /^a=simulcast:recv q;h;f\r?$/m);
  const invitation = await meeting.invite("third");
  const third = await enter(t, invitation, [speaks, shows], third_media, "DELETE");
  const mids = ["1", "2"];
  for (const color of [ada_color, third_media.color]) {
    await until(
      `it sees ${color} on a line`,
      () => mids.some((mid) => picturesOn(end, mid, color) > 5),
      slow_ms,
    );
  }
  comesOnItsLine(end, mids);
  for (const mid of mids) {
    const colors = [ada_color, third_media.color].filter((color) => picturesOn(end, mid, color));
    assert.equal(colors.length, 1, `${colors} on line ${mid}`);
  }
  await third.leave();
}

/** Of three pictures, the two lines show those of who speaks: the silent one only while a line is free. */
async function fillsBySpeakers(t: TestContext, end: ProgramEnd, meeting: Meeting): Promise<void> {
  const line = (color: string) => ["1", "2"].find((mid) => picturesOn(end, mid, color) > 5);
  const adas = await until("it sees Ada", () => line(ada_color), slow_ms);
  const silent = await enter(
    t,
    await meeting.invite("silent"),
    [shows],
    { ...client_media, color: silent_color },
    "DELETE",
  );
  const other = await until("it sees who is silent", () => line(silent_color), slow_ms);
  assert.notEqual(other, adas);
  const invitation = await meeting.invite("third");
  const third = await enter(t, invitation, [speaks, shows], third_media, "DELETE");
  await until("it sees who speaks", () => line(third_media.color), slow_ms);
  assert.equal(line(third_media.color), other, "in place of who is silent");
  const before = picturesOn(end, other, silent_color);
  const adas_before = picturesOn(end, adas, ada_color);
  await until("Ada stays", () => picturesOn(end, adas, ada_color) > adas_before + 10, slow_ms);
  assert.equal(picturesOn(end, other, silent_color), before, "the silent one is not shown");
  comesOnItsLine(end, ["1", "2"]);
  await third.leave();
  await until(
    "it sees again who is silent",
    () => picturesOn(end, other, silent_color) > before + 5,
    slow_ms,
  );
  await silent.leave();
}

const variant = (
  promise: string,
  way: string,
  lines: readonly Offered[],
  more: Partial<Omit<Variant, "also">> & {
    pictures?: Media["pictures"];
    also?: (t: TestContext, end: ProgramEnd, meeting: Meeting) => Promise<void>;
  },
): Variant => {
  const { leaves = "DELETE", pictures = "ivf", ...rest } = more;
  return {
    promise,
    way,
    sends: both,
    receives: both,
    leaves,
    join: (t, invitation) => enter(t, invitation, lines, { ...client_media, pictures }, leaves),
    ...rest,
  };
};

export const pion: Client = {
  name: "pion",
  version: /webrtc\/v4 v(\S+)/.exec(readFileSync(join(source, "go.mod"), "utf8"))?.[1] ?? null,
  missing: go_missing ?? python_missing,
  prepare,
  async close() {
    if (folder) rmSync(folder, { recursive: true, force: true });
  },
  variants: [
    variant(
      "pion_trickles_and_restarts_ice",
      "one audio and one video line, trickle, restart of ICE",
      [audio, video],
      { also: tricklesAndRestarts },
    ),
    variant("pion_sends_h264", "one audio and one video line, H.264", [audio, video], {
      pictures: "h264",
      leaves: "closes",
    }),
    variant(
      "pion_publishes_layers_and_vanishes",
      "publisher: simulcast",
      [speaks, { ...shows, layers }],
      {
        receives: [],
        leaves: "vanishes",
        async also(_, end) {
          assert.match(end.answer, /^a=simulcast:recv q;h;f\r?$/m);
        },
      },
    ),
    variant(
      "pion_receives_on_a_line_with_layers_and_on_another",
      "simulcast, two receiving video lines",
      [audio, { ...video, layers }, sees],
      { also: showsEverybody },
    ),
    variant(
      "pion_plays_two_pictures_by_speaker_order",
      "player: two video lines",
      [hears, sees, sees],
      { sends: [], role: "listener", also: fillsBySpeakers },
    ),
  ],
};
