// Programs that nobody here wrote, each in every way it can join: it joins at the first try, is heard and seen, hears and sees, is
// muted and unmuted by REST, and leaves. What was found is what the guide's table says (docs/guide/clients.md).
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { after, before, suite, type TestContext, test } from "node:test";
import type { Browser } from "playwright-core";
import { launchChromium, needs_chromium, seen, tonesHeard } from "../harness/chromium.ts";
import { type Attendee, joinMeeting, people } from "../harness/meeting.ts";
import { type Parley, startParley, until } from "../harness/parley.ts";
import type { Site } from "../harness/site.ts";
import { aiortc, debians_aiortc } from "./aiortc.ts";
import { chromium, firefox } from "./browsers.ts";
import {
  ada_color,
  ada_tone_hz,
  type Client,
  client_color,
  client_tone_hz,
  type FarEnd,
  type Invitation,
  type Variant,
} from "./client.ts";
import { webrtc_player, whip_web_client } from "./eyevinn.ts";
import { ffmpeg } from "./ffmpeg.ts";
import { gstreamer } from "./gstreamer.ts";
import { node_datachannel, werift } from "./node.ts";
import { pion } from "./pion.ts";
import { compareWithGuide, type Row, rowOf } from "./results.ts";
import { startEmptySite } from "./site.ts";

const clients: readonly Client[] = [
  aiortc,
  debians_aiortc,
  ffmpeg,
  gstreamer,
  werift,
  node_datachannel,
  chromium,
  firefox,
  whip_web_client,
  webrtc_player,
  pion,
];

// Firefox pairs no address of its own with the loopback's.
const host = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === "IPv4" && !one.internal)?.address;

const in_ci = process.env["CI"] === "true";
const needs = ({ missing }: Client): { skip: string | false } => ({
  skip: needs_chromium.skip || (!in_ci && missing) || false,
});

let parley: Parley;
let browser: Browser;
let site: Site;
const rows: Row[] = [];
before(async () => {
  if (needs_chromium.skip) return;
  site = await startEmptySite();
  const others = await Promise.all(clients.map((client) => client.origin?.() ?? []));
  [parley, browser] = await Promise.all([
    startParley({
      PARLEY_HTTP_ALLOWED_ORIGINS: [site.origin, ...others.flat()].join(","),
      ...(host === undefined ? {} : { PARLEY_MEDIA_HOST: host }),
    }),
    launchChromium(),
  ]);
});
after(async () => {
  await browser?.close();
  await parley?.stop();
  await site?.close();
});

const slow_ms = 20_000;
// Programs are installed and built before their tests, for minutes on a machine that has nothing of them.
const suite_ms = 600_000;

/** Asks with the join's own token, as the client would. */
async function patch(end: FarEnd, { token }: Invitation, change: object): Promise<void> {
  const reply = await fetch(new URL(end.location, parley.url), {
    method: "PATCH",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(change),
  });
  assert.equal(reply.status, 200, await reply.text());
}

/** What Ada perceives of somebody. */
function watched(ada: Attendee, name: string) {
  const tile = async () =>
    (await seen(ada.page)).find(({ label, color }) => label === name && color === client_color);
  return {
    hears: async () => (await tonesHeard(ada.page)).includes(client_tone_hz),
    sees: async () => (await tile()) !== undefined,
    frames: async () => (await tile())?.frames ?? 0,
  };
}

async function isHeardAndSeen(ada: Attendee, name: string, { sends }: Variant): Promise<void> {
  const { hears, frames } = watched(ada, name);
  if (sends.includes("audio")) await until("Ada hears it", hears, slow_ms);
  if (!sends.includes("video")) return;
  const first = await until("Ada sees it", frames, slow_ms);
  await until("it moves", async () => (await frames()) > first + 5, slow_ms);
}

async function hearsAndSees(end: FarEnd, { receives }: Variant): Promise<void> {
  if (receives.includes("audio")) {
    await until("it hears Ada", async () => (await end.tones()).includes(ada_tone_hz), slow_ms);
  }
  if (receives.includes("video")) {
    await until("it sees Ada move", async () => (await end.pictures(ada_color)) > 5, slow_ms);
  }
}

