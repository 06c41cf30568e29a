// One Parley and one Chromium for all tests of a file; each file is a process of its own.
import { after, before } from "node:test";
import type { Browser } from "playwright-core";
import { launchChromium, needs_chromium } from "./chromium.ts";
import { type Parley, startParley } from "./parley.ts";

/** There from the first test to the last of a file that calls `runForAllTests`. */
export let parley: Parley;
export let browser: Browser;

type Settings = Record<string, string>;

/**
 * Starts both before the first test, unless there is no Chromium, and ends them after the last. `settings` are those of
 * `startParley`, or what gives them once it has made ready what they name; `prepare` does what else comes before the first test.
 */
export function runForAllTests(
  settings: Settings | (() => Promise<Settings>) = {},
  prepare?: () => Promise<unknown>,
): void {
  before(async () => {
    if (needs_chromium.skip) return;
    const given = typeof settings === "function" ? await settings() : settings;
    // Whichever fails, the other is there to be ended.
    const starts = await Promise.allSettled([
      startParley(given).then((started) => {
        parley = started;
      }),
      launchChromium().then((started) => {
        browser = started;
      }),
    ]);
    for (const start of starts) if (start.status === "rejected") throw start.reason;
    await prepare?.();
  });
  after(async () => {
    await browser?.close();
    await parley?.stop();
  });
}

/** Ends the server with SIGKILL and starts it again on the same ports and folder. */
export async function killAndRestart(): Promise<void> {
  parley = await parley.killAndRestart();
}
