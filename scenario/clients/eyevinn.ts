// Eyevinn's WHIP client and its player (WHEP) from npm, on a page of another origin in Chromium.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Page, Response } from "playwright-core";
import { build, type Rolldown } from "vite";
import { needs_chromium, seen, tonesHeard } from "../harness/chromium.ts";
import { until } from "../harness/parley.ts";
import { openPage } from "./browsers.ts";
import {
  ada_tone_hz,
  both,
  type Client,
  type FarEnd,
  type Invitation,
  type Meeting,
  type Variant,
  type World,
} from "./client.ts";
import type { Told } from "./page/eyevinn.ts";

const root = join(import.meta.dirname, "../..");
const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  devDependencies: Record<string, string>;
};

/** Inside the page, once the bundle has run. */
interface Inside {
  eyevinn: Record<"publish" | "play", (told: Told) => Promise<() => Promise<void>>>;
  leave: () => Promise<void>;
  probes: { connections: RTCPeerConnection[] };
}

/** A page whose requests and faults can be looked into. */
interface PageEnd extends FarEnd {
  /** Answers to one method, in their order; those to preflights are the browser's own. */
  answers(method: string): readonly Response[];
  readonly faults: readonly string[];
}

const slow_ms = 20_000;

let world: World | undefined;
let bundle: Promise<string> | undefined;

// One script for a page that has no modules, made in memory.
async function bundled(): Promise<string> {
  const made = await build({
    configFile: false,
    logLevel: "warn",
    build: {
      write: false,
      minify: false,
      lib: {
        entry: join(import.meta.dirname, "page/eyevinn.ts"),
        formats: ["iife"],
        name: "eyevinn",
      },
    },
  });
  const [{ output }] = [made].flat() as [Rolldown.RolldownOutput];
  return output[0].code;
}

const prepare = async (given: World): Promise<void> => {
  world = given;
  bundle ??= bundled();
  await bundle;
};

/** How a variant asks. */
interface Way {
  readonly does: "publish" | "play";
  /** Where its token stands. */
  readonly by: "header" | "url";
  readonly is_gathering_first?: boolean;
  readonly leaves?: Variant["leaves"];
}

async function enter(page: Page, { url, token }: Invitation, way: Way): Promise<PageEnd> {
  const responses: Response[] = [];
  const faults: string[] = [];
  page.on("response", (response) => responses.push(response));
  page.on("pageerror", (fault) => faults.push(String(fault)));
  page.on("console", (line) => {
    if (line.type() === "error") faults.push(line.text());
  });
  const answers = (method: string): Response[] =>
    responses.filter((response) => response.request().method() === method);
  const told: Told = {
    ...(way.by === "header" ? { url, token } : { url: `${url}?token=${token}`, token: "" }),
    is_gathering_first: way.is_gathering_first ?? false,
  };
  await page.addScriptTag({ content: (await bundle) ?? "" });
  await page.evaluate(
    async (given) => {
      const inside = window as unknown as Inside;
      inside.leave = await inside.eyevinn[given.does](given.told);
    },
    { does: way.does, told },
  );
  // Both give no answer before they have found their candidates, and the player none at all.
  const posted = await until("its offer is answered", () => answers("POST")[0]);
  const answer = await posted.text();
  const headers = await posted.allHeaders();
  assert.deepEqual([posted.status(), headers["content-type"]], [201, "application/sdp"], answer);
  const end: PageEnd = {
    location: headers["location"] ?? "",
    answer,
    answers,
    faults,
    isConnected: () =>
      page.evaluate(() => {
        const { connections } = (window as unknown as Inside).probes;
        return connections.some(({ connectionState }) => connectionState === "connected");
      }),
    tones: () => tonesHeard(page),
    async pictures(color) {
      const frames = (await seen(page)).map((one) => (one.color === color ? one.frames : 0));
      return Math.max(0, ...frames);
    },
    async leave() {
      if (way.leaves === "vanishes") return page.close();
      await page.evaluate(() => (window as unknown as Inside).leave());
      const [left] = await until("DELETE is answered", () => answers("DELETE"));
      assert.equal(left?.status(), 200);
      await isGranted(end, way, "DELETE");
    },
  };
  return end;
}

