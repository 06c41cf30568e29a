// The pages in German, whose words are long, on phones and tablets: nothing is cut off, runs out of its control, lies on
// something else or is too small for a finger; numbers are written as its readers write them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { type Guest, openGuest } from "../gallery/guests.ts";
import { needs_chromium } from "../harness/chromium.ts";
import { drawn_people } from "../harness/drawn-people.ts";
import { layoutFaults, settle } from "../harness/layout.ts";
import { password } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";

const sizes = [
  { width: 1024, height: 768 },
  { width: 844, height: 390 },
  { width: 390, height: 844 },
  { width: 360, height: 640 },
] as const;

runForAllTests();

const conference = (): Promise<string> =>
  parley.conference({
    name: "Wöchentliche Produktbesprechung",
    detail: "Zahlen der Woche, danach offene Fragen",
  });

/** Fails with every fault of the layout, under each size. `open` brings up anew what is looked at, `close` takes it away. */
async function lookAt(
  page: Page,
  what: string,
  { open, close }: { open?: () => Promise<void>; close?: () => Promise<void> } = {},
): Promise<void> {
  for (const size of sizes) {
    await page.setViewportSize(size);
    await open?.();
    await settle(page);
    assert.deepEqual(await layoutFaults(page), [], `${what}, ${size.width} × ${size.height}`);
    await close?.();
  }
}

const german = (given: { at: number }): Promise<Guest> => {
  const look = drawn_people[given.at];
  assert.ok(look);
  return openGuest(browser, "de", { look, is_touched: true });
};

test("in_german_every_view_of_a_meeting_fits_on_phones_and_tablets", needs_chromium, async () => {
  const id = await conference();
  const ada = await german({ at: 0 });
  const { page, t } = ada;
  await page.goto((await parley.link(id, "Ada Lovelace", "host")).url);
  await page.getByRole("button", { name: t("join_now") }).waitFor();
  await lookAt(page, "before joining");
  await ada.join();
  await lookAt(page, "alone");
  const max = await german({ at: 5 });
  await max.page.goto((await parley.link(id, drawn_people[5]?.name ?? "")).url);
  await max.join();
  await page.getByRole("article", { name: "Maximiliane" }).waitFor();
  await lookAt(page, "two people");
  const open = (what: string, press: () => Promise<void>, role: "menu" | "dialog") =>
    lookAt(page, what, {
      async open() {
        await press();
        await page.getByRole(role).waitFor();
      },
      async close() {
        await page.keyboard.press("Escape");
        await page.getByRole(role).waitFor({ state: "detached" });
      },
    });
  await open("the menu", () => ada.press("more"), "menu");
  await open("the way out", () => ada.press("leave"), "menu");
  for (const box of ["settings", "shortcuts", "invite"] as const)
    await open(
      box,
      async () => {
        await ada.press("more");
        await page.getByRole("menuitem", { name: t(box) }).click();
      },
      "dialog",
    );
  await ada.press("more");
  await page.getByRole("menuitem", { name: t("people") }).click();
  await page
    .getByRole("button", { name: t("remove_named", { name: drawn_people[5]?.name ?? "" }) })
    .waitFor();
  await lookAt(page, "people");
  await page.getByRole("tab", { name: t("chat") }).click();
  await page.getByRole("log").waitFor();
  await lookAt(page, "chat");
  await page.getByRole("button", { name: t("close") }).click();
  await max.press("share_screen");
  await ada.press("more");
  await page.getByRole("menuitem", { name: t("share_screen") }).click();
  await page.getByRole("article", { name: t("your_screen") }).waitFor();
  await lookAt(page, "two screens");
  await max.press("leave");
  await max.page.getByRole("heading", { name: t("end_left") }).waitFor();
  await lookAt(max.page, "left");
  await ada.close();
  await max.close();
});

test("in_german_every_view_of_the_console_fits_on_phones_and_tablets", needs_chromium, async () => {
  const id = await conference();
  const owner = await openGuest(browser, "de", { is_touched: true });
  const { page, t } = owner;
  await page.goto(parley.url);
  await page.getByRole("textbox", { name: t("username") }).fill("admin");
  await lookAt(page, "log-in");
  await page.getByLabel(t("password")).fill(password);
  await owner.press("login");
  await page
    .getByRole("link", { name: /^Wöchentliche/ })
    .first()
    .waitFor();
  await lookAt(page, "list");
  await page.goto(`${parley.url}/#/conferences/${id}`);
  await page.getByText(t("timeline_empty")).waitFor();
  await lookAt(page, "conference");
  // Minutes have a decimal comma.
  await page.getByText("0,0", { exact: true }).waitFor();
  for (const tab of ["people", "events", "chat", "json"] as const) {
    await page.getByRole("tab", { name: t(`tab_${tab}`) }).click();
    await page.getByRole("tabpanel", { name: t(`tab_${tab}`) }).waitFor();
    await lookAt(page, tab);
  }
  await owner.press("link_make");
  await page.getByRole("dialog").waitFor();
  await lookAt(page, "a link");
  await page.keyboard.press("Escape");
  for (const [link, title] of [
    ["nav_keys", "keys"],
    ["nav_start", "start_title"],
  ] as const) {
    await page.getByRole("link", { name: t(link) }).click();
    // "None of them yet" is a heading as well.
    await page.getByRole("heading", { name: t(title), exact: true }).waitFor();
    await lookAt(page, link);
  }
  await owner.close();
});
