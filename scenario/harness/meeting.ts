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

/** Ids of everybody's joins, as one word to compare. */
export async function joinIds(parley: Parley, id: string): Promise<string> {
  const { conferencecall_ids } = await parley.api<{ conferencecall_ids: string[] }>(
    "GET",
    `/v1.0/conferences/${id}`,
  );
  return String(conferencecall_ids.toSorted());
}
