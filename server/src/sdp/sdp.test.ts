// What each client's offer becomes, what is refused and why, and that no text breaks the reader.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import sdpTransform from "sdp-transform";
import {
  aiortc_offer,
  chromium_offer,
  firefox_offer,
  gstreamer_offer,
  obs_offer,
  offers,
  pion_offer,
  safari_offer,
  sdk_offer,
} from "../../test/offers.ts";
import { Problem } from "../kernel/problem.ts";
import {
  type AnswerPlan,
  type AnswerPolicy,
  type HostCandidate,
  type Mint,
  planAnswer,
  readFragment,
  readOffer,
  writeAnswer,
  writeFragment,
} from "./index.ts";

const policy: AnswerPolicy = {
  mix: ["opus", "g722", "pcmu", "pcma"],
  forward: ["opus", "vp8", "h264"],
  extensions: [
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  ],
  may_publish: true,
  audio: "voices",
  muted: { microphone: false, camera: false, screen: true },
  known: [],
};
const candidates: HostCandidate[] = [
  {
    transport: "udp",
    address: "192.0.2.1",
    port: 40_000,
    priority: 2_130_706_431,
    foundation: "1",
  },
  {
    transport: "tcp",
    address: "192.0.2.1",
    port: 40_000,
    priority: 1_518_280_447,
    foundation: "2",
  },
];
const createMint = (): Mint => {
  let last = 5000;
  return { ssrc: () => ++last };
};
const plan = (offer: string, changes: Partial<AnswerPolicy> = {}): AnswerPlan =>
  planAnswer(readOffer(offer), { ...policy, ...changes }, createMint());
const answer = (given: AnswerPlan): string =>
  writeAnswer(given, {
    ice: { ufrag: "abcdefgh", pwd: "0123456789abcdefghijklmn" },
    fingerprint: { algorithm: "sha-256", value: "00:11" },
    dtls_role: given.dtls_roles[0],
    candidates,
    session_id: "7",
    session_version: 1,
    cname: "parley",
  });
const roles = (offer: string, changes: Partial<AnswerPolicy> = {}): string[] =>
  plan(offer, changes).lines.map(({ role }) => role);
const section = (text: string, index: number): string => text.split("\r\nm=")[index + 1] ?? "";
const refusal = (offer: string, changes: Partial<AnswerPolicy> = {}): Problem => {
  try {
    plan(offer, changes);
  } catch (thrown) {
    assert.ok(thrown instanceof Problem, String(thrown));
    return thrown;
  }
  return assert.fail("the offer was taken");
};
const refused = (offer: string, http: number, says: RegExp): void => {
  const problem = refusal(offer);
  assert.equal(problem.http, http, problem.message);
  assert.match(problem.message, says);
};

test("our_sdk_gets_voices_tiles_and_its_layers", () => {
  const made = plan(sdk_offer);
  assert.deepEqual(
    made.lines.map(({ mid, role }) => `${mid} ${role}`),
    ["0 microphone+voice", "1 voice", "2 voice", "3 camera", "4 screen", "5 tile", "6 tile"],
  );
  const [microphone, camera, screen] = made.receive;
  assert.deepEqual(camera?.rids, ["q", "h", "f"]);
  assert.deepEqual(camera?.ssrcs, []);
  assert.deepEqual(screen?.ssrcs, [{ ssrc: 808454925, rtx_ssrc: 3787855958, rid: null }]);
  assert.equal(screen?.muted, true);
  assert.equal(microphone?.muted, false);
  assert.deepEqual(made.extensions, {
    mid: 4,
    rid: 10,
    repaired_rid: 11,
    audio_level: 1,
    abs_send_time: 2,
    transport_cc: 3,
    playout_delay: null,
  });
  const text = answer(made);
  assert.match(section(text, 3), /a=simulcast:recv q;h;f/);
  assert.match(section(text, 0), /a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1/);
  assert.match(section(text, 0), /a=sendrecv/);
  assert.match(section(text, 5), /a=ssrc-group:FID \d+ \d+/);
});

test("a_line_that_sends_and_takes_layers_keeps_its_ssrc_for_pion_which_forgets_it_where_the_track_has_a_name", () => {
  const both = sdk_offer.replace(/(m=video[\s\S]*?a=mid:3[\s\S]*?)a=sendonly/, "$1a=sendrecv");
  const made = plan(both);
  assert.equal(made.lines[3]?.role, "camera+tile");
  const line = section(answer(made), 3);
  assert.match(line, /a=rid:q recv/);
  assert.match(line, /a=ssrc:\d+ cname:/);
  assert.match(line, /a=msid:slot-3\r?$/m);
  assert.match(section(answer(made), 5), /a=msid:slot-5 track-5/);
});

