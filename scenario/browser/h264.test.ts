// Cameras that send H.264: simulcast, a codec changed in the middle, and somebody who cannot decode it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { needs_chromium, seen, tonesHeard } from "../harness/chromium.ts";
import { type Attendee, hearAndSee, joinMeeting, people } from "../harness/meeting.ts";
import { until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";

runForAllTests();

/** The browser offers its lines with H.264 first where it sends ("sends"), with nothing else there ("only"), or offers none of it at all ("lacks"). */
const withH264 = (how: "sends" | "only" | "lacks") => (page: Page) =>
  page.addInitScript((given) => {
    const choose = RTCRtpTransceiver.prototype.setCodecPreferences;
    RTCRtpTransceiver.prototype.setCodecPreferences = function (codecs) {
      const isH264 = (codec: RTCRtpCodec): boolean => codec.mimeType.toLowerCase() === "video/h264";
      const all = [...codecs];
      const others = all.filter((codec) => !isH264(codec));
      const h264 = all.filter(isH264);
      const repairs = others.filter(({ mimeType }) => /rtx/i.test(mimeType));
      if (given === "lacks") choose.call(this, others);
      else if (given === "only" && this.direction === "sendonly") {
        choose.call(this, [...h264, ...repairs]);
      } else if (this.direction === "sendonly") choose.call(this, [...h264, ...others]);
      else choose.call(this, all);
    };
  }, how);

interface Layer {
  readonly rid: string;
  readonly codec: string;
  readonly frames: number;
}

/** The camera's layers that are sent. */
const layers = ({ page }: Attendee): Promise<Layer[]> =>
  page.evaluate(async () => {
    const { connections } = (window as unknown as { probes: { connections: RTCPeerConnection[] } })
      .probes;
    const stats = await connections.at(-1)?.getStats();
    const found: Layer[] = [];
    for (const entry of stats?.values() ?? []) {
      if (entry.type !== "outbound-rtp" || entry.kind !== "video" || !entry.active) continue;
      if (!(entry.framesEncoded > 0)) continue;
      const { mimeType } = stats?.get(entry.codecId) ?? {};
      found.push({ rid: entry.rid ?? "", codec: mimeType ?? "", frames: entry.framesEncoded });
    }
    return found;
  });
const codecs = async (one: Attendee): Promise<string> =>
  [...new Set((await layers(one)).map(({ codec }) => codec))].join();

/** Changes what the camera is encoded with, without a new offer. */
const encodeWith = ({ page }: Attendee, mime: string): Promise<void> =>
  page.evaluate(async (wanted) => {
    const { connections } = (window as unknown as { probes: { connections: RTCPeerConnection[] } })
      .probes;
    const sender = connections.at(-1)?.getTransceivers()[3]?.sender;
    if (!sender?.track) throw new Error("the camera's line has no track");
    const parameters = sender.getParameters();
    const codec = parameters.codecs.find(({ mimeType }) => mimeType === wanted);
    if (!codec) throw new Error(`${wanted} was not negotiated`);
    for (const encoding of parameters.encodings) {
      (encoding as { codec?: RTCRtpCodec }).codec = codec;
    }
    await sender.setParameters(parameters);
  }, mime);

test(
  "a_camera_in_h264_is_seen_in_two_layers_and_may_change_its_codec",
  needs_chromium,
  async (t) => {
    const id = await parley.conference();
    const ada = await joinMeeting(parley, browser, id, people.ada, { prepare: withH264("sends") });
    const ben = await joinMeeting(parley, browser, id, people.ben);
    await hearAndSee([ada, ben], 20_000);
    const sent = await until("two layers are sent", async () => {
      const found = await layers(ada);
      return found.length >= 2 ? found : null;
    });
    t.diagnostic(JSON.stringify(sent));
    assert.equal(await codecs(ada), "video/H264");
    for (const codec of ["video/VP8", "video/H264"]) {
      await encodeWith(ada, codec);
      const changed = performance.now();
      await until(`Ada sends ${codec}`, async () => (await codecs(ada)) === codec);
      await hearAndSee([ada, ben], 10_000);
      t.diagnostic(
        `${codec} is seen ${Math.round(performance.now() - changed)} ms after the change`,
      );
    }
    for (const { page, faults } of [ada, ben]) {
      assert.deepEqual(faults, []);
      await page.context().close();
    }
  },
);

test("a_camera_that_somebody_cannot_decode_is_sent_in_what_all_can", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada, { prepare: withH264("sends") });
  const ben = await joinMeeting(parley, browser, id, people.ben);
  await hearAndSee([ada, ben], 20_000);
  assert.equal(await codecs(ada), "video/H264");
  const cleo = await joinMeeting(parley, browser, id, people.cleo, { prepare: withH264("lacks") });
  await until("Ada sends what Cleo decodes", async () => (await codecs(ada)) === "video/VP8");
  for (const pair of [
    [ada, cleo],
    [ada, ben],
    [ben, cleo],
  ] as const)
    await hearAndSee(pair, 20_000);
  for (const { page, faults } of [ada, ben, cleo]) {
    assert.deepEqual(faults, []);
    await page.context().close();
  }
});

test(
  "who_cannot_decode_a_camera_is_told_hears_it_and_sees_the_others",
  needs_chromium,
  async () => {
    const id = await parley.conference();
    const ada = await joinMeeting(parley, browser, id, people.ada, { prepare: withH264("only") });
    const ben = await joinMeeting(parley, browser, id, people.ben);
    const cleo = await joinMeeting(parley, browser, id, people.cleo, {
      prepare: withH264("lacks"),
    });
    await hearAndSee([ada, ben], 20_000);
    await hearAndSee([ben, cleo], 20_000);
    await until("Cleo hears Ada", async () => (await tonesHeard(cleo.page)).includes(440));
    const labels = (await seen(cleo.page)).map(({ label }) => label);
    assert.deepEqual(labels.toSorted(), ["Ben", "Cleo (you)"]);
    await cleo.page.getByText("Your browser cannot show this video format.").waitFor();
    for (const { page, faults } of [ada, ben, cleo]) {
      assert.deepEqual(faults, []);
      await page.context().close();
    }
  },
);
