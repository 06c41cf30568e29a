// One RTCPeerConnection with the lines of our offer. The same lines in the same order each time, so that a line keeps its mid over a new connection.
import { slimCodecs } from "./codecs.ts";
import { type Encoding, planCameraEncodings } from "./encodings.ts";
import { renewAnswer, writeRestartFragment } from "./ice-fragment.ts";
import type { StatsEntry, StatsSample } from "./quality.ts";
import type { SentLine } from "./rest.ts";

/** What the lines are. */
export interface LinePlan {
  /** Voice lines, the microphone's own included: 1 in `mix` mode. */
  readonly voice_count: number;
  readonly tile_count: number;
}

/** The three lines that send. */
export type SendingLine = "microphone" | "camera" | "screen";

/** One connection. */
export interface MediaConnection {
  /** Makes and sets an offer; `restart`: with new ICE credentials. */
  offer(restart: boolean): Promise<string>;
  /** Sets the server's answer to the last offer. */
  answer(sdp: string): Promise<void>;
  /** The fragment of the last offer, for an ICE restart by PATCH. */
  restartFragment(): string;
  /** Sets the server's fragment as the answer to the last offer. */
  answerFragment(fragment: string): Promise<void>;
  /** What a line sends; null: nothing. */
  send(line: SendingLine, track: MediaStreamTrack | null): Promise<void>;
  /** Fits the camera's layers to its size. */
  encodeCamera(width: number, height: number): Promise<readonly Encoding[]>;
  /** Sends a picture in the first of these codecs (`vp8`, `h264`) that was negotiated, where the browser can change it. */
  sendIn(line: Exclude<SendingLine, "microphone">, codecs: readonly string[]): Promise<void>;
  /** Mids of the video lines that receive, in order. */
  tileMids(): string[];
  voiceMids(): string[];
  tileTrack(line: number): MediaStreamTrack;
  voiceTrack(line: number): MediaStreamTrack;
  /** SSRCs of what is sent, for a resume on this connection. */
  sentLines(): Promise<SentLine[]>;
  sample(at_ms: number): Promise<StatsSample>;
  close(): void;
}

/** Screens are text more often than films: one layer, sharp, few pictures. */
const screen_encoding: RTCRtpEncodingParameters = {
  maxBitrate: 2_500_000,
  maxFramerate: 15,
};

/** Opens a connection. `changed` is told each state of the whole connection and of ICE. */
export function openMediaConnection(
  plan: LinePlan,
  ice: Pick<RTCConfiguration, "iceServers" | "iceTransportPolicy">,
  changed: (state: RTCPeerConnectionState, ice_state: RTCIceConnectionState) => void,
): MediaConnection {
  const pc = new RTCPeerConnection({ ...ice, bundlePolicy: "max-bundle" });
  const lines = addLines(pc, plan);
  let last_answer = "";
  const tell = (): void => changed(pc.connectionState, pc.iceConnectionState);
  pc.addEventListener("connectionstatechange", tell);
  pc.addEventListener("iceconnectionstatechange", tell);
  const at = (list: readonly RTCRtpTransceiver[], line: number): MediaStreamTrack => {
    const found = list[line];
    if (!found) throw new RangeError(`no line ${line}`);
    return found.receiver.track;
  };
  const mids = (list: readonly RTCRtpTransceiver[]): string[] => list.map(({ mid }) => mid ?? "");

  return {
    async offer(restart) {
      // A half-done exchange of an earlier try is taken back; the lines stay.
      if (pc.signalingState === "have-local-offer") {
        await pc.setLocalDescription({ type: "rollback" });
      }
      await pc.setLocalDescription(await pc.createOffer(restart ? { iceRestart: true } : {}));
      return pc.localDescription?.sdp ?? "";
    },
    async answer(sdp) {
      await pc.setRemoteDescription({ type: "answer", sdp });
      last_answer = sdp;
    },
    restartFragment: () => writeRestartFragment(pc.localDescription?.sdp ?? ""),
    async answerFragment(fragment) {
      const sdp = renewAnswer(last_answer, fragment);
      await pc.setRemoteDescription({ type: "answer", sdp });
      last_answer = sdp;
    },
    send: (line, track) => lines[line].sender.replaceTrack(track),
    async encodeCamera(width, height) {
      const encodings = planCameraEncodings(width, height);
      const { sender } = lines.camera;
      const parameters = sender.getParameters();
      // A browser without simulcast keeps one nameless layer.
      for (const [index, layer] of parameters.encodings.entries()) {
        const wanted = encodings.find((encoding) => encoding.rid === layer.rid) ?? encodings[index];
        if (!wanted) continue;
        layer.active = wanted.active;
        layer.scaleResolutionDownBy = wanted.scaleResolutionDownBy;
        layer.maxBitrate = wanted.maxBitrate;
      }
      if (parameters.encodings.length > 0) await sender.setParameters(parameters);
      return encodings;
    },
    async sendIn(line, codecs) {
      const { sender } = lines[line];
      const parameters = sender.getParameters();
      const found = codecs.flatMap((name) => {
        const mime = `video/${name}`;
        return parameters.codecs.find(({ mimeType }) => mimeType.toLowerCase() === mime) ?? [];
      });
      if (!found[0] || parameters.encodings.length === 0) return;
      // Not in every browser's types yet; one that does not know it goes on as before.
      for (const layer of parameters.encodings as { codec?: object }[]) layer.codec = found[0];
      await sender.setParameters(parameters);
    },
    tileMids: () => mids(lines.tiles),
    voiceMids: () => mids(lines.voices),
    tileTrack: (line) => at(lines.tiles, line),
    voiceTrack: (line) => at(lines.voices, line),
    sentLines: async () => readSentLines((await readSample(pc, 0)).entries),
    sample: (at_ms) => readSample(pc, at_ms),
    close: () => pc.close(),
  };
}