test("a_page_with_one_line_each_gets_the_mix_and_the_active_speaker_and_no_data_channel", () => {
  const made = plan(chromium_offer);
  assert.deepEqual(
    made.lines.map(({ role }) => role),
    ["microphone+mix", "camera+active_speaker", "rejected"],
  );
  const text = answer(made);
  assert.match(section(text, 2), /^application 0 UDP\/DTLS\/SCTP webrtc-datachannel/);
  assert.match(text, /a=group:BUNDLE 0 1\r\n/);
});

test("every_known_client_is_answered_so_that_it_can_be_read_back", () => {
  for (const [name, offer] of Object.entries(offers)) {
    const made = plan(offer);
    const parsed = sdpTransform.parse(answer(made));
    const offered = sdpTransform.parse(offer);
    assert.equal(parsed.media.length, offered.media.length, name);
    assert.equal(parsed.icelite, "ice-lite", name);
    parsed.media.forEach((media, index) => {
      assert.equal(media.type, offered.media[index]?.type, name);
      assert.equal(media.mid, offered.media[index]?.mid, name);
      assert.equal(media.protocol, offered.media[index]?.protocol, name);
      // Of refused lines, too: aiortc takes no answer without.
      assert.ok(media.iceUfrag && media.icePwd && media.fingerprint && media.setup, name);
      if (media.port === 0) return;
      assert.equal(media.setup, "passive", name);
      assert.equal(media.rtcpMux, "rtcp-mux", name);
      assert.ok(media.rtp.length > 0, name);
    });
    for (const media of parsed.media.filter(({ port }) => port !== 0)) {
      assert.equal(media.candidates?.length, 2, name);
      assert.equal(media.endOfCandidates, "end-of-candidates", name);
      assert.equal(media.iceUfrag, "abcdefgh", name);
      assert.ok(media.fingerprint, name);
    }
  }
});

test("firefox_is_understood_with_its_braces_directions_and_order_of_layers", () => {
  const made = plan(firefox_offer);
  assert.deepEqual(made.receive[1]?.rids, ["q", "h", "f"]);
  assert.deepEqual(made.receive[1]?.ssrcs, []);
  assert.deepEqual(
    made.receive[1]?.codecs.map(({ codec, payload_type, rtx_payload_type }) => [
      codec,
      payload_type,
      rtx_payload_type,
    ]),
    [
      ["vp8", 120, 124],
      ["h264", 126, 127],
    ],
  );
  assert.match(
    section(answer(made), 1),
    /a=extmap:8\/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id/,
  );
});

test("of_the_profiles_of_h264_the_one_that_all_decode_comes_first_then_the_one_that_decodes_most", () => {
  const [, camera] = plan(chromium_offer).receive;
  assert.deepEqual(
    camera?.codecs.map(({ payload_type }) => payload_type),
    [96, 108],
  );
  const [, safari] = plan(safari_offer).receive;
  assert.deepEqual(
    safari?.codecs.map(({ codec, payload_type }) => [codec, payload_type]),
    [
      ["h264", 108],
      ["h264", 98],
      ["vp8", 96],
    ],
  );
  assert.match(section(answer(plan(safari_offer)), 1), /profile-level-id=42e01f/);
});

test("whip_and_whep_clients_and_aiortc_become_what_they_offer", () => {
  assert.deepEqual(roles(obs_offer), ["microphone", "camera"]);
  assert.deepEqual(roles(gstreamer_offer), ["camera", "microphone"]);
  assert.deepEqual(roles(pion_offer), ["active_speaker", "mix"]);
  assert.deepEqual(roles(aiortc_offer), ["microphone+mix", "camera+active_speaker"]);
  assert.deepEqual(plan(gstreamer_offer).receive[0]?.ssrcs, [
    { ssrc: 2549, rtx_ssrc: 3821, rid: null },
  ]);
});

test("who_asks_for_the_mix_gets_it_on_the_first_line_and_nothing_on_the_others", () => {
  const made = plan(sdk_offer, { audio: "mix" });
  assert.deepEqual(
    made.lines.slice(0, 3).map(({ role }) => role),
    ["microphone+mix", "rejected", "rejected"],
  );
  assert.match(section(answer(made), 1), /a=inactive/);
});