// Each request was granted and showed its leave to ask in the way that the variant names.
async function isGranted({ answers }: PageEnd, { by }: Way, ...methods: string[]): Promise<void> {
  for (const response of methods.flatMap(answers)) {
    const asked = `${response.request().method()} ${response.url()}`;
    const { authorization } = await response.request().allHeaders();
    assert.ok(response.ok(), `${asked} was answered ${response.status()}`);
    assert.equal(authorization !== undefined, by === "header", asked);
  }
}

const variant = (
  promise: string,
  words: string,
  way: Way,
  also: (t: TestContext, end: PageEnd, meeting: Meeting) => Promise<void>,
): Variant => ({
  promise,
  way: words,
  sends: way.does === "publish" ? both : [],
  receives: way.does === "play" ? both : [],
  role: way.does === "publish" ? "member" : "listener",
  leaves: way.leaves ?? "DELETE",
  async join(t, invitation) {
    assert.ok(world);
    return enter(await openPage(t, world), invitation, way);
  },
  async also(t, end: PageEnd, meeting) {
    assert.equal(end.answers("POST").length, 1, "it joined at the first try");
    assert.equal(end.location.includes("?resume_key="), way.by === "url", end.location);
    await isGranted(end, way, "OPTIONS", "POST", "PATCH");
    await also(t, end, meeting);
    assert.deepEqual(end.faults, []);
  },
});

async function trickles(_: TestContext, end: PageEnd): Promise<void> {
  await until("it sends its candidates", () => end.answers("PATCH").length > 0);
  for (const response of end.answers("PATCH")) assert.equal(response.status(), 204);
}

/** Somebody else publishes by the same maker's client, with another voice and another picture. */
const third = { name: "third", tone_hz: 880, color: "blue" } as const;

async function followsTheSpeaker(t: TestContext, end: PageEnd, meeting: Meeting): Promise<void> {
  assert.ok(world);
  const way = { does: "publish", by: "header" } as const;
  const page = await openPage(t, world, third);
  const other = await enter(page, await meeting.invite(third.name), way);
  await until(
    "it hears everybody at once",
    async () => {
      const tones = await end.tones();
      return [ada_tone_hz, third.tone_hz].every((tone_hz) => tones.includes(tone_hz));
    },
    slow_ms,
  );
  const microphone = meeting.ada.getByRole("button", { name: "Microphone", exact: true });
  await microphone.click();
  try {
    await until("it sees who speaks", async () => (await end.pictures(third.color)) > 5, slow_ms);
  } finally {
    await microphone.click();
  }
  await other.leave();
  await until("it hears Ada alone", async () => String(await end.tones()) === `${ada_tone_hz}`);
}

const shared = { missing: needs_chromium.skip || null, prepare };

export const whip_web_client: Client = {
  ...shared,
  name: "@eyevinn/whip-web-client",
  version: devDependencies["@eyevinn/whip-web-client"] ?? null,
  variants: [
    variant(
      "whip_web_client_publishes_and_trickles_with_its_bearer_token",
      "publisher: `authkey`, trickles",
      { does: "publish", by: "header" },
      trickles,
    ),
    variant(
      "whip_web_client_publishes_and_trickles_with_a_token_in_the_url",
      "publisher: `?token=`, trickles",
      { does: "publish", by: "url" },
      trickles,
    ),
    variant(
      "whip_web_client_publishes_with_all_its_candidates_in_the_offer",
      "publisher: `authkey`, `noTrickleIce`; its page is closed",
      { does: "publish", by: "header", is_gathering_first: true, leaves: "vanishes" },
      async (_, end) => {
        assert.equal(end.answers("PATCH").length, 0);
      },
    ),
  ],
};

export const webrtc_player: Client = {
  ...shared,
  name: "@eyevinn/webrtc-player",
  version: devDependencies["@eyevinn/webrtc-player"] ?? null,
  variants: [
    variant(
      "webrtc_player_hears_everybody_and_sees_who_speaks",
      "player: `whep`, bearer token",
      { does: "play", by: "header" },
      followsTheSpeaker,
    ),
    variant(
      "webrtc_player_plays_with_a_token_in_the_url",
      "player: `whep`, `?token=`",
      { does: "play", by: "url" },
      async (_, end) => {
        assert.equal(end.answer.match(/^a=sendonly\r?$/gm)?.length, 2);
      },
    ),
  ],
};
