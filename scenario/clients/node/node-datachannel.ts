// node-datachannel (libdatachannel) as a far end: started with node/program.ts's settings and {is_tcp, with_data_channel, is_player}.
import datachannel from "node-datachannel";
import {
  createSenses,
  obey,
  payload_types,
  postOffer,
  type Settings,
  say,
  sendMedia,
  settings,
  ssrcs,
} from "./program.ts";

const given = settings<
  Settings & { is_tcp: boolean; with_data_channel: boolean; is_player?: boolean }
>();
const direction = given.is_player ? "RecvOnly" : "SendRecv";
const connection = new datachannel.PeerConnection("far end", {
  iceServers: [],
  disableAutoNegotiation: true,
  enableIceTcp: given.is_tcp,
});
connection.onStateChange((state) => say("state", { state }));
const perceive = createSenses(given);
if (given.with_data_channel) connection.createDataChannel("data");
const audio = new datachannel.Audio("audio", direction);
audio.addOpusCodec(payload_types.audio);
if (!given.is_player) audio.addSSRC(ssrcs.audio, "far end");
const video = new datachannel.Video("video", direction);
video.addVP8Codec(payload_types.video);
if (!given.is_player) video.addSSRC(ssrcs.video, "far end");
const tracks = { audio: connection.addTrack(audio), video: connection.addTrack(video) };
for (const kind of ["audio", "video"] as const) {
  tracks[kind].onMessage((packet) => perceive(kind, packet));
}
const gathered = new Promise<void>((done) =>
  connection.onGatheringStateChange((state) => {
    if (state === "complete") done();
  }),
);
connection.setLocalDescription("offer");
await gathered;
const { answer, where } = await postOffer(given, connection.localDescription()?.sdp ?? "");
// One that may use UDP would.
const usable = given.is_tcp ? answer.replace(/^a=candidate:\S+ \d UDP .*\r\n/gim, "") : answer;
connection.setRemoteDescription(usable, "answer");
if (!given.is_player) {
  sendMedia(given, (kind, packet) => {
    if (tracks[kind].isOpen()) tracks[kind].sendMessageBinary(packet);
  });
}
obey(given, where, () => {
  connection.close();
  datachannel.cleanup();
});
