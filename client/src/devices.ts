// Microphones, cameras and speakers: listed, chosen, remembered, opened.
import { type KeptStorage, openBrowserStore } from "./browser-store.ts";
import { createEmitter, type Emitter, type Notices } from "./emitter.ts";
import { Problem, problemFromDevice } from "./problem.ts";
import { createLevelMeter, playTestSound } from "./sound.ts";

/** One device. */
export interface Device {
  readonly device_id: string;
  /** "" until the user has allowed a device of this kind. */
  readonly label: string;
}

/** State of one kind of device. */
export interface DeviceKindView {
  readonly list: readonly Device[];
  /** The chosen one; null = the system's default. */
  readonly device_id: string | null;
  /** `prompt`: the user will be asked; `unknown`: this browser does not tell. */
  readonly permission: "granted" | "denied" | "prompt" | "unknown";
}

/** State of an opened microphone or camera. */
export interface OpenDeviceView {
  readonly state: "closed" | "opening" | "open" | "failed";
  readonly problem: Problem | null;
  /** Set when `open`: for a preview or a level meter. */
  readonly media: MediaStream | null;
}

/** Everything about devices. Replaced, never changed. */
export interface DevicesView {
  readonly microphones: DeviceKindView;
  readonly cameras: DeviceKindView;
  readonly speakers: DeviceKindView;
  /** The browser can play on a speaker of choice. */
  readonly can_choose_speaker: boolean;
  readonly can_share_screen: boolean;
  readonly microphone: OpenDeviceView;
  readonly camera: OpenDeviceView;
}

/** What devices tell. */
export interface DevicesNotices {
  change: DevicesView;
  /** An open device was lost (pulled out, permission withdrawn). */
  lost: { readonly kind: "microphone" | "camera"; readonly problem: Problem };
  /** The list of devices could not be read. */
  failed: Problem;
  /** A device was plugged in. */
  appeared: { readonly kind: "microphone" | "camera" | "speaker"; readonly device: Device };
}

/** Options of {@link openDevices}. */
export interface DevicesOptions {
  /** Where choices are remembered (by device id) under keys that start with "parley."; null: nowhere. Default: localStorage, where the browser gives it. */
  readonly storage?: KeptStorage | null;
  /** The camera's wish. Default 1280 × 720 at 30 frames a second. */
  readonly camera_size?: {
    readonly width: number;
    readonly height: number;
    readonly frames_per_second: number;
  };
}

/** The devices of this browser, before and during a conference. */
export interface Devices extends Notices<DevicesNotices> {
  readonly view: DevicesView;
  /** Opens the chosen microphone (asks the user where needed); falls back to the default when the remembered one is gone. Errors: DEVICE_…, PAGE_INSECURE. */
  openMicrophone(): Promise<MediaStreamTrack>;
  /** Opens the chosen camera. Errors as {@link openMicrophone}. */
  openCamera(): Promise<MediaStreamTrack>;
  closeMicrophone(): void;
  closeCamera(): void;
  /** Chooses and remembers; an open device is replaced at once, also in the conference. null = the default. Errors: DEVICE_…. */
  chooseMicrophone(device_id: string | null): Promise<void>;
  chooseCamera(device_id: string | null): Promise<void>;
  chooseSpeaker(device_id: string | null): Promise<void>;
  /** Loudness 0..1 of the open microphone now, also while muted; 0 when closed. Cheap enough for each animation frame. */
  microphoneLevel(): number;
  /** Plays a short sound on the chosen speaker. */
  testSpeaker(): Promise<void>;
  /** Closes everything. */
  close(): void;
}

const no_device: OpenDeviceView = { state: "closed", problem: null, media: null };
const no_kind: DeviceKindView = { list: [], device_id: null, permission: "unknown" };

type Kind = "microphone" | "camera";

