// The pages themselves, in real Chromium against a real Parley: no accessibility fault that axe knows, in both
// appearances and at three sizes; a whole meeting by keyboard alone; the ends that a person can meet.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import type { BrowserContext, Page } from "playwright-core";
import { needs_chromium, personPage } from "../harness/chromium.ts";
import { logIn } from "../harness/console.ts";
import { settle } from "../harness/layout.ts";
import { chatTexts, joinMeeting, people, say } from "../harness/meeting.ts";
import { password, until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Where pictures of the pages go; nowhere when unset. */
const pictures = process.env["PARLEY_TEST_PICTURES"];
const sizes = {
  laptop: { width: 1280, height: 800, themes: ["dark", "light"] },
  phone: { width: 390, height: 844, themes: ["dark"] },
  // A laptop at twice the zoom.
  zoomed: { width: 640, height: 400, themes: ["light"] },
} as const;
const laptop = { width: 1280, height: 800 };

runForAllTests();

const conference = (): Promise<string> =>
  parley.conference({ name: "Pages", detail: "Looked at by a machine" });

/** Fails with every fault that axe finds; looks in both appearances and at each size, and checks that nothing is wider than the page. */
async function lookAt(page: Page, name: string): Promise<void> {
  if ((await page.evaluate("typeof axe")) === "undefined") await page.evaluate(axe);
  for (const [size_name, { themes, ...size }] of Object.entries(sizes)) {
    await page.setViewportSize(size);
    for (const theme of themes) {
      await page.evaluate((to) => {
        document.documentElement.dataset["theme"] = to;
      }, theme);
      await settle(page);
      if (pictures !== undefined) {
        mkdirSync(pictures, { recursive: true });
        await page.screenshot({ path: join(pictures, `${name}-${size_name}-${theme}.png`) });
      }
      const found = (await page.evaluate(
        "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })",
      )) as {
        violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
      };
      const faults = found.violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html}\n  ${failureSummary}`),
      );
      assert.deepEqual(faults, [], `${name}, ${size_name}, ${theme}`);
    }
    const wider = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    assert.ok(wider <= 0, `${name} at ${size_name} is ${wider} px wider than the page`);
  }
  await page.setViewportSize(laptop);
}

/** A context whose devices answer as `fault` says. */
async function pageWithBrokenDevices(fault: string): Promise<Page> {
  const context = await browser.newContext({ viewport: laptop, locale: "en-US" });
  const page = await context.newPage();
  await page.addInitScript((name) => {
    navigator.mediaDevices.getUserMedia = () =>
      Promise.reject(new DOMException("for a test", name));
  }, fault);
  return page;
}

async function close(...contexts: BrowserContext[]): Promise<void> {
  for (const context of contexts) await context.close();
}

test(
  "the_meeting_page_has_no_accessibility_fault_before_inside_and_after",
  needs_chromium,
  async () => {
    const id = await conference();
    const { url } = await parley.link(id, "Ada", "host");
    const ada = await personPage(browser, people.ada);
    await ada.goto(url);
    await ada.getByRole("button", { name: "Join now" }).waitFor();
    await lookAt(ada, "before-joining");
    await ada.getByRole("button", { name: "Join now" }).click();
    await ada.getByRole("navigation", { name: "Controls" }).waitFor();
    const ben = await joinMeeting(parley, browser, id, people.ben);
    await say(ben.page, "See https://example.org/agenda for the agenda.");
    await ben.page.getByRole("button", { name: "Raise hand" }).click();
    await ada.getByRole("article", { name: "Ben" }).waitFor();
    await lookAt(ada, "meeting");
    await chatTexts(ada);
    await lookAt(ada, "meeting-chat");
    await ada.getByRole("tab", { name: "People" }).click();
    await ada.getByRole("button", { name: "Remove Ben" }).waitFor();
    await lookAt(ada, "meeting-people");
    await ben.page.getByRole("button", { name: "Share screen" }).click();
    await ada.getByRole("article", { name: "Screen of Ben" }).waitFor();
    await lookAt(ada, "meeting-share");
    await ada.getByRole("button", { name: "More", exact: true }).click();
    await ada.getByRole("menuitem", { name: "Settings" }).click();
    await ada.getByRole("dialog", { name: "Settings" }).waitFor();
    await lookAt(ada, "meeting-settings");
    await ada.keyboard.press("Escape");
    await ada.getByRole("dialog").waitFor({ state: "detached" });
    await ada.getByRole("button", { name: "Leave", exact: true }).click();
    await ada.getByRole("menuitem", { name: "Leave the conference" }).click();
    await ada.getByRole("heading", { name: "You left" }).waitFor();
    await lookAt(ada, "left");
    await close(ada.context(), ben.page.context());
  },
);

test("the_console_has_no_accessibility_fault_in_any_view", needs_chromium, async () => {
  const id = await conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  await say(ada.page, "Good morning.");
  const context = await browser.newContext({ viewport: laptop, locale: "en-US" });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("console", (line) => {
    if (line.type() === "error") faults.push(line.text());
  });
  page.on("pageerror", (fault) => faults.push(String(fault)));
  await page.goto(parley.url);
  await page.getByRole("textbox", { name: "User name" }).waitFor();
  await lookAt(page, "console-login");
  await logIn(page);
  await page.getByRole("row", { name: /Pages/ }).first().waitFor();
  await lookAt(page, "console-list");
  await page.getByRole("button", { name: "New conference" }).click();
  await page.getByRole("dialog").waitFor();
  await lookAt(page, "console-create");
  await page.keyboard.press("Escape");
  await page.goto(`${parley.url}/#/conferences/${id}`);
  await page.getByRole("img", { name: /Time line/ }).waitFor();
  await lookAt(page, "console-timeline");
  for (const tab of ["People", "Events", "Chat", "JSON"]) {
    await page.getByRole("tab", { name: tab }).click();
    await page.getByRole("tabpanel", { name: tab }).waitFor();
    await lookAt(page, `console-${tab.toLowerCase()}`);
  }
  await page.getByRole("link", { name: "Access keys" }).click();
  await page.getByRole("heading", { name: "Access keys" }).waitFor();
  await lookAt(page, "console-keys");
  await page.getByRole("link", { name: "First steps" }).click();
  await page.getByRole("heading", { name: "First steps" }).waitFor();
  await lookAt(page, "console-start");
  assert.deepEqual(faults, []);
  await close(context, ada.page.context());
});

test("a_meeting_can_be_held_by_keyboard_alone", needs_chromium, async () => {
  const id = await conference();
  const ben = await joinMeeting(parley, browser, id, people.ben);
  const { url } = await parley.link(id, "Ada", "host");
  const page = await personPage(browser, people.ada);
  await page.goto(url);
  await page.getByRole("button", { name: "Join now" }).waitFor();
  const tabTo = async (name: string | RegExp, role: "button" | "textbox"): Promise<void> => {
    const wanted = page.getByRole(role, {
      name,
      ...(typeof name === "string" ? { exact: true } : {}),
    });
    for (let step = 0; step < 60; step += 1) {
      if (await wanted.evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`${String(name)} was not reached with Tab`);
  };
  await tabTo("Join now", "button");
  await page.keyboard.press("Enter");
  const microphone = page.getByRole("button", { name: "Microphone", exact: true });
  // The page before has a button of the same name.
  await page.getByRole("navigation", { name: "Controls" }).waitFor();
  const pressed = async (wanted: boolean): Promise<void> => {
    await until(`the microphone is ${wanted ? "on" : "off"}`, async () => {
      return (await microphone.getAttribute("aria-pressed")) === String(wanted);
    });
  };
  await pressed(true);
  await page.keyboard.press("m");
  await pressed(false);
  await page.keyboard.down(" ");
  await pressed(true);
  await page.keyboard.up(" ");
  await pressed(false);
  await tabTo("Microphone", "button");
  await page.keyboard.press("Space");
  await pressed(true);

  await page.keyboard.press("c");
  await tabTo("Message", "textbox");
  // Every letter of this is somebody's shortcut; in a field it is only a letter.
  await page.keyboard.type("mvcpdsr? m");
  await pressed(true);
  await page.keyboard.press("Enter");
  await until("Ben reads it", async () => (await chatTexts(ben.page)).includes("mvcpdsr? m"));
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Escape");
  await page.getByRole("log", { name: "Messages" }).waitFor({ state: "detached" });
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await tabTo("Leave", "button");
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Leave the conference" }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "You left" }).waitFor();
  await tabTo("Join again", "button");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Join now" }).waitFor();
  await close(page.context(), ben.page.context());
});

for (const [fault, title] of [
  ["NotAllowedError", "The camera is blocked"],
  ["NotFoundError", "No camera was found"],
  ["NotReadableError", "The camera does not start"],
] as const) {
  test(`${fault}_is_explained_and_does_not_keep_anybody_out`, needs_chromium, async () => {
    const id = await conference();
    const { url } = await parley.link(id, "Ada");
    const page = await pageWithBrokenDevices(fault);
    await page.goto(url);
    await page.getByText(title).waitFor();
    await page.getByRole("button", { name: "Try again" }).first().waitFor();
    await page.getByRole("button", { name: "Join now" }).click();
    await page.getByRole("navigation", { name: "Controls" }).waitFor();
    await page.getByRole("article", { name: "Ada (you)" }).waitFor();
    const camera = page.getByRole("button", { name: "Camera", exact: true });
    assert.equal(await camera.getAttribute("aria-pressed"), "false");
    await close(page.context());
  });
}

test(
  "a_listener_is_asked_for_no_device_and_has_no_control_that_sends",
  needs_chromium,
  async () => {
    const id = await conference();
    const { url } = await parley.link(id, "Leo", "listener");
    const page = await pageWithBrokenDevices("NotAllowedError");
    await page.goto(url);
    await page.getByText("This link lets you listen and watch.").waitFor();
    assert.equal(await page.getByText("is blocked").count(), 0);
    await page.getByRole("button", { name: "Join now" }).click();
    await page.getByRole("navigation", { name: "Controls" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Microphone", exact: true }).count(), 0);
    assert.equal(await page.getByRole("button", { name: "Share screen" }).count(), 0);
    await close(page.context());
  },
);

/** A phone in somebody's hand: touched, without a mouse. */
async function phonePage(size: { width: number; height: number }): Promise<Page> {
  const context = await browser.newContext({
    viewport: size,
    isMobile: true,
    hasTouch: true,
    locale: "en-US",
    permissions: ["camera", "microphone"],
  });
  return context.newPage();
}

/** Fails with every visible control that a finger would miss. A tick's own box does not count: its whole line takes the touch. */
async function assertFingersHit(page: Page, name: string): Promise<void> {
  const missed = await page.evaluate(() => {
    const finger_px = 44;
    const wanted =
      "button, input:not([type=checkbox]), textarea, label:has(input[type=checkbox]), nav a, [role=tab], [role=menuitem]";
    return [...document.querySelectorAll(wanted)].flatMap((element) => {
      const { width, height } = element.getBoundingClientRect();
      const is_shown = element.checkVisibility({ visibilityProperty: true }) && width > 2;
      if (!is_shown || (width >= finger_px && height >= finger_px)) return [];
      const label = element.getAttribute("aria-label") ?? element.textContent;
      return [`${label}: ${Math.round(width)} x ${Math.round(height)}`];
    });
  });
  assert.deepEqual(missed, [], name);
}

test("on_a_phone_every_control_is_large_enough_for_a_finger", needs_chromium, async () => {
  const id = await conference();
  const { url } = await parley.link(id, "Ada", "host");
  const page = await phonePage({ width: 390, height: 844 });
  await page.goto(url);
  await page.getByRole("button", { name: "Join now" }).waitFor();
  await assertFingersHit(page, "before joining");
  await page.getByRole("button", { name: "Join now" }).tap();
  await page.getByRole("navigation", { name: "Controls" }).waitFor();
  const ben = await joinMeeting(parley, browser, id, people.ben);
  await page.getByRole("article", { name: "Ben" }).waitFor();
  await assertFingersHit(page, "in the meeting");
  await page.getByRole("button", { name: /^Chat/ }).tap();
  await page.getByRole("log", { name: "Messages" }).waitFor();
  await assertFingersHit(page, "in the chat");
  await page.getByRole("tab", { name: "People" }).tap();
  await page.getByRole("button", { name: "Remove Ben" }).waitFor();
  await assertFingersHit(page, "in the list of people");
  await page.getByRole("button", { name: "More", exact: true }).tap();
  await page.getByRole("menuitem", { name: "Settings" }).waitFor();
  await assertFingersHit(page, "in the menu");
  await page.getByRole("menuitem", { name: "Settings" }).tap();
  await page.getByRole("dialog", { name: "Settings" }).waitFor();
  await assertFingersHit(page, "in the settings");
  await page.goto(parley.url);
  await page.getByRole("textbox", { name: "User name" }).fill("admin");
  await page.getByLabel("Password").fill(password);
  await assertFingersHit(page, "at the log-in");
  await page.getByRole("button", { name: "Log in" }).tap();
  await page.getByRole("row", { name: /Pages/ }).first().waitFor();
  await assertFingersHit(page, "in the list of conferences");
  await page.goto(`${parley.url}/#/conferences/${id}`);
  await page.getByRole("img", { name: /Time line/ }).waitFor();
  await assertFingersHit(page, "on the page of one conference");
  await page.goto(`${parley.url}/docs/`);
  await page.locator("article").first().waitFor();
  await assertFingersHit(page, "in the manual of the interface");
  const [whole, seen] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.equal(whole, seen, "the manual is as wide as the phone");
  await close(page.context(), ben.page.context());
});

test("the_way_in_is_on_the_first_screen_even_of_a_small_phone", needs_chromium, async () => {
  const id = await parley.conference({
    name: "A name that somebody has pasted together with the whole agenda of the day and of the next",
  });
  const { url } = await parley.link(id, "Ada");
  const page = await phonePage({ width: 320, height: 640 });
  await page.goto(url);
  const way_in = page.getByRole("button", { name: "Join now" });
  await way_in.waitFor();
  const box = await way_in.boundingBox();
  assert.ok(box && box.y + box.height <= 640, JSON.stringify(box));
  await close(page.context());
});

test("whoever_comes_third_to_a_call_of_two_is_told_that_it_is_full", needs_chromium, async () => {
  const { id } = await parley.api<{ id: string }>("POST", "/v1.0/conferences", { type: "connect" });
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const ben = await joinMeeting(parley, browser, id, people.ben);
  const { url } = await parley.link(id, "Cleo");
  const cleo = await personPage(browser, people.cleo);
  await cleo.goto(url);
  await cleo.getByRole("button", { name: "Join now" }).click();
  await cleo.getByRole("alert").getByText("All seats are taken.").waitFor();
  await cleo.getByRole("button", { name: "Join now" }).waitFor();
  await close(ada.page.context(), ben.page.context(), cleo.context());
});

test("a_wrong_password_is_explained_in_the_readers_language", needs_chromium, async () => {
  const context = await browser.newContext({ viewport: laptop, locale: "de-DE" });
  const page = await context.newPage();
  await page.goto(parley.url);
  await page.getByLabel("Benutzername").fill("admin");
  await page.getByLabel("Passwort").fill("falsch");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("Benutzername oder Passwort ist falsch.").waitFor();
  assert.match(await page.title(), /Anmelden · Parley/);
  await close(context);
});

test("a_link_that_does_not_work_says_why", needs_chromium, async () => {
  const id = await conference();
  const page = await personPage(browser, people.cleo);
  await page.goto(`${parley.url}/meet/${id}`);
  await page.getByRole("heading", { name: "This link is not complete" }).waitFor();
  await page.goto(`${parley.url}/meet/${id}#token=not.a.token`);
  await page.getByRole("heading", { name: "This link does not work any more" }).waitFor();
  const { url } = await parley.link(id, "Cleo");
  await parley.api("DELETE", `/v1.0/conferences/${id}`);
  await page.goto(url);
  await page.getByRole("heading", { name: "The conference is over" }).waitFor();
  await close(page.context());
});

test("the_page_speaks_the_browsers_language", needs_chromium, async () => {
  const id = await conference();
  const { url } = await parley.link(id, "Ada");
  const context = await browser.newContext({
    locale: "de-DE",
    permissions: ["camera", "microphone"],
  });
  const page = await context.newPage();
  await page.goto(url);
  await page.getByRole("button", { name: "Jetzt teilnehmen" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  await close(context);
});

test("the_token_of_a_link_never_leaves_the_fragment", needs_chromium, async () => {
  const id = await conference();
  const { url, token } = await parley.link(id, "Ada");
  const page = await personPage(browser, people.ada);
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes(token) && !request.url().startsWith("ws")) asked.push(request.url());
  });
  await page.goto(url);
  await page.getByRole("button", { name: "Join now" }).click();
  await page.getByRole("navigation", { name: "Controls" }).waitFor();
  assert.deepEqual(asked, []);
  const foreign = await page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .map(({ name }) => name)
      .filter((name) => !name.startsWith(location.origin)),
  );
  assert.deepEqual(foreign, []);
  assert.equal(
    parley.log.some((line) => line.includes(token)),
    false,
  );
  await close(page.context());
});

test(
  "a_conference_made_in_the_console_is_joined_by_the_link_made_there",
  needs_chromium,
  async () => {
    const context = await browser.newContext({
      viewport: laptop,
      locale: "en-US",
      permissions: ["camera", "microphone", "clipboard-read", "clipboard-write"],
    });
    const page = await context.newPage();
    await page.goto(parley.url);
    await page.getByRole("textbox", { name: "User name" }).fill("admin");
    await page.getByLabel("Password").fill("not the password");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("alert").getByText("INVALID_CREDENTIALS").waitFor();
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("button", { name: "New conference" }).first().click();
    await page.getByRole("textbox", { name: "Name" }).fill("Made by hand");
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { name: "Made by hand" }).waitFor();
    await page.getByRole("button", { name: "Make a link" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("Dora");
    await page.getByRole("button", { name: "Make the link" }).click();
    await page.getByRole("button", { name: "Copy", exact: true }).click();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    await page.keyboard.press("Escape");

    const guest = await personPage(browser, people.cleo);
    await guest.goto(link);
    await guest.getByRole("button", { name: "Join now" }).click();
    await guest.getByRole("navigation", { name: "Controls" }).waitFor();
    await page.getByRole("tab", { name: "People" }).click();
    await page.getByRole("row", { name: /Dora.*joined/ }).waitFor();
    await page.getByRole("button", { name: "Kick Dora" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Kick" }).click();
    await guest.getByRole("heading", { name: "You were removed" }).waitFor();
    await page.getByRole("row", { name: /Dora.*removed by a log-in/ }).waitFor();
    await page.getByRole("button", { name: "End", exact: true }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "End for all" }).click();
    await page.getByText("terminated", { exact: true }).first().waitFor();
    await close(context, guest.context());
  },
);