test("a_listener_publishes_nothing", () => {
  const made = plan(sdk_offer, { may_publish: false });
  assert.deepEqual(made.receive, []);
  assert.deepEqual(
    made.lines.map(({ role }) => role),
    ["voice", "voice", "voice", "rejected", "rejected", "tile", "tile"],
  );
  assert.match(section(answer(made), 0), /a=sendonly/);
  assert.match(section(answer(made), 3), /a=inactive/);
  assert.match(refusal(obs_offer, { may_publish: false }).message, /may not publish/);
});

test("ssrcs_of_a_living_connection_are_passed_on", () => {
  const known = [{ mid: "3", rid: "q", ssrc: 9, rtx_ssrc: 10 }];
  const made = plan(sdk_offer, { known });
  assert.deepEqual(made.receive[1]?.ssrcs, [{ ssrc: 9, rtx_ssrc: 10, rid: "q" }]);
});

test("an_endpoint_without_opus_is_mixed_and_not_forwarded", () => {
  const phone = chromium_offer.replaceAll("opus/48000/2", "ilbc/8000");
  const made = plan(phone);
  assert.equal(made.lines[0]?.role, "microphone+mix");
  assert.equal(made.send[0]?.codecs[0]?.codec, "g722");
  const phones = sdk_offer.replaceAll("opus/48000/2", "ilbc/8000");
  assert.deepEqual(roles(phones).slice(0, 3), ["microphone+mix", "rejected", "rejected"]);
});

/** An offer with one sending video line of H.264 in these formats: `profile-level-id/mode`. */
const h264Offer = (direction: string, ...formats: string[]): string =>
  [
    ...pion_offer
      .slice(0, pion_offer.indexOf("\r\nm="))
      .replace(/BUNDLE.*/, "BUNDLE 0")
      .split("\r\n"),
    `m=video 9 UDP/TLS/RTP/SAVPF ${formats.map((_, at) => 100 + at).join(" ")}`,
    "c=IN IP4 0.0.0.0",
    "a=mid:0",
    "a=ice-ufrag:imkz",
    "a=ice-pwd:A2EeVhjtBOUWA23Ty9DVI5G6",
    `a=fingerprint:sha-256 ${"AC:".repeat(31)}AC`,
    "a=setup:actpass",
    "a=rtcp-mux",
    `a=${direction}`,
    ...formats.flatMap((format, at) => {
      const [profile, mode] = format.split("/");
      return [
        `a=rtpmap:${100 + at} H264/90000`,
        `a=fmtp:${100 + at} ${profile ? `profile-level-id=${profile};` : ""}${mode ? `packetization-mode=${mode}` : ""}`,
      ];
    }),
    "",
  ].join("\r\n");
const profilesOf = (offer: string): string[] => {
  const text = section(answer(plan(offer)), 0);
  return [...text.matchAll(/a=fmtp:\d+ (.*)\r/g)].map(([, config = ""]) => config);
};

test("any_profile_of_h264_that_can_be_forwarded_is_answered_as_it_was_offered", () => {
  for (const profile of ["64001f", "640C1F", "4d0028", "42001f", "580020", "6e0033", "f4001f"]) {
    const [config] = profilesOf(h264Offer("sendonly", `${profile}/1`));
    assert.equal(config, `packetization-mode=1;profile-level-id=${profile.toLowerCase()}`);
  }
  assert.deepEqual(profilesOf(h264Offer("sendonly", "64001f")), [
    "packetization-mode=0;profile-level-id=64001f",
  ]);
  // RFC 6184 section 8.1: without a word it is baseline in mode 0.
  assert.deepEqual(profilesOf(h264Offer("sendonly", "")), [
    "packetization-mode=0;profile-level-id=420010",
  ]);
  // Of several, who sends takes the one that everybody decodes.
  assert.deepEqual(profilesOf(h264Offer("sendonly", "64001f/1", "4d001f/1", "42e01f/1")), [
    "packetization-mode=1;profile-level-id=42e01f",
  ]);
  refused(h264Offer("sendonly", "64001f/2"), 422, /no codec in common/);
  refused(h264Offer("sendonly", "64001/1"), 422, /no codec in common/);
});

