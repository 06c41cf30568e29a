// What this browser sends: microphone, camera and screen, each with its state, and what the server is told about them.
import type { Devices } from "./devices.ts";
import { type Encoding, liveRids } from "./encodings.ts";
import type { MediaConnection, SendingLine } from "./media-connection.ts";
import { Problem, problemFromDevice } from "./problem.ts";
import type { OwnSource } from "./view.ts";

/** The three sources. */
export type OwnSources = Readonly<Record<SendingLine, OwnSource>>;

/** Fields of the `publish` command. */
export interface Publication {
  readonly microphone: boolean;
  readonly camera: boolean;
  readonly screen: boolean;
  readonly rids: { readonly camera: readonly string[] };
}

/** The sending half of a joined conference. */
export interface Own {
  readonly sources: OwnSources;
  /** What to tell the server now. */
  publication(): Publication;
  setMicrophone(is_live: boolean): Promise<void>;
  setCamera(is_live: boolean): Promise<void>;
  setScreen(is_live: boolean): Promise<void>;
  /** A host muted us: the same as switching it off, without telling the server what it knows. */
  silence(): void;
  /** Sends over this connection from now on. */
  attach(connection: MediaConnection): Promise<void>;
  close(): void;
}

/** Ports of {@link createOwn}. */
export interface OwnPorts {
  readonly devices: Devices;
  readonly changed: (sources: OwnSources) => void;
  readonly publish: (publication: Publication) => Promise<void>;
  readonly failed: (problem: Problem) => void;
}

const off: OwnSource = { state: "off", problem: null, media: null };

