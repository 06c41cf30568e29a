// Real Firefox with one person in it, driven by WebDriver BiDi; the page's devices are those of harness/chromium.ts.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Page } from "playwright-core";
import { WebSocket } from "ws";
import { installDevices, type Persona } from "./chromium.ts";

/** Where Firefox is; null when there is none. */
export const firefox_path =
  [process.env["FIREFOX"], "/usr/bin/firefox-esr", "/usr/bin/firefox"].find(
    (path) => path !== undefined && existsSync(path),
  ) ?? null;

/** Options for tests that need Firefox: skipped by name without it, with CI=true too, since some distributions have no package of it. */
export const needs_firefox = {
  skip: firefox_path === null ? "firefox is not installed: tools/setup-system installs it" : false,
} as const;

/** Where the media of a test with Firefox is, since it pairs no address of its own with the loopback's; undefined on a machine without another. */
export const own_address = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === "IPv4" && !one.internal)?.address;

/** A page in a Firefox of its own. */
export interface FirefoxPage {
  goto(url: string): Promise<void>;
  /** Runs a function in the page; what it takes and gives must be JSON. */
  evaluate<T, G = undefined>(run: (given: G) => T | Promise<T>, given?: G): Promise<T>;
  /** Lines of the console that are errors, and what nobody caught. */
  readonly faults: string[];
  close(): Promise<void>;
}

const preferences: Readonly<Record<string, boolean | number | string>> = {
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.autoplay.default": 0,
  "media.autoplay.blocking_policy": 0,
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  // Without a window nothing may be slowed down as if it were hidden.
  "dom.min_background_timeout_value": 4,
  "app.update.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "toolkit.telemetry.enabled": false,
  "media.gmp-manager.updateEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "extensions.update.enabled": false,
};

/** Starts Firefox with an empty page; every device that the page asks for is the persona's. */
export async function openFirefox(persona: Persona): Promise<FirefoxPage> {
  if (firefox_path === null) throw new Error("firefox is not installed");
  const profile = mkdtempSync(join(tmpdir(), "parley-firefox-"));
  const lines = Object.entries({
    ...preferences,
    "media.navigator.audio.fake_frequency": persona.tone_hz,
  }).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
  writeFileSync(join(profile, "user.js"), lines.join("\n"));
  const child = spawn(
    firefox_path,
    ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"],
    { env: { ...process.env, HOME: profile }, stdio: ["ignore", "ignore", "pipe"] },
  );
  const driver = await connect(await address(child));
  const faults: string[] = [];
  driver.notice((method, params) => {
    if (method === "log.entryAdded" && params["level"] === "error") {
      faults.push(String(params["text"]));
    }
  });
  await driver.call("session.new", { capabilities: {} });
  await driver.call("session.subscribe", { events: ["log.entryAdded"] });
  await driver.call("script.addPreloadScript", {
    functionDeclaration: `() => {
      if (!navigator.mediaDevices) return;
      const openFake = (${findFakeMicrophone.toString()})();
      (${installDevices.toString()})(${JSON.stringify(persona)});
      (${useFakeMicrophone.toString()})(openFake);
    }`,
  });
  const { contexts } = await driver.call<{ contexts: { context: string }[] }>(
    "browsingContext.getTree",
    {},
  );
  const context = contexts[0]?.context ?? "";
  await driver.call("browsingContext.setViewport", {
    context,
    viewport: { width: 1280, height: 800 },
  });
  return {
    faults,
    async goto(url) {
      await driver.call("browsingContext.navigate", { context, url, wait: "complete" });
    },
    async evaluate(run, given) {
      const { result, exceptionDetails } = await driver.call<Evaluated>("script.callFunction", {
        functionDeclaration: `async () =>
          JSON.stringify((await (${run.toString()})(${JSON.stringify(given)})) ?? null)`,
        target: { context },
        awaitPromise: true,
        userActivation: true,
      });
      if (exceptionDetails) throw new Error(exceptionDetails.text);
      return JSON.parse(result?.value ?? "null") as never;
    },
    async close() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      driver.close();
      child.kill("SIGTERM");
      await gone;
      rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

// An AudioContext of Firefox stands still on a machine without a sound card, so the tone is that of its own fake microphone.
// The next two run inside the page.
function findFakeMicrophone(): () => Promise<MediaStream> {
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  return () => open({ audio: true });
}
function useFakeMicrophone(openFake: () => Promise<MediaStream>): void {
  const open = navigator.mediaDevices.getUserMedia;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const made = await open.call(navigator.mediaDevices, { ...wanted, audio: false });
    if (wanted?.audio) for (const track of (await openFake()).getTracks()) made.addTrack(track);
    return made;
  };
}

/** A second of everything that Firefox plays, one Ogg file in Base64 for each line of sound. */
export const recordSound = (firefox: FirefoxPage): Promise<string[]> =>
  firefox.evaluate(() => {
    const { tracks } = (window as unknown as { probes: { tracks: MediaStreamTrack[] } }).probes;
    const lines = tracks.filter(({ kind }) => kind === "audio");
    return Promise.all(
      lines.map(async (track) => {
        const recorder = new MediaRecorder(new MediaStream([track]));
        const parts: Blob[] = [];
        recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
        const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve));
        recorder.start();
        setTimeout(() => recorder.stop(), 1_000);
        await stopped;
        const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
        return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
      }),
    );
  });