test("a_viewer_gets_the_widest_profile_of_h264_beside_constrained_baseline", () => {
  assert.deepEqual(
    profilesOf(
      h264Offer("recvonly", "42001f/1", "42001f/0", "42e01f/1", "4d001f/1", "64001f/1", "64001f/0"),
    ),
    [
      "packetization-mode=1;profile-level-id=42e01f",
      "packetization-mode=1;profile-level-id=64001f",
    ],
  );
  assert.deepEqual(profilesOf(h264Offer("recvonly", "4d001f/1")), [
    "packetization-mode=1;profile-level-id=4d001f",
  ]);
});

test("lines_outside_of_a_bundle_are_refused_alone_and_the_rest_works", () => {
  const alone = chromium_offer.replace(/a=group:BUNDLE.*\r\n/, "");
  const made = plan(alone.replace("a=ice-ufrag:imkz", "a=ice-ufrag:other"));
  assert.deepEqual(
    made.lines.map(({ role }) => role),
    ["microphone+mix", "rejected", "rejected"],
  );
  assert.equal(made.ice.ufrag, "other");
  assert.doesNotMatch(answer(made), /a=group/);
  // The one line that can be used need not be the first.
  const video_only = plan(alone.replaceAll(/opus|G722|PCM[UA]/g, "theora"));
  assert.deepEqual(
    video_only.lines.map(({ role }) => role),
    ["rejected", "camera+active_speaker", "rejected"],
  );
  // A line outside of the group, and a second group.
  assert.deepEqual(roles(sdk_offer.replace("BUNDLE 0 1 2 3", "BUNDLE 0 1 3")).slice(0, 4), [
    "microphone+voice",
    "voice",
    "rejected",
    "camera",
  ]);
  assert.deepEqual(
    roles(chromium_offer.replace(/a=group:BUNDLE.*/, "a=group:BUNDLE 2\r\na=group:BUNDLE 0 1")),
    ["microphone+mix", "camera+active_speaker", "rejected"],
  );
});

test("the_first_accepted_line_of_the_group_carries_the_transport", () => {
  // The order of the group counts, not that of the lines.
  const turned = chromium_offer
    .replace(/a=group:BUNDLE.*/, "a=group:BUNDLE 1 2 0")
    .replace("a=ice-ufrag:imkz", "a=ice-ufrag:audio");
  const made = plan(turned);
  assert.deepEqual(made.bundle, ["1", "0"]);
  assert.equal(made.ice.ufrag, "imkz");
  assert.deepEqual(made.tagged, { medium: "video", mid: "1" });
  // The first line refused, for its codecs.
  const deaf = plan(chromium_offer.replaceAll(/opus|G722|PCM[UA]/g, "theora"));
  assert.match(answer(deaf), /a=group:BUNDLE 1\r\n/);
  // What bundle-only lines do not repeat is the group's.
  assert.deepEqual(roles(gstreamer_offer.replace(/(bundle-only\r\n)a=rtcp-mux\r\n/, "$1")), [
    "camera",
    "microphone",
  ]);
});

/** An offer with the data channel before the media, all of it in one transport. */
const channelFirst = (protocol = "UDP/DTLS/SCTP webrtc-datachannel"): string => {
  const [head = "", audio = "", video = "", channel = ""] = chromium_offer.split("m=");
  return [
    head.replace(/BUNDLE.*/, "BUNDLE 2 0 1"),
    channel.replace("UDP/DTLS/SCTP webrtc-datachannel", protocol),
    audio.replace("audio 9", "audio 0").replace("a=mid:0", "a=bundle-only\r\na=mid:0"),
    video.replace("video 9", "video 0").replace("a=mid:1", "a=bundle-only\r\na=mid:1"),
  ].join("m=");
};

