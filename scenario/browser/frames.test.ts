// The meeting page in a frame of another site: as it is, and sandboxed without `allow-same-origin`, where a page has no origin,
// no storage and no cookies, and its own files are foreign to it.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Frame } from "playwright-core";
import { audible_db, needs_chromium, personPage } from "../harness/chromium.ts";
import { chatTexts, joinMeeting, people, say } from "../harness/meeting.ts";
import { until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";
import { type Site, startSite } from "../harness/site.ts";

let site: Site;
runForAllTests(async () => {
  // Shows whatever its address asks for in a frame.
  site = await startSite((request, reply) => {
    const wanted = new URL(request.url ?? "/", "http://site");
    const sandbox = wanted.searchParams.get("sandbox");
    reply.setHeader("content-type", "text/html; charset=utf-8").end(
      `<!doctype html><title>Site</title><iframe allow="camera; microphone; autoplay; display-capture"
         width="1200" height="760" ${sandbox === null ? "" : `sandbox="${sandbox}"`}></iframe>`,
    );
  });
  return { PARLEY_HTTP_ALLOWED_ORIGINS: site.origin };
});
after(() => site?.close());

const hears = (frame: Frame, tone: number): Promise<boolean> =>
  frame.evaluate(
    ({ tone, audible_db }) => {
      const { probes } = window as unknown as { probes: { heard(): Record<number, number> } };
      return (probes.heard()[tone] ?? -200) > audible_db;
    },
    { tone, audible_db },
  );

for (const [name, sandbox] of [
  ["a_frame_of_an_allowed_site", null],
  ["a_frame_that_is_sandboxed_with_scripts_and_nothing_else", "allow-scripts"],
] as const) {
  test(`in_${name}_one_joins_hears_and_is_heard`, needs_chromium, async () => {
    const id = await parley.conference();
    const ben = await joinMeeting(parley, browser, id, people.ben);
    const { url } = await parley.link(id, "Ada", "host");
    const page = await personPage(browser, people.ada);
    const faults: string[] = [];
    page.on("pageerror", (fault) => faults.push(String(fault)));
    await page.goto(`${site.origin}/${sandbox === null ? "" : `?sandbox=${sandbox}`}`);
    await page.locator("iframe").evaluate((element, to) => {
      (element as HTMLIFrameElement).src = to;
    }, url);
    const frame = await until("the frame is there", () =>
      page.frames().find((one) => one.url().startsWith(parley.url)),
    );
    await frame.getByRole("button", { name: "Join now" }).click();
    await frame.getByRole("navigation", { name: "Controls" }).waitFor();
    assert.equal(await frame.evaluate(() => window.origin), sandbox === null ? parley.url : "null");
    await until("Ada hears Ben", () => hears(frame, people.ben.tone_hz), 20_000);
    await until("Ben hears Ada", () => hears(ben.page.mainFrame(), people.ada.tone_hz), 20_000);
    await frame.getByRole("button", { name: /^Chat/ }).click();
    await frame.getByRole("textbox", { name: "Message" }).fill("From inside a frame");
    await frame.getByRole("button", { name: "Send message" }).click();
    await until("Ben reads it", async () =>
      (await chatTexts(ben.page)).includes("From inside a frame"),
    );
    await say(ben.page, "To a frame");
    await frame.getByRole("log").getByText("To a frame").waitFor();
    await frame.getByRole("button", { name: "More", exact: true }).click();
    await frame.getByRole("menuitem", { name: "Copy invite link" }).click();
    await frame.getByRole("button", { name: "Copy invite link" }).click();
    await frame.getByRole("textbox", { name: "Invite link" }).waitFor();
    await page.keyboard.press("Escape");
    await frame.getByRole("dialog").waitFor({ state: "detached" });
    await frame.getByRole("button", { name: "Leave", exact: true }).click();
    await frame.getByRole("menuitem", { name: "End for all" }).click();
    await frame.getByRole("button", { name: "End for all", exact: true }).click();
    await frame.getByRole("heading", { name: "The conference is over" }).waitFor();
    await ben.page.getByRole("heading", { name: "The conference is over" }).waitFor();
    assert.deepEqual(faults, []);
    await page.context().close();
    await ben.page.context().close();
  });
}

test(
  "no_other_site_frames_the_console_and_only_allowed_ones_frame_the_meeting",
  needs_chromium,
  async () => {
    const { url } = await parley.link(await parley.conference(), "Ada");
    const page = await personPage(browser, people.ada);
    const foreign_url = site.origin.replace("127.0.0.1", "localhost");
    const shown = async (from: string, what: string): Promise<string> => {
      await page.goto(from);
      await page.locator("iframe").evaluate(
        (element, to) =>
          new Promise((loaded) => {
            element.addEventListener("load", loaded, { once: true });
            (element as HTMLIFrameElement).src = to;
          }),
        what,
      );
      // The frame may be told of after it has loaded.
      return until("it shows something", () => {
        const shown_url = page.frames()[1]?.url();
        return shown_url === "about:blank" ? null : shown_url;
      });
    };
    assert.equal(await shown(site.origin, url), url);
    assert.match(await shown(foreign_url, url), /^chrome-error:/);
    assert.match(await shown(site.origin, `${parley.url}/`), /^chrome-error:/);
    assert.match(await shown(site.origin, `${parley.url}/docs/`), /^chrome-error:/);
    await page.context().close();
  },
);