/** Loudest level of a tone in such files, dB of full scale; another browser decodes them. */
export const loudness = (page: Page, files: string[], tone_hz: number): Promise<number> =>
  page.evaluate(
    async ({ given, hz }) => {
      const rate = 48_000;
      const levels = await Promise.all(
        given.map(async (text) => {
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          const context = new OfflineAudioContext(1, 1, rate);
          const samples = (await context.decodeAudioData(bytes.buffer)).getChannelData(0);
          // A tenth of a second from the middle: a whole number of periods of every tone.
          const part = samples.slice(samples.length / 2, samples.length / 2 + rate / 10);
          let [real, imaginary] = [0, 0];
          for (const [at, sample] of part.entries()) {
            real += sample * Math.cos((2 * Math.PI * hz * at) / rate);
            imaginary += sample * Math.sin((2 * Math.PI * hz * at) / rate);
          }
          return 20 * Math.log10(Math.max(1e-6, (2 * Math.hypot(real, imaginary)) / part.length));
        }),
      );
      return Math.round(Math.max(...levels));
    },
    { given: files, hz: tone_hz },
  );

interface Evaluated {
  readonly result?: { readonly value?: string };
  readonly exceptionDetails?: { readonly text: string };
}

function address(child: ChildProcess): Promise<string> {
  const said: string[] = [];
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`firefox ended:\n${said.join("\n")}`)));
    if (!child.stderr) return;
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      const found = /WebDriver BiDi listening on (ws:\S+)/.exec(line)?.[1];
      if (found) resolve(`${found}/session`);
    });
  });
}

interface Driver {
  call<T>(method: string, params: object): Promise<T>;
  notice(run: (method: string, params: Record<string, unknown>) => void): void;
  close(): void;
}

interface Frame {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: unknown;
  readonly error?: string;
  readonly message?: string;
}

async function connect(url: string): Promise<Driver> {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const waiting = new Map<number, PromiseWithResolvers<never>>();
  const watchers: ((method: string, params: Record<string, unknown>) => void)[] = [];
  let last = 0;
  socket.on("message", (data) => {
    const frame = JSON.parse(String(data)) as Frame;
    if (frame.method !== undefined)
      for (const run of watchers) run(frame.method, frame.params ?? {});
    const asked = frame.id === undefined ? undefined : waiting.get(frame.id);
    if (frame.id !== undefined) waiting.delete(frame.id);
    if (frame.error !== undefined) asked?.reject(new Error(`${frame.error}: ${frame.message}`));
    else asked?.resolve(frame.result as never);
  });
  socket.on("close", () => {
    for (const { reject } of waiting.values()) reject(new Error("firefox closed the connection"));
  });
  return {
    call(method, params) {
      last += 1;
      const asked = Promise.withResolvers<never>();
      waiting.set(last, asked);
      socket.send(JSON.stringify({ id: last, method, params }));
      return asked.promise;
    },
    notice: (run) => watchers.push(run),
    close: () => socket.close(),
  };
}