interface Lines extends Readonly<Record<SendingLine, RTCRtpTransceiver>> {
  readonly voices: readonly RTCRtpTransceiver[];
  readonly tiles: readonly RTCRtpTransceiver[];
}

function addLines(pc: RTCPeerConnection, plan: LinePlan): Lines {
  const slim = (transceiver: RTCRtpTransceiver, kind: "audio" | "video"): RTCRtpTransceiver => {
    const takes = transceiver.direction === "recvonly";
    const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
    // Firefox before 128 cannot choose codecs; its offer is then merely longer.
    if ("setCodecPreferences" in transceiver) {
      transceiver.setCodecPreferences(slimCodecs(kind, codecs, takes));
    }
    return transceiver;
  };
  const microphone = slim(pc.addTransceiver("audio", { direction: "sendrecv" }), "audio");
  const voices = [microphone];
  while (voices.length < plan.voice_count) {
    voices.push(slim(pc.addTransceiver("audio", { direction: "recvonly" }), "audio"));
  }
  const sendEncodings = planCameraEncodings(1280, 720).map((encoding) => ({ ...encoding }));
  const camera = slim(
    pc.addTransceiver("video", { direction: "sendonly", sendEncodings }),
    "video",
  );
  // Offered from the start: an inactive line could not begin later without another offer.
  const screen = slim(
    pc.addTransceiver("video", { direction: "sendonly", sendEncodings: [screen_encoding] }),
    "video",
  );
  const tiles = Array.from({ length: plan.tile_count }, () =>
    slim(pc.addTransceiver("video", { direction: "recvonly" }), "video"),
  );
  return { microphone, camera, screen, voices, tiles };
}

async function readSample(pc: RTCPeerConnection, at_ms: number): Promise<StatsSample> {
  const entries: StatsEntry[] = [];
  for (const entry of (await pc.getStats()).values()) entries.push(entry as StatsEntry);
  return { at_ms, entries };
}

/** SSRCs with their mids and rids, from a stats report. */
export function readSentLines(entries: readonly StatsEntry[]): SentLine[] {
  const lines: SentLine[] = [];
  for (const entry of entries) {
    const { mid, ssrc, rid, rtxSsrc } = entry as StatsEntry & Record<string, unknown>;
    if (entry.type !== "outbound-rtp" || typeof mid !== "string" || typeof ssrc !== "number") {
      continue;
    }
    lines.push({
      mid,
      ssrc,
      ...(typeof rid === "string" && rid !== "" ? { rid } : {}),
      ...(typeof rtxSsrc === "number" ? { rtx_ssrc: rtxSsrc } : {}),
    });
  }
  return lines;
}
