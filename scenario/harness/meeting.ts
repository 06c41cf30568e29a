// The meeting page as a person uses it: by the names of its controls.
import type { Browser, Page } from "playwright-core";
import { type Persona, personPage } from "./chromium.ts";
import type { Parley } from "./parley.ts";

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
  given: { role?: "host" | "member" | "listener"; mode?: "voices" | "mix" } = {},
): Promise<Attendee> {
  const { url } = await parley.link(conference_id, persona.name, given.role);
  const page = await personPage(browser, persona);
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