test("a_data_channel_that_carries_the_transport_of_all_is_taken_and_given_no_role", () => {
  const made = plan(channelFirst().replace("a=ice-ufrag:imkz", "a=ice-ufrag:channel"));
  assert.deepEqual(
    made.lines.map(({ role }) => role),
    ["rejected", "microphone+mix", "camera+active_speaker"],
  );
  assert.deepEqual(made.bundle, ["2", "0", "1"]);
  assert.deepEqual(made.tagged, { medium: "application", mid: "2" });
  assert.equal(made.ice.ufrag, "channel");
  const text = answer(made);
  assert.match(text, /a=group:BUNDLE 2 0 1\r\n/);
  const line = section(text, 0);
  assert.match(line, /^application 40000 UDP\/DTLS\/SCTP webrtc-datachannel\r\n/);
  for (const wanted of [
    /a=mid:2\r/,
    /a=ice-ufrag:abcdefgh\r/,
    /a=ice-pwd:0123456789abcdefghijklmn\r/,
    /a=fingerprint:sha-256 00:11\r/,
    /a=setup:passive\r/,
    /a=sctp-port:5000\r/,
    /a=max-message-size:65536/,
    /a=candidate:1 1 udp /,
    /a=candidate:2 1 tcp /,
    /a=end-of-candidates/,
  ]) {
    assert.match(line, wanted);
  }
  assert.doesNotMatch(line, /a=rtcp-mux|a=inactive|a=rtpmap/);
  // The same offer again, as at an ICE restart, is answered the same.
  assert.equal(answer(plan(channelFirst())), answer(plan(channelFirst())));
  // Of the lines before it only those count that are in use.
  const behind = chromium_offer
    .replace(/BUNDLE.*/, "BUNDLE 0 2 1")
    .replace("m=audio 9", "m=audio 0");
  assert.deepEqual(plan(behind).bundle, ["2", "1"]);
});

test("a_data_channel_in_the_form_of_before_rfc_8841_is_taken_in_that_form", () => {
  const line = section(answer(plan(channelFirst("DTLS/SCTP 5001"))), 0);
  assert.match(line, /^application 40000 DTLS\/SCTP 5001\r\n/);
  assert.match(line, /a=sctpmap:5001 webrtc-datachannel 65536/);
  assert.doesNotMatch(line, /a=sctp-port|a=max-message-size/);
});

test("a_data_channel_with_candidates_of_its_own_is_taken_wherever_it_stands", () => {
  // aiortc offers so: each line has a transport until the answer bundles them.
  const candidate = "a=candidate:1 1 udp 2130706431 192.0.2.9 5000 typ host\r\n";
  const made = plan(`${chromium_offer}${candidate}`);
  assert.deepEqual(made.bundle, ["0", "1", "2"]);
  assert.deepEqual(made.tagged, { medium: "audio", mid: "0" });
  assert.equal(made.lines[2]?.role, "rejected");
  assert.match(section(answer(made), 2), /^application 40000 /);
  // Candidates of other lines are not its own, nor is it taken outside of the group.
  const elsewhere = chromium_offer.replace("m=video", `${candidate}m=video`);
  assert.deepEqual(plan(elsewhere).bundle, ["0", "1"]);
  const alone = chromium_offer.replace(/BUNDLE.*/, "BUNDLE 0 1");
  assert.deepEqual(plan(`${alone}${candidate}`).bundle, ["0", "1"]);
});

test("any_other_data_channel_is_refused_by_the_answer", () => {
  // In the middle of the group, of another application, and in no group.
  for (const offer of [
    chromium_offer.replace(/BUNDLE.*/, "BUNDLE 0 2 1"),
    channelFirst("DTLS/SCTP webrtc-datachannel"),
    channelFirst("UDP/DTLS/SCTP webrtc-else"),
    chromium_offer.replace(/a=group:BUNDLE.*/, "a=group:BUNDLE 0 1"),
  ]) {
    const made = plan(offer);
    assert.ok(!made.bundle?.includes("2"), String(made.bundle));
    assert.match(answer(made), /m=application 0 /);
  }
  // Nor is there a conference in which there are data channels alone.
  const [head = "", , , channel = ""] = chromium_offer.split("m=");
  refused(
    `${head.replace(/BUNDLE.*/, "BUNDLE 2")}m=${channel}`,
    422,
    /data channels are not offered/,
  );
});

