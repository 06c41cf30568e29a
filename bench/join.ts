// (c) Join latency in a real Chromium on loopback: from the POST to the first decoded picture of somebody else.
// `player` offers one sound and one picture (like WHEP); `meeting` joins by our SDK (three voices, a camera with layers,
// screen, 25 tiles) and shows who publishes as soon as the SDK names them, as the meeting page does.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import type { Page } from "playwright-core";
import type * as Sdk from "../client/src/index.ts";
import { launchChromium, personPage } from "../scenario/harness/chromium.ts";
import { type Parley, startParley, until } from "../scenario/harness/parley.ts";
import { startSdkSite } from "../scenario/harness/sdk-page.ts";

const joins_each = 40;
// People do not join on each other's heels. Less than 500 ms after another's, a join waits for the worker's next
// request for a key frame; `crowd` measures that.
const pause_ms = 1_000;
const crowd_joins = 20;
// A join that takes longer is a failure, not a slow one.
const picture_within_ms = 10_000;
const target_ms = { p50: 150, p99: 400 };

/** One join: milliseconds from the start of the POST. */
interface Measured {
  /** The answer is there. */
  readonly answered_ms: number;
  /** setRemoteDescription is done. */
  readonly set_ms: number;
  /** ICE and DTLS are done. */
  readonly connected_ms: number;
  /** The first picture is decoded. */
  readonly picture_ms: number;
}

type Shape = "player" | "meeting";

async function main(): Promise<void> {
  const site = await startSdkSite();
  const parley = await startParley({
    PARLEY_LIMITS_JOIN_RATE: "0",
    PARLEY_LOG_LEVEL: "warn",
    PARLEY_HTTP_ALLOWED_ORIGINS: site.origin,
  });
  const browser = await launchChromium();
  try {
    const conference_id = (
      await parley.api<{ id: string }>("POST", "/v1.0/conferences", { type: "conference" })
    ).id;
    const publisher = await personPage(browser, { name: "Ann", tone_hz: 440, color: "red" });
    const shown = await publish(publisher, parley, conference_id);
    const viewer = await personPage(browser, { name: "Bob", tone_hz: 880, color: "blue" });
    await emptyPage(viewer, parley);
    const guest = await personPage(browser, { name: "Cleo", tone_hz: 660, color: "lime" });
    await guest.goto(site.origin);
    await guest.waitForFunction(() => "parley" in window);
    const measured: Record<Shape | "crowd", Measured[]> = { player: [], meeting: [], crowd: [] };
    const joinOnce = async (shape: Shape, name: string): Promise<Measured> => {
      const { token } = await parley.link(conference_id, name);
      return shape === "player"
        ? playOnce(viewer, { url: parley.url, conference_id, token })
        : meetOnce(guest, { url: parley.url, conference_id, token, shown });
    };
    // Two of each first: the page, its codecs and the server are warm afterwards.
    for (let round = -2; round < joins_each; round += 1) {
      for (const shape of ["player", "meeting"] as const) {
        const one = await joinOnce(shape, `viewer ${round}`);
        if (round >= 0) measured[shape].push(one);
        await new Promise((done) => setTimeout(done, pause_ms));
      }
    }
    for (let round = 0; round < crowd_joins; round += 1) {
      measured.crowd.push(await joinOnce("meeting", `crowd ${round}`));
    }
    write(measured);
    await parley.api("DELETE", `/v1.0/conferences/${conference_id}`);
  } finally {
    await browser.close();
    await parley.stop();
    await site.close();
  }
}

// A page that this server gave (from a page of nowhere Chromium opens no socket to this machine), without its rules.
async function emptyPage(page: Page, parley: Parley): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Page.setBypassCSP", { enabled: true });
  await page.goto(`${parley.url}/ping`);
}

// Somebody with a voice and a camera; the result is their conferencecall.
async function publish(page: Page, parley: Parley, conference_id: string): Promise<string> {
  await emptyPage(page, parley);
  const { token } = await parley.link(conference_id, "publisher");
  const location = await page.evaluate(
    async ({ url, token }) => {
      const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
      const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
      for (const track of media.getTracks()) pc.addTransceiver(track, { direction: "sendonly" });
      await pc.setLocalDescription();
      const reply = await fetch(url, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" },
        body: pc.localDescription?.sdp ?? "",
      });
      await pc.setRemoteDescription({ type: "answer", sdp: await reply.text() });
      return reply.headers.get("location") ?? "";
    },
    { url: `${parley.url}/v1.0/conferences/${conference_id}/conferencecalls`, token },
  );
  await until("the publisher is joined", async () => {
    const { status } = await parley.api<{ status: string }>("GET", location);
    return status === "joined";
  });
  return location.slice(location.lastIndexOf("/") + 1);
}

interface Target {
  readonly url: string;
  readonly conference_id: string;
  readonly token: string;
}

