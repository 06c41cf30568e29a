// The meeting page as a person uses it: by the names of its controls.
import type { Browser, Page } from "playwright-core";
import { type Persona, personPage, seen, tonesHeard } from "./chromium.ts";
import { type Parley, until } from "./parley.ts";

/** Somebody in a meeting. */
export interface Attendee {
  readonly persona: Persona;
  readonly page: Page;
  /** Faults that the page reported. */
  readonly faults: string[];
}

/** People that tests use; tones and colours differ. */
export const people = {
  ada: { name: "Ada", tone_hz: 440, color: "red" },
  ben: { name: "Ben", tone_hz: 660, color: "lime" },
  cleo: { name: "Cleo", tone_hz: 880, color: "blue" },
} as const satisfies Record<string, Persona>;

/** Opens a link and joins. `mode` "mix": one line of sound that carries everybody. */
export async function joinMeeting(
  parley: Parley,
  browser: Browser,
  conference_id: string,
  persona: Persona,
  given: {
    role?: "host" | "member" | "listener";
    mode?: "voices" | "mix";
    /** Changes the browser before the page runs in it. */
    prepare?: (page: Page) => Promise<unknown>;
  } = {},
): Promise<Attendee> {
  const { url } = await parley.link(conference_id, persona.name, given.role);
  const page = await personPage(browser, persona);
  await given.prepare?.(page);
  const faults: string[] = [];
  page.on("pageerror", (fault) => faults.push(String(fault)));
  page.on("console", (line) => {
    // A refused connection while the server is down is the browser's own line, not a fault of the page.
    if (line.type() === "error" && !/net::ERR_|WebSocket connection/.test(line.text())) {
      faults.push(line.text());
    }
  });
  await page.goto(given.mode === "mix" ? `${url}&audio=mix` : url);
  await page.getByRole("button", { name: "Join now" }).click();
  await page.getByRole("navigation", { name: "Controls" }).waitFor();
  return { persona, page, faults };
}

/** Opens the chat, unless it is open, and sends a message. */
export async function say(page: Page, text: string): Promise<void> {
  await openChat(page);
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.getByRole("button", { name: "Send message" }).click();
}

/** Opens the chat and gives what is written in it. */
export async function chatTexts(page: Page): Promise<string> {
  await openChat(page);
  return page
    .getByRole("log", { name: "Messages" })
    .textContent()
    .then((text) => text ?? "");
}

async function openChat(page: Page): Promise<void> {
  const button = page.getByRole("button", { name: /^Chat/ });
  if ((await button.getAttribute("aria-pressed")) !== "true") await button.click();
}

/** Waits until each of the two hears the other's tone and sees the other's colour move. */
export async function hearAndSee(
  [ada, ben]: readonly [Attendee, Attendee],
  within_ms: number,
): Promise<void> {
  for (const [one, other] of [
    [ada, ben],
    [ben, ada],
  ] as const) {
    await until(
      `${one.persona.name} hears ${other.persona.name}`,
      async () => (await tonesHeard(one.page)).includes(other.persona.tone_hz),
      within_ms,
    );
    let frames = 0;
    await until(
      `${one.persona.name} sees ${other.persona.name} move`,
      async () => {
        const tile = (await seen(one.page)).find(({ label }) => label === other.persona.name);
        const moved =
          tile !== undefined && tile.color === other.persona.color && tile.frames > frames;
        const counted = frames > 0;
        frames = tile?.frames ?? 0;
        return moved && counted;
      },
      within_ms,
    );
  }
}

/** The longest times that somebody was away. */
export interface Watch {
  readonly longest_silence_ms: number;
  readonly longest_freeze_ms: number;
}

/** Notes inside the page how long the other's tone and picture are away, at most. */
export async function watch(one: Attendee, other: Attendee): Promise<() => Promise<Watch>> {
  await one.page.evaluate(
    ({ tone, label }) => {
      const window_ = window as unknown as {
        probes: {
          heard(): Record<number, number>;
          seen(): { label: string; frames: number }[];
        };
        watched: { longest_silence_ms: number; longest_freeze_ms: number };
      };
      window_.watched = { longest_silence_ms: 0, longest_freeze_ms: 0 };
      let heard_at = performance.now();
      let moved_at = performance.now();
      let frames = -1;
      setInterval(() => {
        const now = performance.now();
        if ((window_.probes.heard()[tone] ?? -200) > -60) heard_at = now;
        const tile = window_.probes.seen().find((picture) => picture.label === label);
        if (tile && tile.frames !== frames) {
          frames = tile.frames;
          moved_at = now;
        }
        const { watched } = window_;
        watched.longest_silence_ms = Math.max(watched.longest_silence_ms, now - heard_at);
        watched.longest_freeze_ms = Math.max(watched.longest_freeze_ms, now - moved_at);
      }, 20);
    },
    { tone: other.persona.tone_hz, label: other.persona.name },
  );
  return () => one.page.evaluate(() => (window as unknown as { watched: Watch }).watched);
}