async function mutes(
  ada: Attendee,
  end: FarEnd,
  invitation: Invitation,
  { sends }: Variant,
): Promise<void> {
  if (sends.length === 0) return;
  const { hears, sees } = watched(ada, invitation.name);
  const with_sound = sends.includes("audio");
  const with_picture = sends.includes("video");
  await patch(end, invitation, { muted: true, camera: false });
  await until(
    "Ada neither hears nor sees it",
    async () => !(with_sound && (await hears())) && !(with_picture && (await sees())),
    slow_ms,
  );
  await patch(end, invitation, { muted: false, camera: true });
  if (with_sound) await until("Ada hears it again", hears, slow_ms);
  if (with_picture) await until("Ada sees it again", sees, slow_ms);
}

// A client that says nothing is missed within the time of its consent (RFC 7675) and what it takes to notice.
const left_ms = { DELETE: 5_000, closes: 5_000, vanishes: 10_000 } as const;
// What Ada's page may take to show it on a busy machine.
const shown_ms = 5_000;

async function leaves(ada: Attendee, end: FarEnd, name: string, variant: Variant): Promise<void> {
  await end.leave();
  const within_ms = left_ms[variant.leaves];
  await Promise.all([
    until(
      "its join is over",
      async () => {
        const { status, leave_reason } = await parley.api<{ status: string; leave_reason: string }>(
          "GET",
          end.location,
        );
        return status === "leaved" && (variant.leaves !== "DELETE" || leave_reason === "left");
      },
      within_ms,
    ),
    until(
      "its tile is gone",
      async () => (await seen(ada.page)).every(({ label }) => label !== name),
      within_ms + shown_ms,
    ),
  ]);
  if (variant.leaves === "DELETE" && end.isClosed) {
    await until("its connection was closed from our side", () => end.isClosed?.());
  }
}

function tryAll(client: Client): void {
  let ada: Attendee;
  let conference_id: string;
  before(
    async () => {
      if (needs(client).skip) return;
      assert.equal(client.missing, null);
      conference_id = await parley.conference();
      [ada] = await Promise.all([
        joinMeeting(parley, browser, conference_id, people.ada),
        client.prepare?.({ browser, origin: site.origin }),
      ]);
    },
    { timeout: suite_ms },
  );
  after(async () => {
    await ada?.page.context().close();
    if (conference_id) await parley.api("DELETE", `/v1.0/conferences/${conference_id}`);
    await client.close?.();
  });
  const invite = async (
    name: string,
    role?: "host" | "member" | "listener",
  ): Promise<Invitation> => ({
    url: `${parley.url}/v1.0/conferences/${conference_id}/conferencecalls`,
    token: (await parley.link(conference_id, name, role)).token,
    name,
    location: () =>
      until("its call is listed", async () => {
        const { result } = await parley.api<{ result: { id: string; name: string }[] }>(
          "GET",
          `/v1.0/conferencecalls?conference_id=${conference_id}`,
        );
        const call = result.find((one) => one.name === name);
        return call && `/v1.0/conferencecalls/${call.id}`;
      }),
  });
  const run = async (t: TestContext, variant: Variant): Promise<void> => {
    const name = variant.promise;
    const invitation = await invite(name, variant.role);
    const end = await variant.join(t, invitation);
    // Whatever fails, it is not in the next one's meeting.
    t.after(() => parley.api("DELETE", end.location).catch(() => null));
    await until("it is connected", () => end.isConnected());
    await Promise.all([isHeardAndSeen(ada, name, variant), hearsAndSees(end, variant)]);
    await variant.also?.(t, end, { invite, ada: ada.page, name });
    await mutes(ada, end, invitation, variant);
    assert.ok(!(await end.tones()).includes(client_tone_hz), "it hears itself");
    assert.equal(await end.pictures(client_color), 0, "it sees itself");
    if (variant.receives.length === 0) assert.deepEqual(await end.tones(), []);
    await leaves(ada, end, name, variant);
    assert.deepEqual(ada.faults, []);
    rows.push(rowOf(client, variant));
  };
  for (const variant of client.variants) {
    test(variant.promise, needs(client), (t) => run(t, variant));
  }
}

// Each program has a meeting of its own, so that they do not wait for one another.
suite("clients", { concurrency: 2, timeout: suite_ms }, () => {
  for (const client of clients) {
    suite(client.name, { concurrency: 1, timeout: suite_ms }, () => tryAll(client));
  }
});

test("the_guide_s_table_says_what_was_found_here", () => compareWithGuide(clients, rows));
