// Browsers that lack or forbid what a page likes to have: storage in every broken form, devices, channels, clipboard, wake lock.
// Everything works there; preferences just are not kept.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { needs_chromium, personPage } from "../harness/chromium.ts";
import { logIn } from "../harness/console.ts";
import { chatTexts, joinMeeting, people, say } from "../harness/meeting.ts";
import { until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";

runForAllTests();

// Each runs in the page before its own code.
const stores = {
  throws_when_written: () => {
    Storage.prototype.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  },
  throws_when_read: () => {
    Storage.prototype.getItem = () => {
      throw new DOMException("broken", "InvalidStateError");
    };
  },
  throws_at_every_touch: () => {
    for (const name of ["localStorage", "sessionStorage", "indexedDB"]) {
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException("The operation is insecure.", "SecurityError");
        },
      });
    }
    Object.defineProperty(Document.prototype, "cookie", {
      get() {
        throw new DOMException("The operation is insecure.", "SecurityError");
      },
    });
  },
  is_null: () => {
    for (const name of ["localStorage", "sessionStorage"])
      Object.defineProperty(window, name, { value: null });
  },
  is_absent: () => {
    for (const name of ["localStorage", "sessionStorage"])
      Object.defineProperty(window, name, { value: undefined });
  },
} as const;

function watchFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on("pageerror", (fault) => faults.push(String(fault)));
  return faults;
}

for (const [name, prepare] of Object.entries(stores)) {
  test(
    `a_meeting_is_held_and_a_console_is_used_where_storage_${name}`,
    needs_chromium,
    async () => {
      const id = await parley.conference({ name: `Odd ${name}` });
      const ben = await joinMeeting(parley, browser, id, people.ben);
      const ada = await joinMeeting(parley, browser, id, people.ada, {
        prepare: (page) => page.addInitScript(prepare),
      });
      await ada.page.getByRole("article", { name: "Ben" }).waitFor();
      await say(ada.page, "Can you read this?");
      await until("Ben reads it", async () =>
        (await chatTexts(ben.page)).includes("Can you read this?"),
      );
      await ada.page.getByRole("button", { name: "More", exact: true }).click();
      await ada.page.getByRole("menuitem", { name: "Settings" }).click();
      await ada.page.getByRole("checkbox", { name: "Hide my own picture" }).check({ force: true });
      await ada.page.getByRole("button", { name: "Appearance" }).click();
      await ada.page.getByRole("option", { name: "Light" }).click();
      await until("it is light", () =>
        ada.page.evaluate(() => document.documentElement.dataset["theme"] === "light"),
      );
      await ada.page.keyboard.press("Escape");
      await ada.page.getByRole("article", { name: "Ada (you)" }).waitFor({ state: "detached" });
      assert.deepEqual(ada.faults, []);

      const page = await (await browser.newContext({ locale: "en-US" })).newPage();
      await page.addInitScript(prepare);
      const faults = watchFaults(page);
      await page.goto(parley.url);
      await logIn(page);
      await page.getByRole("link", { name: `Odd ${name}` }).click();
      await page.getByRole("tab", { name: "People" }).click();
      await page.getByRole("row", { name: /Ada.*joined/ }).waitFor();
      assert.deepEqual(faults, []);
      for (const one of [ada.page, ben.page, page]) await one.context().close();
    },
  );
}

