// Microphones, cameras and speakers: listed, chosen, remembered, opened.
import type { Notices } from "./emitter.ts";
import type { Problem } from "./problem.ts";

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
  /** A device was plugged in. */
  appeared: { readonly kind: "microphone" | "camera" | "speaker"; readonly device: Device };
}

/** Options of {@link openDevices}. */
export interface DevicesOptions {
  /** Where choices are remembered (by device id) under keys that start with "parley."; null: nowhere. Default: localStorage. */
  readonly storage?: Pick<Storage, "getItem" | "setItem" | "removeItem"> | null;
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