/** The longest gaps in what somebody hears, milliseconds. */
export interface Gaps {
  readonly gap_ms: number;
  /** In what the browser sends to itself, which shows what the machine adds. */
  readonly machine_ms: number;
}

/**
 * Measures for how long at a time nothing came and the browser made sound up, which it does so well that {@link watch} hears no silence.
 * The result gives the longest such times since it was last asked.
 */
export async function listen({ page }: Attendee): Promise<() => Promise<Gaps>> {
  await page.evaluate(
    async ({ interval_ms, rate }) => {
      const window_ = window as unknown as {
        probes: { connections: RTCPeerConnection[] };
        takeGaps: () => Gaps;
      };
      interface Line {
        readonly id: string;
        readonly packets: number;
        readonly made_up: number;
      }
      const lines = async (connection: RTCPeerConnection): Promise<Line[]> =>
        [...(await connection.getStats()).values()]
          .filter(({ type, kind }) => type === "inbound-rtp" && kind === "audio")
          .map((line) => ({
            id: line.id,
            packets: line.packetsReceived,
            made_up: line.concealedSamples,
          }));
      const measure = async (connection: RTCPeerConnection): Promise<() => number> => {
        // The one that somebody speaks on; the others are empty.
        const [first] = (await lines(connection)).toSorted((a, b) => b.packets - a.packets);
        if (!first) throw new Error("nothing is received");
        let before = first.made_up;
        let gap_ms = 0;
        let longest_ms = 0;
        let is_looking = false;
        const look = async (): Promise<void> => {
          const line = (await lines(connection)).find(({ id }) => id === first.id);
          // A line that is gone is a gap that does not end.
          const made_up_ms = line ? ((line.made_up - before) / rate) * 1000 : interval_ms;
          before = line?.made_up ?? before;
          gap_ms = made_up_ms > 0 ? gap_ms + made_up_ms : 0;
          longest_ms = Math.max(longest_ms, gap_ms);
        };
        setInterval(() => {
          if (is_looking) return;
          is_looking = true;
          void look().finally(() => {
            is_looking = false;
          });
        }, interval_ms);
        return () => {
          const longest = longest_ms;
          longest_ms = 0;
          return longest;
        };
      };
      const talkToItself = async (): Promise<RTCPeerConnection> => {
        const context = new AudioContext({ sampleRate: rate });
        const oscillator = context.createOscillator();
        const out = context.createMediaStreamDestination();
        oscillator.connect(out);
        oscillator.start();
        const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
        from.onicecandidate = ({ candidate }) => to.addIceCandidate(candidate);
        to.onicecandidate = ({ candidate }) => from.addIceCandidate(candidate);
        for (const track of out.stream.getTracks()) from.addTrack(track, out.stream);
        await from.setLocalDescription();
        await to.setRemoteDescription(from.localDescription as RTCSessionDescription);
        await to.setLocalDescription();
        await from.setRemoteDescription(to.localDescription as RTCSessionDescription);
        return to;
      };
      const [connection] = window_.probes.connections.filter(
        ({ connectionState }) => connectionState === "connected",
      );
      if (!connection) throw new Error("nobody is connected");
      const taken = await measure(connection);
      const to = await talkToItself();
      while (((await lines(to))[0]?.packets ?? 0) < 50) {
        await new Promise((done) => setTimeout(done, interval_ms));
      }
      const machine = await measure(to);
      window_.takeGaps = () => ({ gap_ms: taken(), machine_ms: machine() });
    },
    { interval_ms: 100, rate: 48_000 },
  );
  return () => page.evaluate(() => (window as unknown as { takeGaps: () => Gaps }).takeGaps());
}

/** Ids of everybody's joins, as one word to compare. */
export async function joinIds(parley: Parley, id: string): Promise<string> {
  const { conferencecall_ids } = await parley.api<{ conferencecall_ids: string[] }>(
    "GET",
    `/v1.0/conferences/${id}`,
  );
  return String(conferencecall_ids.toSorted());
}
