// Pion (Go) in a meeting with somebody in Chromium: tones and colours both ways, trickled candidates, a restart of ICE, DELETE.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import type { Browser } from "playwright-core";
import { type ProgramEnd, startFarEnd } from "../clients/far-end.ts";
import { script } from "../clients/python.ts";
import { launchChromium, needs_chromium, seen, tonesHeard } from "../harness/chromium.ts";
import { type Attendee, joinMeeting, people } from "../harness/meeting.ts";
import { type Parley, startParley, until } from "../harness/parley.ts";
import { can, system_python } from "../harness/python.ts";

const source = join(import.meta.dirname, "pion");
const missing = [
  // A Go that is too old cannot read the module's file.
  ...(spawnSync("go", ["list", "-m"], { cwd: source }).status === 0 ? [] : ["go"]),
  // PyAV comes with aiortc; it makes the files that are sent and looks into those that were received.
  ...(can(system_python, "import av") ? [] : ["aiortc"]),
];
const reason = `${missing.join(" and ")} not installed: tools/setup-system installs it`;
const needs = {
  skip:
    needs_chromium.skip || (missing.length > 0 && process.env["CI"] !== "true" ? reason : false),
};

/** What was in the files of one take. */
interface Take {
  readonly db: Readonly<Record<string, number>>;
  readonly colors: Readonly<Record<string, number>>;
}

const audible_db = -40;
let parley: Parley;
let browser: Browser;
let folder: string;
let program: string;
before(async () => {
  if (needs.skip) return;
  assert.deepEqual(missing, [], reason);
  folder = mkdtempSync(join(tmpdir(), "parley-pion-"));
  program = join(folder, "far-end");
  [parley, browser] = await Promise.all([startParley(), launchChromium(), build()]);
});
after(async () => {
  await browser?.close();
  await parley?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

async function build(): Promise<void> {
  // Without C, so that no compiler is started; the compiled packages stay in Go's own cache.
  const child = spawn("go", ["build", "-mod=readonly", "-o", program, "."], {
    cwd: source,
    env: { ...process.env, CGO_ENABLED: "0" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const code = await new Promise((resolve, reject) =>
    child.once("error", reject).once("exit", resolve),
  );
  assert.equal(code, 0, "go build");
}

function media(...words: string[]): string {
  const command = [script("media_files.py"), ...words];
  const { status, stdout, stderr } = spawnSync(system_python, command, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout;
}

async function enter(
  t: TestContext,
  conference_id: string,
  persona: { name: string; tone_hz: number; color: string },
  pictures: "ivf" | "h264",
): Promise<ProgramEnd> {
  const heard = join(folder, persona.name);
  mkdirSync(heard);
  const [audio, video] = [join(heard, "tone.ogg"), join(heard, `picture.${pictures}`)];
  media("make", String(persona.tone_hz), persona.color, audio, video);
  const { token } = await parley.link(conference_id, persona.name);
  const url = `${parley.url}/v1.0/conferences/${conference_id}/conferencecalls`;
  const end = await startFarEnd(t, [program], { url, token, audio, video, heard }, "DELETE");
  await until("pion is connected", () => end.isConnected());
  return end;
}

const packets = ({ events }: ProgramEnd, kind: string): number =>
  events.filter((event) => event.event === "received" && event.kind === kind).length * 50;

/** What somebody hears and sees from now on, until enough packets of both have come. */
async function take(end: ProgramEnd): Promise<Take> {
  const kept = async (): Promise<readonly string[]> => {
    const count = end.events.filter(({ event }) => event === "kept").length;
    end.say("keep");
    const all = await until("a take is kept", () => {
      const takes = end.events.filter(({ event }) => event === "kept");
      return takes.length > count ? takes : null;
    });
    return all.at(-1)?.paths ?? [];
  };
  await kept();
  const [sound, pictures] = [packets(end, "audio"), packets(end, "video")];
  await until(
    "sound and pictures come",
    () => packets(end, "audio") >= sound + 150 && packets(end, "video") > pictures,
    20_000,
  );
  const found = media("perceive", ...(await kept()))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Partial<Take>);
  return Object.assign({ db: {}, colors: {} }, ...found) as Take;
}

const tones = ({ db }: Take): number[] =>
  Object.keys(db)
    .map(Number)
    .filter((tone) => (db[tone] ?? -200) > audible_db);

async function hearsAndSees(ada: Attendee, name: string, tone_hz: number, color: string) {
  await until(
    `Ada hears ${name}`,
    async () => (await tonesHeard(ada.page)).includes(tone_hz),
    15_000,
  );
  const frames = async (): Promise<number> =>
    (await seen(ada.page)).find((one) => one.label === name && one.color === color)?.frames ?? 0;
  const first = await until(`Ada sees ${name} in ${color}`, frames, 15_000);
  await until(`${name} moves`, async () => (await frames()) > first + 10, 15_000);
}

test("pion_and_a_browser_hear_and_see_each_other", needs, async (t) => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const end = await enter(t, id, { name: "Pion", tone_hz: 660, color: "lime" }, "ivf");
  await hearsAndSees(ada, "Pion", 660, "lime");
  const heard = await take(end);
  assert.deepEqual(tones(heard), [people.ada.tone_hz]);
  assert.ok((heard.colors["red"] ?? 0) > 5, JSON.stringify(heard));

  const trickled = end.events.filter(({ event }) => event === "trickled");
  assert.ok(trickled.length > 0);
  for (const { status } of trickled) assert.equal(status, 204);

  end.say("restart");
  const restarted = await until("ICE is restarted", () =>
    end.events.find(({ event }) => event === "restarted"),
  );
  assert.deepEqual(
    [restarted.status, restarted.type],
    [200, "application/trickle-ice-sdpfrag"],
    restarted.text ?? "",
  );
  const again = await take(end);
  assert.deepEqual(tones(again), [people.ada.tone_hz]);
  await hearsAndSees(ada, "Pion", 660, "lime");

  await end.leave();
  const call = await parley.api<{ status: string }>("GET", end.location);
  assert.equal(call.status, "leaved");
  await until("its connection was closed from our side", () => end.isClosed?.());
  assert.deepEqual(
    end.events.filter(({ event }) => event === "failed"),
    [],
  );
  assert.deepEqual(ada.faults, []);
  await ada.page.context().close();
});

test("the_h264_of_a_pion_publisher_is_seen_by_a_browser", needs, async (t) => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const end = await enter(t, id, { name: "Gopher", tone_hz: 880, color: "blue" }, "h264");
  await hearsAndSees(ada, "Gopher", 880, "blue");
  assert.ok(end.events.some(({ event, kind }) => event === "track" && kind === "video"));
  assert.deepEqual(ada.faults, []);
  await ada.page.context().close();
});