test("a_line_with_port_0_is_rejected_and_the_rest_joins", () => {
  const off = chromium_offer.replace("m=video 9 ", "m=video 0 ");
  const made = plan(off);
  assert.deepEqual(
    made.lines.map(({ role }) => role),
    ["microphone+mix", "rejected", "rejected"],
  );
  assert.match(section(answer(made), 1), /^video 0 /);
  assert.match(answer(made), /a=group:BUNDLE 0\r\n/);
  const first = plan(chromium_offer.replace("m=audio 9 ", "m=audio 0 "));
  assert.deepEqual(first.bundle, ["1"]);
  // Nothing that stands in such a line is read.
  const [head = "", audio = "", video = ""] = chromium_offer.split("m=");
  const odd = video.replace("video 9 UDP/TLS/RTP/SAVPF 96", "video 0 UDP/TLS/RTP/SAVPF 500 96");
  for (const nonsense of [
    odd.replace("imkz", "a"),
    odd.replace(/sha-256 [0-9A-F:]+/, "sha-256 AA:BB"),
    odd.replace(/a=fingerprint:.*/, "a=fingerprint:"),
    odd.replace("a=mid:1", `a=mid:${"1".repeat(40)}`),
    odd.replace("a=mid:1", "a=mid:"),
    odd.replace("a=extmap:14 ", "a=extmap:0 "),
    odd.replace("a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP8/x"),
    odd.replace("a=setup:actpass", "a=setup:sideways"),
    `${odd}a=ssrc:0 cname:x\r\n`,
  ]) {
    assert.notEqual(nonsense, odd);
    assert.deepEqual(roles([head, audio, nonsense].join("m=")), ["microphone+mix", "rejected"]);
  }
});

test("third_and_later_sending_lines_are_rejected", () => {
  const offer = sdk_offer.replaceAll("a=recvonly", "a=sendrecv");
  assert.deepEqual(roles(offer), [
    "microphone+voice",
    "voice",
    "voice",
    "camera",
    "screen",
    "tile",
    "tile",
  ]);
});

test("each_setup_is_answered_by_its_counterpart", () => {
  const answers: [string, string, AnswerPlan["dtls_roles"]][] = [
    ["actpass", "passive", ["server", "client"]],
    ["active", "passive", ["server"]],
    ["passive", "active", ["client"]],
    ["PASSIVE", "active", ["client"]],
    ["holdconn", "holdconn", ["hold"]],
  ];
  for (const [offered, answered, dtls_roles] of answers) {
    const made = plan(chromium_offer.replaceAll("a=setup:actpass", `a=setup:${offered}`));
    assert.deepEqual(made.dtls_roles, dtls_roles);
    const setups = new Set(answer(made).match(/a=setup:.*/g));
    assert.deepEqual(
      [...setups].map((line) => line.trim()),
      [`a=setup:${answered}`],
    );
  }
  // At the session's level, and not said at all.
  const bare = chromium_offer.replaceAll("a=setup:actpass\r\n", "");
  assert.match(answer(plan(bare)), /a=setup:passive/);
  const above = bare.replace("t=0 0\r\n", "t=0 0\r\na=setup:passive\r\n");
  assert.match(answer(plan(above)), /a=setup:active/);
});

test("an_offer_that_cannot_work_is_refused_with_the_reason", () => {
  refused("", 400, /v=0/);
  refused("hello", 400, /x=value/);
  refused("v=0\r\nm=audio -1 RTP/AVP 0\r\n", 400, /m= needs/);
  refused("v=0\r\nm=audio 99999 RTP/AVP 0\r\n", 400, /65535/);
  refused("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", 422, /no media lines/);
  refused(chromium_offer.replaceAll(/a=ice-(ufrag|pwd).*\r\n/g, ""), 422, /ICE/);
  refused(chromium_offer.replaceAll(/a=fingerprint.*\r\n/g, ""), 422, /fingerprint/);
  refused(chromium_offer.replaceAll("actpass", "sideways"), 422, /a=setup is none of/);
  refused(chromium_offer.replace("t=0 0", "t=0 0\r\na=ice-lite"), 422, /lite/);
  refused(chromium_offer.replaceAll("a=rtcp-mux\r\n", ""), 422, /rtcp-mux/);
  refused(chromium_offer.replaceAll("a=ice-ufrag:imkz", "a=ice-ufrag:a"), 400, /ice-ufrag/);
  refused(chromium_offer.replaceAll("a=mid:1", "a=mid:0"), 400, /same mid/);
  refused(chromium_offer.replaceAll(/sha-256 [0-9A-F:]+/g, "sha-256 AA:BB"), 400, /32 bytes/);
  refused(
    chromium_offer.replaceAll(/sha-256 [0-9A-F:]+/g, `sha-1 ${"AA:".repeat(19)}AA`),
    422,
    /sha-256/,
  );
  refused(obs_offer.replaceAll(/opus|H264/g, "theora"), 422, /no codec in common/);
  refused(pion_offer.replaceAll("recvonly", "inactive"), 422, /inactive/);
  refused(chromium_offer.replace("extmap:2 http", "extmap:1 http"), 400, /extension ids/);
});

