// The small rules: layers, codecs, ICE fragments, quality, path watch.
import assert from "node:assert/strict";
import { test } from "node:test";
import { slimCodecs } from "./codecs.ts";
import { endingOf } from "./core.ts";
import { liveRids, planCameraEncodings } from "./encodings.ts";
import { readIce, renewAnswer, writeRestartFragment } from "./ice-fragment.ts";
import { readSentLines } from "./media-connection.ts";
import { problemFromDevice } from "./problem.ts";
import {
  arrivals,
  createPathWatch,
  hasKeys,
  measureQuality,
  path_limits,
  type StatsEntry,
} from "./quality.ts";

test("cameras_send_three_layers_from_960x540_two_from_640x360_else_one", () => {
  const layers = (width: number, height: number) =>
    planCameraEncodings(width, height)
      .filter((layer) => layer.active)
      .map((layer) => [layer.rid, layer.scaleResolutionDownBy]);
  const three = [
    ["q", 4],
    ["h", 2],
    ["f", 1],
  ];
  assert.deepEqual(layers(1280, 720), three);
  assert.deepEqual(layers(960, 540), three);
  assert.deepEqual(layers(720, 1280), three);
  assert.deepEqual(layers(959, 540), [
    ["q", 2],
    ["h", 1],
  ]);
  assert.deepEqual(layers(640, 360), [
    ["q", 2],
    ["h", 1],
  ]);
  assert.deepEqual(layers(320, 240), [["q", 1]]);
  assert.deepEqual(liveRids(planCameraEncodings(640, 480)), ["q", "h"]);
});

test("larger_layers_get_more_bits_within_bounds", () => {
  const rates = planCameraEncodings(1280, 720).map((layer) => layer.maxBitrate);
  assert.deepEqual(
    rates,
    rates.toSorted((a, b) => a - b),
  );
  for (const layer of planCameraEncodings(3840, 2160)) assert.ok(layer.maxBitrate <= 3_000_000);
  for (const layer of planCameraEncodings(160, 90)) assert.ok(layer.maxBitrate >= 120_000);
});

