// Chromium and Firefox on a page of another origin with a client of its own: what a browser has, one fetch, and none of our code.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Page } from "playwright-core";
import { needs_chromium, type Persona, personPage, tonesHeard } from "../harness/chromium.ts";
import {
  type FirefoxPage,
  loudness,
  needs_firefox,
  openFirefox,
  recordSound,
} from "../harness/firefox.ts";
import {
  ada_tone_hz,
  both,
  type Client,
  client_color,
  client_tone_hz,
  type FarEnd,
  type Invitation,
  type Line,
  type Variant,
  type World,
} from "./client.ts";

/** What the page is told. */
interface Offered {
  readonly lines: readonly Line[];
  readonly bundle?: RTCBundlePolicy;
  readonly is_rsa?: boolean;
}
interface Answered {
  readonly status: number;
  readonly type: string | null;
  readonly location: string | null;
  readonly text: string;
}
/** Inside the page. */
interface Inside {
  connection: RTCPeerConnection;
  probes: { seen(): { color: string; frames: number }[] };
}

/** Runs a function in a page of either browser. */
type Evaluate = <T, G>(run: (given: G) => T | Promise<T>, given: G) => Promise<T>;

// Runs inside the page.
async function joinByHand(given: Offered & { url: string; token: string }): Promise<Answered> {
  const { url, token } = given;
  const rsa = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const certificates = given.is_rsa ? [await RTCPeerConnection.generateCertificate(rsa)] : [];
  const settings: RTCConfiguration = {
    bundlePolicy: given.bundle ?? "balanced",
    ...(given.is_rsa ? { certificates } : {}),
  };
  // [guide: page
  const connection = new RTCPeerConnection(settings);
  connection.addEventListener("track", ({ track }) => {
    if (track.kind !== "video") return;
    const video = document.createElement("video");
    Object.assign(video, { autoplay: true, muted: true, width: 320 });
    video.srcObject = new MediaStream([track]);
    document.body.append(video);
  });
  const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  for (const { kind, direction = "sendrecv" } of given.lines) {
    const own = media.getTracks().find((track) => track.kind === kind);
    if (kind === "data") connection.createDataChannel("data");
    else connection.addTransceiver(direction === "recvonly" || !own ? kind : own, { direction });
  }
  await connection.setLocalDescription();
  const reply = await fetch(url, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" },
    body: connection.localDescription?.sdp ?? "",
  });
  const text = await reply.text();
  if (reply.status === 201) await connection.setRemoteDescription({ type: "answer", sdp: text });
  // guide]
  (window as unknown as Inside).connection = connection;
  const type = reply.headers.get("content-type");
  return { status: reply.status, type, location: reply.headers.get("location"), text };
}

async function enter(
  evaluate: Evaluate,
  tones: () => Promise<readonly number[]>,
  { url, token }: Invitation,
  offered: Offered,
  leaves: Variant["leaves"],
): Promise<FarEnd> {
  const answered = await evaluate(joinByHand, { url, token, ...offered });
  assert.deepEqual([answered.status, answered.type], [201, "application/sdp"], answered.text);
  const location = answered.location ?? "";
  const where = new URL(location, url).href;
  return {
    location,
    answer: answered.text,
    isConnected: () =>
      evaluate(
        () => (window as unknown as Inside).connection.connectionState === "connected",
        undefined,
      ),
    tones,
    pictures: (wanted) =>
      evaluate((color) => {
        const { probes } = window as unknown as Inside;
        const frames = probes.seen().map((one) => (one.color === color ? one.frames : 0));
        return Math.max(0, ...frames);
      }, wanted),
    async leave() {
      if (leaves === "closes") {
        await evaluate(() => (window as unknown as Inside).connection.close(), undefined);
        return;
      }
      const headers = { Authorization: `Bearer ${token}` };
      const status = await evaluate(
        async (given) =>
          (await fetch(given.where, { method: "DELETE", headers: given.headers })).status,
        { where, headers },
      );
      assert.equal(status, 200);
    },
  };
}

const audio = { kind: "audio", direction: "sendrecv" } as const;
const video = { kind: "video", direction: "sendrecv" } as const;
const hears = { kind: "audio", direction: "recvonly" } as const;
const sees = { kind: "video", direction: "recvonly" } as const;
const data = { kind: "data" } as const;

type Way = Omit<Variant, "join" | "sends" | "receives"> & Partial<Variant> & { offered: Offered };
const ways = (browser: string): readonly Way[] => [
  {
    promise: `a_page_of_another_origin_joins_in_${browser}`,
    way: "one audio and one video line",
    leaves: "DELETE",
    offered: { lines: [audio, video] },
  },
  {
    promise: `a_data_channel_first_and_everything_in_one_bundle_join_in_${browser}`,
    way: "data channel first, bundle policy `max-bundle`",
    leaves: "closes",
    offered: { lines: [data, audio, video], bundle: "max-bundle" },
  },
];

const persona = { name: "client", tone_hz: client_tone_hz, color: client_color } as const;

let world: World | undefined;

/** The empty page of another origin in Chromium; closed with the test. */
export async function openPage(
  t: TestContext,
  { browser, origin }: World,
  who: Persona = persona,
): Promise<Page> {
  const page = await personPage(browser, who);
  t.after(() => page.context().close());
  await page.goto(origin);
  return page;
}

export const chromium: Client = {
  name: "Chromium",
  version: null,
  missing: needs_chromium.skip || null,
  async prepare(given) {
    world = given;
  },
  variants: [
    ...ways("chromium"),
    {
      promise: "an_rsa_certificate_and_several_receiving_lines_join_in_chromium",
      way: "RSA certificate, three audio and three video lines",
      leaves: "DELETE" as const,
      offered: { lines: [audio, video, hears, hears, sees, sees], is_rsa: true },
    },
  ].map(({ offered, ...way }) => ({
    sends: both,
    receives: both,
    ...way,
    async join(t, invitation) {
      assert.ok(world);
      const page = await openPage(t, world);
      return enter(
        (run, given) => page.evaluate(run as never, given as never),
        () => tonesHeard(page),
        invitation,
        offered,
        way.leaves,
      );
    },
  })),
};

let firefox_page: FirefoxPage | undefined;
let decoder: Page | undefined;

export const firefox: Client = {
  name: "Firefox ESR",
  version: null,
  // Firefox pairs no address of its own with the loopback's: the server must have another.
  missing: needs_firefox.skip || null,
  async prepare(given) {
    world = given;
    [firefox_page, decoder] = await Promise.all([openFirefox(persona), given.browser.newPage()]);
  },
  async close() {
    await firefox_page?.close();
    await decoder?.close();
  },
  variants: ways("firefox").map(({ offered, ...way }) => ({
    sends: both,
    receives: both,
    ...way,
    async join(_, invitation) {
      const [page, listener] = [firefox_page, decoder];
      assert.ok(page && listener && world);
      await page.goto(world.origin);
      const tones = async (): Promise<number[]> => {
        const files = await recordSound(page);
        const probes = [ada_tone_hz, client_tone_hz];
        const levels = await Promise.all(
          probes.map((tone_hz) => loudness(listener, files, tone_hz)),
        );
        return probes.filter((_tone, index) => (levels[index] ?? -200) > -40);
      };
      return enter(
        (run, given) => page.evaluate(run as never, given as never),
        tones,
        invitation,
        offered,
        way.leaves,
      );
    },
  })),
};