/** Looks at the devices of this browser without opening any. Where there is no access to devices at all (an insecure page), lists are empty and opening fails. */
export async function openDevices(options: DevicesOptions = {}): Promise<Devices> {
  const media_devices = navigator.mediaDevices as Partial<MediaDevices> | null | undefined;
  const memory = openBrowserStore(options.storage);
  const emitter = createEmitter<DevicesNotices>();
  const level = createLevelMeter();
  const running: Record<Kind, { opening: Promise<MediaStreamTrack> | null; turn: number }> = {
    microphone: { opening: null, turn: 0 },
    camera: { opening: null, turn: 0 },
  };
  let is_closed = false;
  let view: DevicesView = {
    microphones: { ...no_kind, device_id: memory.read("microphone") },
    cameras: { ...no_kind, device_id: memory.read("camera") },
    speakers: { ...no_kind, device_id: memory.read("speaker"), permission: "granted" },
    can_choose_speaker: "setSinkId" in HTMLMediaElement.prototype,
    can_share_screen: typeof media_devices?.getDisplayMedia === "function",
    microphone: no_device,
    camera: no_device,
  };

  const change = (part: Partial<DevicesView>): void => {
    view = { ...view, ...part };
    emitter.emit("change", view);
  };
  const setOpen = (kind: Kind, open: OpenDeviceView): void =>
    change(kind === "microphone" ? { microphone: open } : { camera: open });

  const refresh = async (): Promise<void> => {
    // A frame may have the object and none of its methods.
    if (!media_devices?.enumerateDevices) return;
    const found = await media_devices.enumerateDevices();
    const [microphone, camera] = await Promise.all([
      readPermission("microphone"),
      readPermission("camera"),
    ]);
    if (is_closed) return;
    const before = view;
    const list = (kind: MediaDeviceKind): Device[] =>
      found
        // "default" and "communications" repeat a device that is in the list anyway.
        .filter(
          (device) => device.kind === kind && !/^(default|communications|)$/.test(device.deviceId),
        )
        .map((device) => ({ device_id: device.deviceId, label: device.label }));
    change({
      microphones: { ...view.microphones, list: list("audioinput"), permission: microphone },
      cameras: { ...view.cameras, list: list("videoinput"), permission: camera },
      speakers: { ...view.speakers, list: list("audiooutput") },
    });
    tellAppeared(before, view, emitter);
  };
  // A list that cannot be read (a frame without permission) keeps nobody from opening a device or from going without.
  const refreshOrTell = (): Promise<void> =>
    refresh().catch((thrown: unknown) =>
      emitter.emit("failed", problemFromDevice(thrown, "camera")),
    );
  const onDeviceChange = (): void => void refreshOrTell();

  const stop = (kind: Kind): void => {
    const open = kind === "microphone" ? view.microphone : view.camera;
    for (const track of open.media?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    if (kind === "microphone") level.listen(null);
  };

  const capture = async (kind: Kind): Promise<MediaStream> => {
    if (!media_devices?.getUserMedia) {
      throw globalThis.isSecureContext
        ? new Problem("BROWSER_UNSUPPORTED", "This browser gives no access to devices")
        : new Problem("PAGE_INSECURE", "Devices need https:// or localhost");
    }
    const chosen = (kind === "microphone" ? view.microphones : view.cameras).device_id;
    const ask = async (device_id: string | null): Promise<MediaStream> => {
      const media = await media_devices.getUserMedia?.(constraintsFor(kind, device_id, options));
      if (!media)
        throw new Problem("BROWSER_UNSUPPORTED", "This browser gives no access to devices");
      return media;
    };
    try {
      return await ask(chosen);
    } catch (thrown) {
      const problem = problemFromDevice(thrown, kind);
      // A remembered device that is not there today must not keep anybody out; the choice stays remembered.
      if (chosen !== null && problem.reason === "DEVICE_NOT_FOUND") return await ask(null);
      throw thrown;
    }
  };

  const open = async (kind: Kind): Promise<MediaStreamTrack> => {
    const run = running[kind];
    run.turn += 1;
    const turn = run.turn;
    const old = kind === "microphone" ? view.microphone : view.camera;
    setOpen(kind, { state: old.media ? "open" : "opening", problem: null, media: old.media });
    let media: MediaStream;
    try {
      media = await capture(kind);
    } catch (thrown) {
      const problem = problemFromDevice(thrown, kind);
      if (turn === run.turn) {
        stop(kind);
        setOpen(kind, { state: "failed", problem, media: null });
      }
      throw problem;
    }
    const track = media.getTracks()[0];
    if (turn !== run.turn || !track || is_closed) {
      for (const late of media.getTracks()) late.stop();
      throw new Problem("DEVICE_LOST", `The ${kind} was closed while it was opening`);
    }
    stop(kind);
    track.onended = () => {
      const problem = new Problem("DEVICE_LOST", `The ${kind} is gone`, {
        details: [{ device: kind }],
      });
      if (kind === "microphone") level.listen(null);
      setOpen(kind, { state: "failed", problem, media: null });
      emitter.emit("lost", { kind, problem });
    };
    if (kind === "microphone") level.listen(media);
    setOpen(kind, { state: "open", problem: null, media });
    // Labels and permissions are known only now.
    await refreshOrTell();
    return track;
  };

  const openOnce = (kind: Kind): Promise<MediaStreamTrack> => {
    const run = running[kind];
    const now = kind === "microphone" ? view.microphone : view.camera;
    const track = now.media?.getTracks()[0];
    if (track && track.readyState === "live") return Promise.resolve(track);
    if (run.opening) return run.opening;
    const opening = open(kind).finally(() => {
      if (run.opening === opening) run.opening = null;
    });
    run.opening = opening;
    return opening;
  };

  const close = (kind: Kind): void => {
    running[kind].turn += 1;
    running[kind].opening = null;
    stop(kind);
    setOpen(kind, no_device);
  };

  const choose = async (kind: Kind, device_id: string | null): Promise<void> => {
    memory.write(kind, device_id);
    change(
      kind === "microphone"
        ? { microphones: { ...view.microphones, device_id } }
        : { cameras: { ...view.cameras, device_id } },
    );
    const now = kind === "microphone" ? view.microphone : view.camera;
    if (now.state === "open" || now.state === "opening") await open(kind);
  };

  media_devices?.addEventListener?.("devicechange", onDeviceChange);
  await refreshOrTell();
  return {
    on: emitter.on,
    get view() {
      return view;
    },
    openMicrophone: () => openOnce("microphone"),
    openCamera: () => openOnce("camera"),
    closeMicrophone: () => close("microphone"),
    closeCamera: () => close("camera"),
    chooseMicrophone: (device_id) => choose("microphone", device_id),
    chooseCamera: (device_id) => choose("camera", device_id),
    async chooseSpeaker(device_id) {
      memory.write("speaker", device_id);
      change({ speakers: { ...view.speakers, device_id } });
    },
    microphoneLevel: () => level.read(),
    testSpeaker: () => playTestSound(view.speakers.device_id),
    close() {
      close("microphone");
      close("camera");
      is_closed = true;
      level.close();
      media_devices?.removeEventListener?.("devicechange", onDeviceChange);
    },
  };
}

function constraintsFor(
  kind: Kind,
  device_id: string | null,
  options: DevicesOptions,
): MediaStreamConstraints {
  const which = device_id === null ? {} : { deviceId: { exact: device_id } };
  if (kind === "microphone") {
    return {
      audio: {
        ...which,
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
        channelCount: { ideal: 1 },
      },
    };
  }
  const size = options.camera_size ?? { width: 1280, height: 720, frames_per_second: 30 };
  return {
    video: {
      ...which,
      width: { ideal: size.width },
      height: { ideal: size.height },
      frameRate: { ideal: size.frames_per_second },
    },
  };
}

async function readPermission(name: Kind): Promise<DeviceKindView["permission"]> {
  try {
    return (await navigator.permissions.query({ name: name as PermissionName })).state;
  } catch {
    // Not every browser can be asked about devices; that is an answer too.
    return "unknown";
  }
}

function tellAppeared(
  before: DevicesView,
  now: DevicesView,
  emitter: Emitter<DevicesNotices>,
): void {
  const kinds = [
    ["microphone", before.microphones, now.microphones],
    ["camera", before.cameras, now.cameras],
    ["speaker", before.speakers, now.speakers],
  ] as const;
  for (const [kind, old, fresh] of kinds) {
    // An empty list was not a list: before permission nothing has an id.
    if (old.list.length === 0) continue;
    const known = new Set(old.list.map(({ device_id }) => device_id));
    for (const device of fresh.list) {
      if (!known.has(device.device_id)) emitter.emit("appeared", { kind, device });
    }
  }
}