test("offers_keep_vp8_h264_and_retransmission_and_take_the_widest_profile_of_h264", () => {
  const codecs = [
    { mimeType: "video/VP9" },
    { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=1;profile-level-id=f4001f" },
    { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=0;profile-level-id=f4001f" },
    { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=1;profile-level-id=42001f" },
    { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=1;profile-level-id=42e01f" },
    { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=0;profile-level-id=42e01f" },
    { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=1;profile-level-id=640c1f" },
    { mimeType: "video/rtx" },
    { mimeType: "video/VP8" },
    { mimeType: "video/ulpfec" },
  ];
  assert.deepEqual(
    slimCodecs("video", codecs).map((codec) => codec.mimeType),
    ["video/VP8", "video/H264", "video/rtx"],
  );
  assert.deepEqual(
    slimCodecs("video", codecs, true).map(
      (codec) => codec.sdpFmtpLine?.slice(-6) ?? codec.mimeType,
    ),
    ["video/VP8", "42e01f", "f4001f", "video/rtx"],
  );
  const odd = [{ mimeType: "video/AV1" }, { mimeType: "video/rtx" }];
  assert.deepEqual(slimCodecs("video", odd), odd);
});

const offer = [
  "v=0",
  "a=group:BUNDLE 0 1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=ice-ufrag:aaaa",
  "a=ice-pwd:bbbbbbbbbbbbbbbbbbbbbb",
  "a=mid:0",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=ice-ufrag:aaaa",
  "a=ice-pwd:bbbbbbbbbbbbbbbbbbbbbb",
  "a=mid:1",
  "",
].join("\r\n");

test("a_restart_fragment_carries_credentials_first_line_and_mid", () => {
  const fragment = writeRestartFragment(offer);
  assert.ok(fragment.includes("a=ice-ufrag:aaaa\r\na=ice-pwd:bbbbbbbbbbbbbbbbbbbbbb\r\n"));
  assert.ok(fragment.includes("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"));
  assert.ok(!fragment.includes("m=video"));
  assert.ok(fragment.endsWith("\r\n"));
});

test("a_renewed_answer_has_the_new_credentials_on_every_line_and_none_of_the_old_candidates", () => {
  const answer = offer
    .replaceAll(
      "a=mid",
      "a=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\na=end-of-candidates\r\na=mid",
    )
    .replaceAll("aaaa", "cccc");
  const fragment = [
    "a=ice-ufrag:dddd",
    "a=ice-pwd:eeeeeeeeeeeeeeeeeeeeee",
    "m=audio 9 UDP/TLS/RTP/SAVPF 0",
    "a=mid:0",
    "a=candidate:2 1 udp 9 10.0.0.2 2 typ host",
    "",
  ].join("\r\n");
  const renewed = renewAnswer(answer, fragment);
  assert.deepEqual(readIce(renewed), {
    ufrag: "dddd",
    password: "eeeeeeeeeeeeeeeeeeeeee",
    candidates: ["candidate:2 1 udp 9 10.0.0.2 2 typ host"],
  });
  assert.ok(!renewed.includes("cccc") && !renewed.includes("10.0.0.1"));
  assert.equal(renewed.match(/a=ice-ufrag:dddd/g)?.length, 2);
  assert.throws(() => renewAnswer(answer, "a=mid:0"), /without ice credentials/);
});

test("sent_lines_are_read_with_mid_rid_and_both_ssrcs", () => {
  const entries: StatsEntry[] = [
    { id: "1", type: "outbound-rtp", mid: "0", ssrc: 11 },
    { id: "2", type: "outbound-rtp", mid: "3", rid: "q", ssrc: 21, rtxSsrc: 22 },
    { id: "3", type: "outbound-rtp", ssrc: 31 },
    { id: "4", type: "inbound-rtp", mid: "5", ssrc: 41 },
  ];
  assert.deepEqual(readSentLines(entries), [
    { mid: "0", ssrc: 11 },
    { mid: "3", rid: "q", ssrc: 21, rtx_ssrc: 22 },
  ]);
});

const look = (at_ms: number, received: number, more: Record<string, unknown> = {}) => ({
  at_ms,
  entries: [
    { id: "t", type: "transport", packetsReceived: received, dtlsState: "connected" },
    { id: "c", type: "codec", mimeType: "video/VP8" },
    {
      id: "i",
      type: "inbound-rtp",
      kind: "video",
      mid: "5",
      codecId: "c",
      packetsReceived: received,
      packetsLost: 0,
      bytesReceived: received * 1000,
      frameWidth: 640,
      frameHeight: 360,
      framesPerSecond: 30,
      jitter: 0.01,
      ...more,
    },
  ],
});

test("quality_is_measured_between_two_looks", () => {
  const good = measureQuality(look(0, 100), look(2_000, 300), "5", true);
  assert.equal(good.level, "good");
  assert.equal(good.bits_per_second, 800_000);
  assert.equal(good.codec, "VP8");
  assert.deepEqual([good.width, good.height], [640, 360]);
  const poor = measureQuality(look(0, 100), look(2_000, 280, { packetsLost: 20 }), "5", true);
  assert.equal(poor.level, "poor");
  assert.equal(poor.loss_percent, 10);
  assert.equal(measureQuality(look(0, 100), look(2_000, 100), "5", true).level, "lost");
  assert.equal(measureQuality(look(0, 100), look(2_000, 100), "5", false).level, "unknown");
});

test("a_busy_path_is_dead_soon_and_an_idle_one_only_after_missed_checks", () => {
  const busy = createPathWatch();
  for (let at = 0; at <= 5_000; at += 500) busy.look(at, 25 + at / 20);
  const count = 25 + 5_000 / 20;
  assert.equal(busy.look(5_500, count), "silent");
  assert.equal(busy.look(5_000 + path_limits.busy_ms, count), "dead");
  const idle = createPathWatch();
  idle.look(0, 1);
  assert.equal(idle.look(500, 2), "alive");
  assert.equal(idle.look(3_000, 2), "silent");
  assert.equal(idle.look(500 + path_limits.idle_ms, 2), "dead");
  idle.reset(9_000);
  assert.equal(idle.look(9_100, 2), "silent");
  assert.equal(idle.look(9_200, 3), "alive");
});

test("ice_alone_makes_no_path_while_keys_are_missing", () => {
  const sample = look(0, 5);
  assert.equal(hasKeys(sample), true);
  assert.equal(
    hasKeys({ ...sample, entries: [{ id: "t", type: "transport", dtlsState: "connecting" }] }),
    false,
  );
  assert.equal(arrivals(sample), 10);
});

test("device_failures_are_told_apart", () => {
  const reason = (name: string, kind: "camera" | "screen", message = "") =>
    problemFromDevice(Object.assign(new Error(message), { name }), kind).reason;
  assert.equal(reason("NotAllowedError", "camera"), "DEVICE_PERMISSION_DENIED");
  assert.equal(reason("NotAllowedError", "screen"), "SCREEN_CANCELLED");
  assert.equal(
    reason("NotAllowedError", "screen", "Permission denied by system"),
    "DEVICE_PERMISSION_DENIED",
  );
  assert.equal(reason("NotFoundError", "camera"), "DEVICE_NOT_FOUND");
  assert.equal(reason("NotReadableError", "camera"), "DEVICE_BUSY");
});

test("an_expired_link_is_told_apart_from_one_that_is_not_valid", () => {
  const reasonOf = (said: string) => endingOf(4401, true, said).problem?.reason;
  assert.equal(reasonOf("TOKEN_EXPIRED"), "TOKEN_EXPIRED");
  assert.equal(reasonOf("INVALID_CREDENTIALS"), "INVALID_CREDENTIALS");
});

test("a_link_that_was_taken_back_removes_who_is_in_and_is_closed_to_who_comes", () => {
  for (const code of [4401, 4403]) {
    const [inside, outside] = [true, false].map((has) => endingOf(code, has, "TOKEN_REVOKED"));
    assert.equal(inside?.reason, "kicked");
    assert.equal(outside?.reason, "denied");
    assert.equal(outside?.problem?.reason, "TOKEN_REVOKED");
  }
  assert.equal(endingOf(4403, true).reason, "kicked");
});