test("a_meeting_is_held_by_a_browser_that_has_only_what_it_must_have", needs_chromium, async () => {
  const id = await parley.conference();
  const ben = await joinMeeting(parley, browser, id, people.ben);
  const ada = await joinMeeting(parley, browser, id, people.ada, {
    prepare: (page) =>
      page.addInitScript(() => {
        const absent = (owner: object, name: string): void => {
          Object.defineProperty(owner, name, { value: undefined, configurable: true });
        };
        absent(navigator, "wakeLock");
        absent(navigator, "clipboard");
        absent(navigator, "permissions");
        absent(navigator, "languages");
        absent(crypto, "randomUUID");
        absent(crypto, "subtle");
        absent(document, "fullscreenEnabled");
        for (const name of ["BroadcastChannel", "Notification", "reportError", "SharedWorker"])
          absent(window, name);
        absent(URL, "parse");
      }),
  });
  await ada.page.getByRole("article", { name: "Ben" }).waitFor();
  await say(ben.page, "Look at https://example.org/agenda please");
  await ada.page.getByRole("button", { name: /^Chat/ }).click();
  await ada.page.getByRole("link", { name: "https://example.org/agenda" }).waitFor();
  await ada.page.getByRole("button", { name: "More", exact: true }).click();
  assert.equal(await ada.page.getByRole("menuitem", { name: "Full screen" }).count(), 0);
  assert.deepEqual(ada.faults, []);
  await ada.page.context().close();
  await ben.page.context().close();
});

for (const [name, prepare] of Object.entries({
  absent: () => Object.defineProperty(navigator, "mediaDevices", { value: undefined }),
  empty: () => Object.defineProperty(navigator, "mediaDevices", { value: {} }),
  forbidden: () => {
    const refuse = () => Promise.reject(new DOMException("not here", "NotAllowedError"));
    navigator.mediaDevices.enumerateDevices = refuse;
    navigator.mediaDevices.getUserMedia = refuse;
  },
  silent: () => {
    window.AudioContext = class {
      constructor() {
        throw new DOMException("no sound card", "NotSupportedError");
      }
    } as never;
  },
})) {
  test(`whoever_has_devices_that_are_${name}_joins_all_the_same`, needs_chromium, async () => {
    const id = await parley.conference();
    const { url } = await parley.link(id, "Ada");
    const page = await (
      await browser.newContext({ locale: "en-US", permissions: ["camera", "microphone"] })
    ).newPage();
    await page.addInitScript(prepare);
    const faults = watchFaults(page);
    await page.goto(url);
    await page.getByRole("button", { name: "Join now" }).click();
    await page.getByRole("navigation", { name: "Controls" }).waitFor();
    await page.getByRole("article", { name: "Ada (you)" }).waitFor();
    await say(page, "I can write.");
    await until("it is stored", async () => (await chatTexts(page)).includes("I can write."));
    assert.deepEqual(faults, []);
    await page.context().close();
  });
}

test("a_link_is_copied_where_a_page_has_no_clipboard", needs_chromium, async () => {
  const id = await parley.conference({ name: "Copied" });
  const context = await browser.newContext({
    locale: "en-US",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  await page.addInitScript(() => {
    const real = navigator.clipboard;
    (window as unknown as { real: Clipboard }).real = real;
    Object.defineProperty(navigator, "clipboard", { value: undefined });
  });
  await page.goto(`${parley.url}/#/conferences/${id}`);
  await logIn(page);
  await page.getByRole("button", { name: "Make a link" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Dora");
  await page.getByRole("button", { name: "Make the link" }).click();
  await page.getByRole("button", { name: "Copy", exact: true }).click();
  await page.getByRole("dialog").getByText("Copied").first().waitFor();
  const copied = await page.evaluate(() =>
    (window as unknown as { real: Clipboard }).real.readText(),
  );
  assert.match(copied, /\/meet\/.*#token=/);
  await context.close();
});

test("a_page_follows_the_systems_appearance_until_one_is_chosen", needs_chromium, async () => {
  const id = await parley.conference();
  const { url } = await parley.link(id, "Ada");
  const page = await personPage(browser, people.ada);
  const theme = () => page.evaluate(() => document.documentElement.dataset["theme"]);
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(url);
  await page.getByRole("button", { name: "Join now" }).waitFor();
  assert.equal(await theme(), "light");
  await page.emulateMedia({ colorScheme: "dark" });
  await until("it is dark", async () => (await theme()) === "dark");
  await page.context().close();
});
