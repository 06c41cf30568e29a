// (c) Join latency in a real Chromium on loopback: from the POST to the first decoded picture of somebody else.
// `player` offers one sound and one picture (like WHEP); `meeting` offers what our SDK offers (three voices, camera
// with layers, screen, 25 tiles) and asks for its first tile over the live socket.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import type { Page } from "playwright-core";
import { launchChromium, personPage } from "../scenario/harness/chromium.ts";
import { type Parley, startParley, until } from "../scenario/harness/parley.ts";

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
  const parley = await startParley({ PARLEY_LIMITS_JOIN_RATE: "0", PARLEY_LOG_LEVEL: "warn" });
  const browser = await launchChromium();
  try {
    const conference_id = (
      await parley.api<{ id: string }>("POST", "/v1.0/conferences", { type: "conference" })
    ).id;
    const publisher = await personPage(browser, { name: "Ann", tone_hz: 440, color: "red" });
    const shown = await publish(publisher, parley, conference_id);
    const viewer = await personPage(browser, { name: "Bob", tone_hz: 880, color: "blue" });
    await emptyPage(viewer, parley);
    const measured: Record<Shape | "crowd", Measured[]> = { player: [], meeting: [], crowd: [] };
    const shapes: Shape[] = ["player", "meeting"];
    // Two of each first: the page, its codecs and the server are warm afterwards.
    for (let round = -2; round < joins_each; round += 1) {
      for (const shape of shapes) {
        const { token } = await parley.link(conference_id, `viewer ${round}`);
        const one = await joinOnce(viewer, parley.url, conference_id, token, shape, shown);
        if (round >= 0) measured[shape].push(one);
        await new Promise((done) => setTimeout(done, pause_ms));
      }
    }
    for (let round = 0; round < crowd_joins; round += 1) {
      const { token } = await parley.link(conference_id, `crowd ${round}`);
      measured.crowd.push(
        await joinOnce(viewer, parley.url, conference_id, token, "meeting", shown),
      );
    }
    write(measured);
    await parley.api("DELETE", `/v1.0/conferences/${conference_id}`);
  } finally {
    await browser.close();
    await parley.stop();
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

const joinOnce = (
  page: Page,
  url: string,
  conference_id: string,
  token: string,
  shape: Shape,
  shown: string,
): Promise<Measured> =>
  page.evaluate(
    async ({ url, conference_id, token, shape, shown, within_ms }) => {
      const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
      const tiles: string[] = [];
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
      const slim = (transceiver: RTCRtpTransceiver): void => {
        const codecs = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
        transceiver.setCodecPreferences(
          codecs.filter(
            ({ mimeType, sdpFmtpLine = "" }) =>
              mimeType === "video/VP8" ||
              mimeType === "video/rtx" ||
              (mimeType === "video/H264" &&
                sdpFmtpLine.includes("42e01f") &&
                sdpFmtpLine.includes("packetization-mode=1")),
          ),
        );
      };
      if (shape === "player") {
        pc.addTransceiver("audio", { direction: "recvonly" });
        pc.addTransceiver("video", { direction: "recvonly" });
      } else {
        const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
        const [microphone] = media.getAudioTracks();
        const [camera] = media.getVideoTracks();
        if (!microphone || !camera) throw new Error("no devices");
        pc.addTransceiver(microphone, { direction: "sendrecv" });
        pc.addTransceiver("audio", { direction: "recvonly" });
        pc.addTransceiver("audio", { direction: "recvonly" });
        slim(
          pc.addTransceiver(camera, {
            direction: "sendonly",
            sendEncodings: [{ rid: "q", scaleResolutionDownBy: 2 }, { rid: "h" }],
          }),
        );
        slim(pc.addTransceiver("video", { direction: "sendonly" }));
        for (let tile = 0; tile < 25; tile += 1) {
          slim(pc.addTransceiver("video", { direction: "recvonly" }));
        }
      }
      await pc.setLocalDescription();
      const offer = pc.localDescription?.sdp ?? "";
      const start = performance.now();
      const reply = await fetch(`${url}/v1.0/conferences/${conference_id}/conferencecalls`, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        body: JSON.stringify({ offer }),
      });
      const body = (await reply.json()) as {
        answer: string;
        conferencecall: { id: string };
        lines: { mid: string; role: string }[];
      };
      if (!reply.ok) throw new Error(JSON.stringify(body));
      const answered = performance.now();
      const own = body.conferencecall.id;
      tiles.push(...body.lines.filter(({ role }) => role === "tile").map(({ mid }) => mid));
      let socket: WebSocket | undefined;
      if (shape === "meeting") {
        // As our SDK does: the socket opens beside the media.
        socket = new WebSocket(
          `${url.replace("http", "ws")}/v1.0/conferences/${conference_id}/live?token=${token}&conferencecall_id=${own}`,
        );
        const open = socket;
        open.onopen = () =>
          open.send(
            JSON.stringify({
              id: 1,
              type: "tiles",
              tiles: [
                {
                  mid: tiles[0],
                  conferencecall_id: shown,
                  source: "camera",
                  width: 640,
                  height: 360,
                },
              ],
            }),
          );
      }
      await pc.setRemoteDescription({ type: "answer", sdp: body.answer });
      const set = performance.now();
      const late = new Promise<never>((_, reject) => {
        setTimeout(
          () => reject(new Error(`no picture within ${within_ms} ms: ${shape}`)),
          within_ms,
        );
      });
      const times = await Promise.race([Promise.all([connected, picture]), late]);
      const result = {
        answered_ms: answered - start,
        set_ms: set - start,
        connected_ms: times[0] - start,
        picture_ms: times[1] - start,
      };
      socket?.close();
      pc.close();
      await fetch(`${url}/v1.0/conferencecalls/${own}`, {
        method: "DELETE",
        headers: { Authorization: `Bearer ${token}` },
      });
      document.body.replaceChildren();
      return result;
    },
    { url, conference_id, token, shape, shown, within_ms: picture_within_ms },
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
