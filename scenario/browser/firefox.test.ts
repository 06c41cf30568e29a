// Firefox on the meeting page, with somebody in Chromium: tones and colours both ways, simulcast, leave.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launchChromium, needs_chromium, seen, tonesHeard } from "../harness/chromium.ts";
import {
  type FirefoxPage,
  loudness,
  needs_firefox,
  openFirefox,
  own_address,
  recordSound,
} from "../harness/firefox.ts";
import { joinMeeting, people } from "../harness/meeting.ts";
import { type Parley, startParley, until } from "../harness/parley.ts";

const needs = {
  skip:
    needs_chromium.skip ||
    needs_firefox.skip ||
    (own_address === undefined ? "firefox needs an address beside the loopback's" : false),
};

let parley: Parley;
let browser: Browser;
let firefox: FirefoxPage;
before(async () => {
  if (needs.skip || own_address === undefined) return;
  [parley, browser, firefox] = await Promise.all([
    startParley({ PARLEY_MEDIA_HOST: own_address }),
    launchChromium(),
    openFirefox(people.ben),
  ]);
});
after(async () => {
  await firefox?.close();
  await browser?.close();
  await parley?.stop();
});

const slow_ms = 20_000;

/** Clicks the button of that name as soon as it is there. */
const click = (name: RegExp): Promise<unknown> =>
  until(
    `a button ${name}`,
    () =>
      firefox.evaluate((pattern) => {
        const button = [...document.querySelectorAll("button")].find((one) =>
          new RegExp(pattern).test(`${one.getAttribute("aria-label") ?? ""} ${one.textContent}`),
        );
        button?.click();
        return button !== undefined;
      }, name.source),
    slow_ms,
  );

/** A picture on Firefox's page: its colour, and how many frames were painted. */
const pictureOf = (label: string): Promise<{ color: string; frames: number } | null> =>
  firefox.evaluate((wanted) => {
    const { probes } = window as unknown as {
      probes: { seen(): { label: string; color: string; frames: number }[] };
    };
    const one = probes.seen().find((picture) => picture.label === wanted);
    return one ? { color: one.color, frames: one.frames } : null;
  }, label);

const layersSent = (): Promise<number> =>
  firefox.evaluate(async () => {
    const { connections } = (window as unknown as { probes: { connections: RTCPeerConnection[] } })
      .probes;
    const stats = await connections.at(-1)?.getStats();
    const sent = [...(stats?.values() ?? [])].filter(
      (entry) => entry.type === "outbound-rtp" && entry.kind === "video" && entry.framesEncoded > 5,
    );
    return sent.length;
  });

test("firefox_and_chromium_hear_and_see_each_other", needs, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  await firefox.goto((await parley.link(id, people.ben.name)).url);
  await click(/Join now/);

  const { ben } = people;
  const hearsBen = async (): Promise<boolean> => (await tonesHeard(ada.page)).includes(ben.tone_hz);
  const bensFrames = async (): Promise<number> =>
    (await seen(ada.page)).find(({ label, color }) => label === ben.name && color === ben.color)
      ?.frames ?? 0;
  await until("Ada hears Ben", hearsBen, slow_ms);
  const frames = await until("Ada sees Ben", bensFrames, slow_ms);
  await until("Ben moves", async () => (await bensFrames()) > frames + 10, slow_ms);
  await until("Firefox sends two layers", async () => (await layersSent()) >= 2, slow_ms);

  const first = await until(
    "Ben sees Ada",
    async () => {
      const picture = await pictureOf(people.ada.name);
      return picture?.color === people.ada.color ? picture : null;
    },
    slow_ms,
  );
  await until(
    "Ada moves",
    async () => ((await pictureOf(people.ada.name))?.frames ?? 0) > first.frames + 10,
    slow_ms,
  );
  await until(
    "Ben hears Ada and not himself",
    async () => {
      const files = await recordSound(firefox);
      const [hers, own] = await Promise.all([
        loudness(ada.page, files, people.ada.tone_hz),
        loudness(ada.page, files, ben.tone_hz),
      ]);
      return hers > -40 && own < -60;
    },
    slow_ms,
  );

  await click(/Leave/);
  await until("Ada is alone", async () => {
    const { conferencecall_ids } = await parley.api<{ conferencecall_ids: string[] }>(
      "GET",
      `/v1.0/conferences/${id}`,
    );
    return conferencecall_ids.length === 1;
  });
  assert.deepEqual([...firefox.faults, ...ada.faults], []);
});