test("an_extension_id_with_two_meanings_in_one_bundle_keeps_the_first", () => {
  // aiortc 1.4 has audio level and abs-send-time on the same id.
  const made = plan(aiortc_offer.replace("extmap:3 http", "extmap:2 http"));
  assert.deepEqual(
    [made.extensions.mid, made.extensions.audio_level, made.extensions.abs_send_time],
    [1, 2, null],
  );
  const text = answer(made);
  assert.match(section(text, 0), /a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level/);
  assert.doesNotMatch(section(text, 1), /a=extmap:2 /);
  // One extension under two ids: the first id counts.
  const [audio = "", video = ""] = aiortc_offer.split("m=video");
  const other = plan(`${audio}m=video${video.replace("extmap:1 ", "extmap:7 ")}`);
  assert.equal(other.extensions.mid, 1);
  assert.doesNotMatch(section(answer(other), 1), /sdes:mid/);
});

test("what_a_refusal_says_names_the_lines", () => {
  const problem = refusal(obs_offer.replaceAll(/opus|H264/g, "theora"));
  assert.equal(problem.reason, "OFFER_UNSUPPORTED");
  assert.deepEqual(
    problem.details.map(({ mid }) => mid),
    ["0", "1"],
  );
});

test("bounds_are_refused_by_name", () => {
  const many = `${chromium_offer}${"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n".repeat(64)}`;
  assert.equal(refusal(many).details[0]?.["limit"], "media_lines_max");
  assert.equal(refusal(`${chromium_offer}${"a=mid:1\r\n".repeat(9000)}`).http, 413);
  assert.equal(
    refusal(`v=0\r\n${"a=x\r\n".repeat(60_000)}`).details[0]?.["limit"],
    "sdp_bytes_max",
  );
  refused(`v=0\r\na=${"x".repeat(5000)}\r\n`, 400, /4096/);
});

test("nothing_of_an_offer_reaches_the_answer_unchecked", () => {
  const evil = chromium_offer.replaceAll("a=mid:0", "a=mid:0\u000ba=setup:active");
  assert.equal(refusal(evil).http, 400);
});

test("the_same_offer_and_mint_give_the_same_answer", () => {
  for (const offer of Object.values(offers)) {
    assert.equal(answer(plan(offer)), answer(plan(offer)));
    assert.deepEqual(plan(offer), plan(offer));
  }
});

const judge = (text: string): void => {
  try {
    answer(plan(text));
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    assert.ok(thrown.http >= 400 && thrown.http < 500);
  }
};

test("any_text_is_answered_or_refused_and_never_breaks", () => {
  fc.assert(fc.property(fc.string({ maxLength: 4096 }), judge), { numRuns: 200 });
  const alphabet = fc.constantFrom(..."v=0\r\nm=audiovdecg 19:/;*{}~-".split(""));
  fc.assert(
    fc.property(fc.string({ unit: alphabet, maxLength: 2000 }), (text) => judge(`v=0\r\n${text}`)),
    { numRuns: 300 },
  );
});

test("any_damaged_offer_is_answered_or_refused_and_never_breaks", () => {
  const all = Object.values(offers);
  const damage = fc.array(
    fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.nat(40),
      put: fc.string({ maxLength: 20 }),
    }),
    { minLength: 1, maxLength: 6 },
  );
  fc.assert(
    fc.property(fc.constantFrom(...all), damage, (offer, changes) => {
      let text = offer;
      for (const { at, cut, put } of changes) {
        const from = Math.floor(at * text.length);
        text = text.slice(0, from) + put + text.slice(from + cut);
      }
      judge(text);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.constantFrom(...all), fc.infiniteStream(fc.nat(9)), (offer, stream) => {
      // Lines lost, doubled and moved: each is a valid line in a wrong place.
      const lines = offer.split("\r\n").flatMap((line) => {
        const draw = stream.next().value;
        return draw === 0 ? [] : draw === 1 ? [line, line] : [line];
      });
      judge(lines.join("\r\n"));
    }),
    { numRuns: 300 },
  );
});

