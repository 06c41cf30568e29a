// Real Chromium with people in it: each has a tone and a moving picture of their own, and probes that tell what
// they hear (by frequency) and see (by colour). The page under test is not changed; only its devices are.
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

/** Where Chromium is; null when there is none. */
export const chromium_path =
  [
    process.env["CHROMIUM"],
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
  ].find((path) => path !== undefined && existsSync(path)) ?? null;

/** Options for tests that need Chromium: skipped by name without it, failed with CI=true. */
export const needs_chromium = {
  skip:
    chromium_path === null && process.env["CI"] !== "true"
      ? "chromium is not installed: tools/setup-system installs it"
      : false,
} as const;

/** A browser in an unusual place. */
export interface Surroundings {
  /** What is started instead of Chromium, with Chromium's arguments. */
  readonly executable?: (chromium_path: string) => string;
  /** A page without TLS that may open devices all the same. */
  readonly secure_origin?: string;
}

/** Starts a browser with a fresh profile. */
export function launchChromium({ executable, secure_origin }: Surroundings = {}): Promise<Browser> {
  if (chromium_path === null)
    throw new Error("chromium is not installed: tools/setup-system installs it");
  return chromium.launch({
    executablePath: executable?.(chromium_path) ?? chromium_path,
    headless: true,
    args: [
      ...(secure_origin ? [`--unsafely-treat-insecure-origin-as-secure=${secure_origin}`] : []),
      "--no-sandbox",
      "--disable-gpu",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      "--allow-loopback-in-peer-connection",
      "--autoplay-policy=no-user-gesture-required",
      "--disable-features=WebRtcHideLocalIpsWithMdns",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-quic",
      "--no-first-run",
      "--mute-audio",
      "--disable-backgrounding-occluded-windows",
      "--disable-renderer-backgrounding",
    ],
  });
}

/** What somebody sounds and looks like. */
export interface Persona {
  readonly name: string;
  /** Tone of the microphone, Hz. */
  readonly tone_hz: number;
  /** Colour of the camera's picture. */
  readonly color: "red" | "lime" | "blue" | "yellow" | "magenta" | "cyan";
}

/** Opens a page of its own (own storage) for one person; every device it asks for is the persona's. */
export async function personPage(browser: Browser, persona: Persona): Promise<Page> {
  const context = await browser.newContext({
    permissions: ["camera", "microphone"],
    viewport: { width: 1280, height: 800 },
    locale: "en-US",
  });
  const page = await context.newPage();
  await page.addInitScript(installDevices, persona);
  return page;
}