/** Joins as a player does: one sound, one picture, one POST of the bare offer. */
const playOnce = (page: Page, target: Target): Promise<Measured> =>
  page.evaluate(
    async ({ url, conference_id, token, within_ms }) => {
      const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
      const picture = new Promise<number>((resolve) => {
        pc.ontrack = ({ track }) => {
          if (track.kind !== "video") return;
          const video = document.createElement("video");
          video.autoplay = true;
          video.muted = true;
          video.srcObject = new MediaStream([track]);
          document.body.append(video);
          video.requestVideoFrameCallback(() => resolve(performance.now()));
        };
      });
      const connected = new Promise<number>((resolve) => {
        pc.onconnectionstatechange = () => {
          if (pc.connectionState === "connected") resolve(performance.now());
        };
      });
      pc.addTransceiver("audio", { direction: "recvonly" });
      pc.addTransceiver("video", { direction: "recvonly" });
      await pc.setLocalDescription();
      const body = pc.localDescription?.sdp ?? "";
      const start = performance.now();
      const reply = await fetch(`${url}/v1.0/conferences/${conference_id}/conferencecalls`, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" },
        body,
      });
      const answer = await reply.text();
      if (!reply.ok) throw new Error(answer);
      const answered = performance.now();
      await pc.setRemoteDescription({ type: "answer", sdp: answer });
      const set = performance.now();
      const late = new Promise<never>((_, reject) => {
        setTimeout(() => reject(new Error(`no picture within ${within_ms} ms`)), within_ms);
      });
      const times = await Promise.race([Promise.all([connected, picture]), late]);
      pc.close();
      await fetch(new URL(reply.headers.get("location") ?? "", url), {
        method: "DELETE",
        headers: { Authorization: `Bearer ${token}` },
      });
      document.body.replaceChildren();
      return {
        answered_ms: answered - start,
        set_ms: set - start,
        connected_ms: times[0] - start,
        picture_ms: times[1] - start,
      };
    },
    { ...target, within_ms: picture_within_ms },
  );

/** Joins by the SDK from a page of another site, with microphone and camera, and shows `shown` once they are in the roster. */
const meetOnce = (page: Page, target: Target & { readonly shown: string }): Promise<Measured> =>
  page.evaluate(
    async ({ url, conference_id, token, shown, within_ms }) => {
      const { parley } = window as unknown as { parley: typeof Sdk };
      const at: Record<string, number> = {};
      const answer_set = Promise.withResolvers<void>();
      const path_open = Promise.withResolvers<void>();
      // The SDK tells of none of these moments: they are taken where it meets the browser.
      const fetchAsBefore = window.fetch;
      window.fetch = async (input, init) => {
        at["posted"] ??= performance.now();
        const reply = await fetchAsBefore(input, init);
        at["answered"] ??= performance.now();
        return reply;
      };
      const Connection = window.RTCPeerConnection;
      window.RTCPeerConnection = class extends Connection {
        constructor(configuration?: RTCConfiguration) {
          super(configuration);
          this.addEventListener("connectionstatechange", () => {
            if (this.connectionState !== "connected") return;
            at["connected"] ??= performance.now();
            path_open.resolve();
          });
        }
        override async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
          await super.setRemoteDescription(description);
          at["set"] ??= performance.now();
          answer_set.resolve();
        }
      };
      try {
        const joined = await parley.joinConference({
          server: url,
          conference_id,
          token,
          camera: true,
        });
        const picture = new Promise<number>((resolve) => {
          let is_shown = false;
          const show = (): void => {
            const person = joined.view.people.find(({ id }) => id === shown);
            if (is_shown || !person?.camera) return;
            is_shown = true;
            const tile = joined.showTile(shown, "camera", { width: 640, height: 360 });
            const video = document.createElement("video");
            video.autoplay = true;
            video.muted = true;
            video.srcObject = tile.media;
            document.body.append(video);
            video.requestVideoFrameCallback(() => resolve(performance.now()));
          };
          joined.on("change", show);
          show();
        });
        const late = new Promise<never>((_, reject) => {
          setTimeout(() => reject(new Error(`no picture within ${within_ms} ms`)), within_ms);
        });
        // The picture may be there before the browser says that the answer is set.
        const [pictured] = await Promise.race([
          Promise.all([picture, answer_set.promise, path_open.promise]),
          late,
        ]);
        await joined.leave();
        const since = (moment: number | undefined): number =>
          (moment ?? Number.NaN) - (at["posted"] ?? Number.NaN);
        return {
          answered_ms: since(at["answered"]),
          set_ms: since(at["set"]),
          connected_ms: since(at["connected"]),
          picture_ms: since(pictured),
        };
      } finally {
        window.fetch = fetchAsBefore;
        window.RTCPeerConnection = Connection;
        document.body.replaceChildren();
      }
    },
    { ...target, within_ms: picture_within_ms },
  );

function write(measured: Record<Shape | "crowd", Measured[]>): void {
  const quantile = (values: number[], part: number): number => {
    const sorted = values.toSorted((a, b) => a - b);
    const at = Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1);
    return Math.round((sorted[at] ?? Number.NaN) * 10) / 10;
  };
  const summary = (each: Measured[]) =>
    Object.fromEntries(
      (["answered_ms", "set_ms", "connected_ms", "picture_ms"] as const).map((name) => {
        const values = each.map((one) => one[name]);
        return [
          name,
          { p50: quantile(values, 0.5), p90: quantile(values, 0.9), p99: quantile(values, 0.99) },
        ];
      }),
    );
  const result = {
    measurement: "join latency from POST to first decoded picture, Chromium on loopback",
    commit: execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim(),
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: availableParallelism(),
      load_average_1min: Number(loadavg()[0]?.toFixed(2)),
    },
    unit: "ms from the start of the POST; browser, server, worker and database share the cores",
    joins: joins_each,
    pause_ms,
    target_ms,
    player: summary(measured.player),
    meeting: summary(measured.meeting),
    crowd: { joins: crowd_joins, pause_ms: 0, ...summary(measured.crowd) },
  };
  mkdirSync("bench/results", { recursive: true });
  writeFileSync("bench/results/join.json", `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}

await main();