test("reading_costs_no_more_than_its_length_whatever_the_text", () => {
  const size = 64 * 1024;
  const fill = (line: string): string =>
    `v=0\r\n${line.repeat(Math.ceil(size / line.length))}`.slice(0, size);
  const bad = [
    fill("a=\r\n"),
    fill("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"),
    fill("a=rid:a send\r\n"),
    fill("a=simulcast:send a;b;c;d;e!\r\n"),
    fill(`a=simulcast:send ${"a;".repeat(2000)}!\r\n`),
    fill(`a=fmtp:96 ${"a=b;".repeat(1000)}\r\n`),
    fill(`a=extmap:1 ${"u".repeat(4000)}\r\n`),
    fill("a=ssrc:1 cname:x\r\n"),
    fill("\n"),
  ];
  for (const text of bad) {
    judge(text);
    // Processor time: how long it takes on a shared machine says nothing about it.
    const before = process.cpuUsage();
    judge(text);
    const { user, system } = process.cpuUsage(before);
    const took_ms = (user + system) / 1000;
    // 5 ms on a quiet machine. The margin is for the compiler and collector beside it; backtracking costs seconds.
    assert.ok(took_ms < 200, `${text.slice(5, 40)} took ${took_ms} ms`);
  }
});

test("candidates_that_cannot_be_used_are_ignored", () => {
  const read = (candidate: string): number =>
    readFragment(`m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=${candidate}\r\n`).candidates
      .length;
  const used = [
    "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
    `candidate:${"f".repeat(32)} 1 UDP 1 192.0.2.1 5000 typ srflx raddr 0.0.0.0 rport 0`,
    "candidate:1 1 udp 1 0a2a5ae8-4e2f-4f2c-8f1f-c2d4f8a30f7a.local 5000 typ host generation 0",
    "candidate:1 1 tcp 1 fe80::1%eth0 9 typ host tcptype active",
  ];
  for (const candidate of used) assert.equal(read(candidate), 1, candidate);
  const ignored = [
    "candidate:",
    "candidate: ",
    "candidate",
    `candidate:${"f".repeat(33)} 1 udp 1 192.0.2.1 5000 typ host`,
    "candidate:host(eth0)-1 1 udp 1 192.0.2.1 5000 typ host",
    "candidate:1 1 sctp 1 192.0.2.1 5000 typ host",
    "candidate:1 1 udp 1 192.0.2.1 5000 typ moon",
    "candidate:1 1 udp 1 192.0.2.1 5000",
    "candidate:1 1 udp -1 192.0.2.1 5000 typ host",
  ];
  for (const candidate of ignored) assert.equal(read(candidate), 0, candidate);
  assert.equal(readFragment("a=candidate:\r\n").end_of_candidates, true);
});

test("fragments_are_read_and_written", () => {
  const fragment = readFragment(
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\na=end-of-candidates\r\n",
  );
  assert.deepEqual(fragment.ice, { ufrag: "abcd", pwd: "0123456789abcdefghijkl" });
  assert.equal(fragment.candidates.length, 1);
  assert.equal(fragment.end_of_candidates, true);
  const written = writeFragment({
    ice: { ufrag: "efgh", pwd: "0123456789abcdefghijkl" },
    candidates,
    medium: "audio",
    mid: "0",
  });
  assert.deepEqual(readFragment(written).ice, { ufrag: "efgh", pwd: "0123456789abcdefghijkl" });
  assert.match(written, /candidate:2 1 tcp 1518280447 192\.0\.2\.1 40000 typ host tcptype passive/);
});

test("a_fragment_names_its_session_by_both_credentials_or_by_the_present_ufrag", () => {
  const present = { ufrag: "abcd", pwd: "0123456789abcdefghijkl" };
  const candidate = "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n";
  const named = readFragment(`a=ice-ufrag:abcd\r\n${candidate}`, present);
  assert.equal(named.ice, null);
  assert.equal(named.candidates.length, 1);
  // A restart needs both: no check could be answered by half of them.
  for (const half of ["a=ice-ufrag:efgh\r\n", `a=ice-pwd:${present.pwd}\r\n`]) {
    assert.throws(
      () => readFragment(half, present),
      (thrown) => thrown instanceof Problem && thrown.reason === "SDP_MALFORMED",
    );
  }
  assert.throws(() => readFragment("a=ice-ufrag:abcd\r\n"), Problem);
});

test("a_fragment_that_is_none_is_refused", () => {
  for (const text of ["hello", "a=ice-ufrag:ab\r\n", `a=${"x".repeat(5000)}`]) {
    assert.throws(() => readFragment(text), Problem, text.slice(0, 20));
  }
  fc.assert(
    fc.property(fc.string({ maxLength: 500 }), (text) => {
      try {
        readFragment(text);
      } catch (thrown) {
        assert.ok(thrown instanceof Problem);
      }
    }),
  );
});