/** Runs inside a page before its own code: devices and probes of one person. */
export function installDevices(persona: Persona): void {
  interface Probes {
    heard(): Record<number, number>;
    tracks: MediaStreamTrack[];
    connections: RTCPeerConnection[];
    seen(): { label: string; color: string; width: number; frames: number }[];
    micOff(off: boolean): void;
  }
  const probes = { tracks: [], connections: [] } as unknown as Probes;
  (window as unknown as { probes: Probes }).probes = probes;

  let context: AudioContext | undefined;
  const audio = (): AudioContext => {
    context ??= new AudioContext({ sampleRate: 48000 });
    void context.resume();
    return context;
  };
  const microphone = (): MediaStreamTrack => {
    const oscillator = audio().createOscillator();
    const gain = audio().createGain();
    const out = audio().createMediaStreamDestination();
    oscillator.frequency.value = persona.tone_hz;
    gain.gain.value = 0.25;
    oscillator.connect(gain).connect(out);
    oscillator.start();
    return out.stream.getAudioTracks()[0] as MediaStreamTrack;
  };
  const camera = (width: number, height: number, color: string): MediaStreamTrack => {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const paint = canvas.getContext("2d") as CanvasRenderingContext2D;
    let frame = 0;
    const draw = (): void => {
      paint.fillStyle = color;
      paint.fillRect(0, 0, width, height);
      paint.fillStyle = "black";
      for (let dot = 0; dot < 10; dot += 1) {
        paint.fillRect((frame * 7 + dot * 53) % width, height * 0.8, 16, height * 0.1);
      }
      frame += 1;
    };
    draw();
    setInterval(draw, 66);
    return canvas.captureStream(15).getVideoTracks()[0] as MediaStreamTrack;
  };
  const devices = navigator.mediaDevices;
  devices.getUserMedia = async (wanted) => {
    const made = new MediaStream();
    if (wanted?.audio) made.addTrack(microphone());
    if (wanted?.video) made.addTrack(camera(640, 360, persona.color));
    return made;
  };
  devices.getDisplayMedia = async () => new MediaStream([camera(1280, 720, "white")]);

  const Original = window.RTCPeerConnection;
  const analysers = new Map<string, AnalyserNode>();
  window.RTCPeerConnection = class extends Original {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      probes.connections.push(this);
      this.addEventListener("track", ({ track }) => {
        probes.tracks.push(track);
        if (track.kind !== "audio" || analysers.has(track.id)) return;
        // Chromium decodes a remote track for Web Audio only while an element plays it too.
        const element = new Audio();
        element.muted = true;
        element.srcObject = new MediaStream([track]);
        void element.play();
        const analyser = audio().createAnalyser();
        analyser.fftSize = 8192;
        analyser.smoothingTimeConstant = 0;
        audio()
          .createMediaStreamSource(new MediaStream([track]))
          .connect(analyser);
        analysers.set(track.id, analyser);
      });
    }
  };
  // Loudness in dB of each tone, the loudest of all lines that are heard.
  probes.heard = () => {
    const loudest: Record<number, number> = {};
    for (const analyser of analysers.values()) {
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      for (const tone of [440, 660, 880, 1100, 1320, 1540]) {
        const at = Math.round((tone * analyser.fftSize) / 48000);
        const level = Math.max(...bins.slice(at - 2, at + 3));
        loudest[tone] = Math.max(loudest[tone] ?? -200, Math.round(level));
      }
    }
    return loudest;
  };
  // Colour of every picture on the page that is moving media, by what it is labelled.
  const sample = document.createElement("canvas");
  sample.width = 1;
  sample.height = 1;
  const eye = sample.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
  probes.seen = () =>
    [...document.querySelectorAll("video")]
      .filter((video) => video.videoWidth > 0 && video.checkVisibility())
      .map((video) => {
        eye.drawImage(video, video.videoWidth * 0.4, video.videoHeight * 0.3, 8, 8, 0, 0, 1, 1);
        const [red = 0, green = 0, blue = 0] = eye.getImageData(0, 0, 1, 1).data;
        const bits = [red, green, blue].map((value) => (value > 127 ? 1 : 0)).join("");
        const names: Record<string, string> = {
          "100": "red",
          "010": "lime",
          "001": "blue",
          "110": "yellow",
          "101": "magenta",
          "011": "cyan",
          "111": "white",
          "000": "black",
        };
        const holder = video.closest("[aria-label]");
        return {
          label: holder?.getAttribute("aria-label") ?? "",
          color: names[bits] ?? bits,
          width: video.videoWidth,
          // Firefox counts the frames of live media in this one alone.
          frames:
            (video as { mozPaintedFrames?: number }).mozPaintedFrames ??
            video.getVideoPlaybackQuality().totalVideoFrames,
        };
      });
}

/** Loudness (dB) of each probe tone as this person hears it now. */
export const heard = (page: Page): Promise<Record<number, number>> =>
  page.evaluate(() =>
    (window as unknown as { probes: { heard(): Record<number, number> } }).probes.heard(),
  );

/** A picture on the page. */
export interface Seen {
  readonly label: string;
  readonly color: string;
  readonly width: number;
  readonly frames: number;
}

/** Every visible moving picture on the page. */
export const seen = (page: Page): Promise<Seen[]> =>
  page.evaluate(() => (window as unknown as { probes: { seen(): Seen[] } }).probes.seen());

/** A tone counts as heard above this level (dB); a silent line is below -100. */
export const audible_db = -60;

/** Which of the tones are heard. */
export async function tonesHeard(page: Page): Promise<number[]> {
  return Object.entries(await heard(page))
    .filter(([, level]) => level > audible_db)
    .map(([tone]) => Number(tone));
}