/** Makes the sending half. Nothing is sent until {@link Own.attach}. */
export function createOwn(ports: OwnPorts): Own {
  const { devices } = ports;
  let sources: OwnSources = { microphone: off, camera: off, screen: off };
  let connection: MediaConnection | null = null;
  let encodings: readonly Encoding[] = [];
  let is_closed = false;
  // A switch that was overtaken by a later one must not come into force after it.
  const turns: Record<SendingLine, number> = { microphone: 0, camera: 0, screen: 0 };

  const set = (line: SendingLine, source: OwnSource): void => {
    sources = { ...sources, [line]: source };
    ports.changed(sources);
  };
  const trackOf = (line: SendingLine): MediaStreamTrack | null =>
    sources[line].media?.getTracks()[0] ?? null;

  const sendCamera = async (track: MediaStreamTrack): Promise<void> => {
    track.contentHint = "motion";
    const { width = 1280, height = 720 } = track.getSettings();
    await connection?.send("camera", track);
    encodings = (await connection?.encodeCamera(width, height)) ?? encodings;
  };
  const publication = (): Publication => ({
    microphone: sources.microphone.state === "live",
    camera: sources.camera.state === "live",
    screen: sources.screen.state === "live",
    rids: { camera: sources.camera.state === "live" ? liveRids(encodings) : [] },
  });
  const publish = (): Promise<void> => ports.publish(publication());

  const open = async (
    line: SendingLine,
    capture: () => Promise<MediaStreamTrack>,
    send: (track: MediaStreamTrack) => Promise<void>,
  ): Promise<void> => {
    turns[line] += 1;
    const turn = turns[line];
    set(line, { state: "starting", problem: null, media: null });
    let track: MediaStreamTrack;
    try {
      track = await capture();
    } catch (thrown) {
      const problem = problemFromDevice(thrown, line);
      if (turn === turns[line]) {
        // A chooser that was closed is no failure to show.
        set(
          line,
          problem.reason === "SCREEN_CANCELLED" ? off : { state: "failed", problem, media: null },
        );
      }
      throw problem;
    }
    if (turn !== turns[line] || is_closed) {
      if (line === "screen") track.stop();
      return;
    }
    track.enabled = true;
    await send(track);
    if (turn !== turns[line]) return;
    set(line, { state: "live", problem: null, media: new MediaStream([track]) });
    await publish();
  };

  const close = async (line: "camera" | "screen"): Promise<void> => {
    turns[line] += 1;
    const track = trackOf(line);
    set(line, off);
    // Not `enabled = false`: that would send black pictures at full rate.
    await connection?.send(line, null);
    if (line === "camera") devices.closeCamera();
    else track?.stop();
    await publish();
  };

  const muteTrack = (): void => {
    turns.microphone += 1;
    // Not replaceTrack(null): listeners would hear half a second of fading concealment.
    const track = devices.view.microphone.media?.getTracks()[0];
    if (track) track.enabled = false;
    set("microphone", off);
  };

  const captureScreen = async (): Promise<MediaStreamTrack> => {
    if (!devices.view.can_share_screen) {
      throw new Problem("BROWSER_UNSUPPORTED", "This browser cannot share a screen");
    }
    const media = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 15, max: 30 } },
      audio: false,
    });
    const track = media.getVideoTracks()[0];
    if (!track) throw new Problem("DEVICE_NOT_FOUND", "The screen gives no picture");
    track.contentHint = "detail";
    // The browser's own "stop sharing" button.
    track.onended = () => {
      if (trackOf("screen") === track) close("screen").catch(report);
    };
    return track;
  };
  const report = (thrown: unknown): void =>
    ports.failed(
      thrown instanceof Problem
        ? thrown
        : new Problem("DEVICE_BUSY", "A device could not be switched", { cause: thrown }),
    );

  /** Follows the devices: another one chosen, or one lost. */
  const follow = async (line: "microphone" | "camera"): Promise<void> => {
    const track = devices.view[line].media?.getTracks()[0];
    if (!track || is_closed) return;
    if (line === "microphone") {
      track.enabled = sources.microphone.state === "live";
      await connection?.send("microphone", track);
      if (sources.microphone.state !== "live") return;
    } else {
      if (sources.camera.state !== "live") return;
      await sendCamera(track);
    }
    set(line, { state: "live", problem: null, media: new MediaStream([track]) });
    if (line === "camera") await publish();
  };
  const last: Record<"microphone" | "camera", MediaStream | null> = {
    microphone: devices.view.microphone.media,
    camera: devices.view.camera.media,
  };
  const stopFollowing = [
    devices.on("change", (view) => {
      for (const line of ["microphone", "camera"] as const) {
        if (view[line].media === last[line]) continue;
        last[line] = view[line].media;
        if (sources[line].state !== "starting") follow(line).catch(report);
      }
    }),
    devices.on("lost", ({ kind, problem }) => {
      if (sources[kind].state !== "live") return;
      turns[kind] += 1;
      set(kind, { state: "failed", problem, media: null });
      publish().catch(report);
      ports.failed(problem);
    }),
  ];

  return {
    get sources() {
      return sources;
    },
    publication,
    async setMicrophone(is_live) {
      if (!is_live) {
        muteTrack();
        await publish();
        return;
      }
      await open(
        "microphone",
        () => devices.openMicrophone(),
        async (track) => await connection?.send("microphone", track),
      );
    },
    setCamera: (is_live) =>
      is_live ? open("camera", () => devices.openCamera(), sendCamera) : close("camera"),
    setScreen: (is_live) =>
      is_live
        ? open("screen", captureScreen, async (track) => await connection?.send("screen", track))
        : close("screen"),
    silence: muteTrack,
    async attach(attached) {
      connection = attached;
      const microphone = devices.view.microphone.media?.getTracks()[0];
      if (microphone) {
        microphone.enabled = sources.microphone.state === "live";
        await attached.send("microphone", microphone);
      }
      const camera = trackOf("camera");
      if (camera) await sendCamera(camera);
      const screen = trackOf("screen");
      if (screen) await attached.send("screen", screen);
    },
    close() {
      is_closed = true;
      for (const stop of stopFollowing) stop();
      trackOf("screen")?.stop();
    },
  };
}
