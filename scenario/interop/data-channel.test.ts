// Pages that open a data channel before they add sound and picture, so that the channel's line names the transport of all:
// they are heard and seen, and the channel is closed at once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import {
  launchChromium,
  needs_chromium,
  type Persona,
  personPage,
  seen,
  tonesHeard,
} from "../harness/chromium.ts";
import { type Parley, startParley, until } from "../harness/parley.ts";

const ann: Persona = { name: "Ann", tone_hz: 440, color: "red" };
const bob: Persona = { name: "Bob", tone_hz: 880, color: "blue" };

let parley: Parley;
let browser: Browser;
before(async () => {
  if (needs_chromium.skip !== false) return;
  parley = await startParley();
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await parley?.stop();
});

/** What a page knows of its connection. */
interface Connection {
  readonly state: string;
  readonly channel: string;
  /** From `connected` to the end of the channel, ms. */
  readonly closed_ms: number;
}

const enter = async (persona: Persona): Promise<Page> => {
  const page = await personPage(browser, persona);
  await page.route(`${parley.url}/empty`, (route) =>
    route.fulfill({ contentType: "text/html", body: "<!doctype html>" }),
  );
  await page.goto(`${parley.url}/empty`);
  return page;
};

// Answers the first line of the answer.
const join = async (
  page: Page,
  conference_id: string,
  name: string,
  policy: RTCBundlePolicy,
): Promise<string> => {
  const { token } = await parley.link(conference_id, name);
  return page.evaluate(
    async ({ url, token, policy }) => {
      const pc = new RTCPeerConnection({ bundlePolicy: policy });
      const channel = pc.createDataChannel("chat");
      const times = { connected: 0, closed: 0 };
      pc.onconnectionstatechange = () => {
        if (pc.connectionState === "connected") times.connected ||= performance.now();
      };
      channel.onclose = () => {
        times.closed = performance.now();
      };
      (window as unknown as { connection: () => Connection }).connection = () => ({
        state: pc.connectionState,
        channel: channel.readyState,
        closed_ms: times.closed - times.connected,
      });
      // A first offer of the channel alone gives it the first line.
      await pc.setLocalDescription();
      const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
      for (const track of media.getTracks()) pc.addTransceiver(track, { direction: "sendrecv" });
      pc.ontrack = ({ track }) => {
        if (track.kind !== "video") return;
        const video = document.createElement("video");
        video.autoplay = true;
        video.muted = true;
        video.srcObject = new MediaStream([track]);
        document.body.append(video);
      };
      await pc.setLocalDescription();
      const reply = await fetch(url, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" },
        body: pc.localDescription?.sdp ?? "",
      });
      const answer = await reply.text();
      if (!reply.ok) throw new Error(`${reply.status} ${answer}`);
      await pc.setRemoteDescription({ type: "answer", sdp: answer });
      return answer.split("\r\n").find((line) => line.startsWith("m=")) ?? "";
    },
    {
      url: `${parley.url}/v1.0/conferences/${conference_id}/conferencecalls`,
      token,
      policy,
    },
  );
};

const connection = (page: Page): Promise<Connection> =>
  page.evaluate(() => (window as unknown as { connection: () => Connection }).connection());
const hears = (page: Page, tone_hz: number): Promise<boolean> =>
  until(`hears ${tone_hz} Hz`, async () => (await tonesHeard(page)).includes(tone_hz));
const sees = (page: Page, color: string): Promise<unknown> =>
  until(`sees ${color}`, async () =>
    (await seen(page)).some((picture) => picture.color === color && picture.frames > 5),
  );

// libwebrtc asks again for more than a minute where nobody answers.
const closed_ms_max = 10_000;

for (const policy of ["max-bundle", "balanced", "max-compat"] as const) {
  test(
    `a_page_with_${policy}_whose_first_line_is_a_data_channel_hears_and_is_heard`,
    needs_chromium,
    async () => {
      const { id } = await parley.api<{ id: string }>("POST", "/v1.0/conferences", {
        type: "conference",
      });
      const [a, b] = [await enter(ann), await enter(bob)];
      for (const [page, name] of [
        [a, "Ann"],
        [b, "Bob"],
      ] as const) {
        const line = await join(page, id, name, policy);
        assert.match(line, /^m=application [1-9]\d* UDP\/DTLS\/SCTP webrtc-datachannel$/);
      }
      await Promise.all([hears(a, bob.tone_hz), hears(b, ann.tone_hz)]);
      await Promise.all([sees(a, bob.color), sees(b, ann.color)]);
      for (const page of [a, b]) {
        await until(
          "the channel is closed",
          async () => (await connection(page)).channel === "closed",
        );
        const { state, closed_ms } = await connection(page);
        assert.equal(state, "connected");
        assert.ok(closed_ms < closed_ms_max, `closed after ${closed_ms} ms`);
      }
      await parley.api("DELETE", `/v1.0/conferences/${id}`);
      await Promise.all([a, b].map((page) => page.context().close()));
    },
  );
}
