// werift (WebRTC in TypeScript) as a far end: started with node/program.ts's settings and {bundle, with_data_channel}.
import {
  useOPUS as codecOpus,
  useVP8 as codecVp8,
  MediaStreamTrack,
  RTCPeerConnection,
} from "werift";
import {
  createSenses,
  obey,
  postOffer,
  type Settings,
  say,
  sendMedia,
  settings,
} from "./program.ts";

const given = settings<
  Settings & { bundle: "max-compat" | "max-bundle"; with_data_channel: boolean }
>();
const connection = new RTCPeerConnection({
  iceServers: [],
  bundlePolicy: given.bundle,
  codecs: { audio: [codecOpus()], video: [codecVp8()] },
});
connection.connectionStateChange.subscribe((state) => say("state", { state }));
if (given.with_data_channel) connection.createDataChannel("data");
const tracks = {
  audio: new MediaStreamTrack({ kind: "audio" }),
  video: new MediaStreamTrack({ kind: "video" }),
};
const perceive = createSenses(given);
for (const track of [tracks.audio, tracks.video]) {
  connection.addTransceiver(track, { direction: "sendrecv" });
}
connection.onTrack.subscribe((track) => {
  track.onReceiveRtp.subscribe((packet) =>
    perceive(track.kind === "audio" ? "audio" : "video", packet.serialize()),
  );
});
await connection.setLocalDescription(await connection.createOffer());
const { answer, where } = await postOffer(given, connection.localDescription?.sdp ?? "");
await connection.setRemoteDescription({ type: "answer", sdp: answer });
// It puts its own SSRC and payload type into what is written.
sendMedia(given, (kind, packet) => tracks[kind].writeRtp(packet));
obey(given, where, () => connection.close());
