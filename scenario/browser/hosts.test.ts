// What hosts and owners do: invite, remove, end, look for conferences; and what everybody is told of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { needs_chromium, personPage } from "../harness/chromium.ts";
import { logIn } from "../harness/console.ts";
import { joinMeeting, people } from "../harness/meeting.ts";
import { until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";

runForAllTests();

async function consolePage(hash: string, locale = "en-US"): Promise<Page> {
  const page = await (await browser.newContext({ locale })).newPage();
  await page.goto(`${parley.url}/${hash}`);
  await logIn(page);
  await page.locator("main.content h1").waitFor();
  return page;
}

test(
  "a_host_alone_copies_an_invite_link_by_role_and_others_come_in_by_it",
  needs_chromium,
  async () => {
    const id = await parley.conference();
    const ada = await joinMeeting(parley, browser, id, people.ada, { role: "host" });
    await ada.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await ada.page.locator(".alone").getByRole("button", { name: "Copy invite link" }).click();
    const dialog = ada.page.getByRole("dialog", { name: "Invite others" });
    const links: string[] = [];
    for (const role of ["Member", "Listener", "Host"]) {
      await dialog.getByRole("button", { name: "Role" }).click();
      await ada.page.getByRole("option", { name: role, exact: true }).click();
      await dialog.getByRole("button", { name: "Copy invite link" }).click();
      await dialog.getByText("The link is copied.").waitFor();
      const link = await ada.page.evaluate(() => navigator.clipboard.readText());
      assert.equal(await dialog.getByRole("textbox", { name: "Invite link" }).inputValue(), link);
      links.push(link);
    }
    assert.equal(new Set(links).size, 3);
    await ada.page.keyboard.press("Escape");
    const [member = "", listener = ""] = links;
    const guest = await personPage(browser, people.ben);
    await guest.goto(member);
    await guest.getByRole("textbox", { name: "Your name" }).fill("Ben");
    await guest.getByRole("button", { name: "Join now" }).click();
    await ada.page.getByRole("article", { name: "Ben", exact: true }).waitFor();
    await guest.getByRole("button", { name: "People" }).click();
    // Only hosts invite.
    assert.equal(await guest.getByRole("button", { name: "Copy invite link" }).count(), 0);
    const ear = await personPage(browser, people.cleo);
    await ear.goto(listener);
    await ear.getByText("This link lets you listen and watch.").waitFor();
    for (const page of [ada.page, guest, ear]) await page.context().close();
  },
);

test("an_invite_link_that_died_with_a_removal_is_not_given_out_again", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada, { role: "host" });
  await ada.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const copied = async (): Promise<string> => {
    await ada.page.getByRole("button", { name: "More", exact: true }).click();
    await ada.page.getByRole("menuitem", { name: "Copy invite link" }).click();
    const dialog = ada.page.getByRole("dialog", { name: "Invite others" });
    await dialog.getByRole("button", { name: "Copy invite link" }).click();
    await dialog.getByText("The link is copied.").waitFor();
    await ada.page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    return ada.page.evaluate(() => navigator.clipboard.readText());
  };
  const first = await copied();
  assert.equal(await copied(), first);
  const ben = await personPage(browser, people.ben);
  await ben.goto(first);
  await ben.getByRole("textbox", { name: "Your name" }).fill("Ben");
  await ben.getByRole("button", { name: "Join now" }).click();
  await ada.page.getByRole("article", { name: "Ben", exact: true }).waitFor();
  await ada.page.getByRole("button", { name: "People" }).click();
  await ada.page.getByRole("button", { name: "Remove Ben" }).click();
  await ada.page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
  await ben.getByRole("heading", { name: "You were removed" }).waitFor();
  // Neither who was removed nor anybody else comes in by it, and nobody else is told to have been removed.
  const cleo = await personPage(browser, people.cleo);
  for (const page of [ben, cleo]) {
    await page.goto("about:blank");
    await page.goto(first);
    await page.getByRole("heading", { name: "This link does not work any more" }).waitFor();
    await page.getByText("It was taken back").waitFor();
    assert.equal(await page.getByRole("button", { name: "Join now" }).count(), 0);
  }
  await cleo.goto("about:blank");
  await cleo.goto(await copied());
  await cleo.getByRole("textbox", { name: "Your name" }).fill("Cleo");
  await cleo.getByRole("button", { name: "Join now" }).click();
  await ada.page.getByRole("article", { name: "Cleo", exact: true }).waitFor();
  for (const page of [ada.page, ben, cleo]) await page.context().close();
});

test("who_is_removed_is_told_when_and_by_whom_and_so_are_the_others", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada, { role: "host" });
  const ben = await joinMeeting(parley, browser, id, people.ben);
  const cleo = await joinMeeting(parley, browser, id, people.cleo);
  await ada.page.getByRole("button", { name: "People" }).click();
  await ada.page.getByRole("button", { name: "Remove Ben" }).click();
  await ada.page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
  await ben.page.getByText(/Ada removed you from the conference at .*\d/).waitFor();
  for (const { page } of [ada, cleo]) {
    await page.getByText("Ben was removed").first().waitFor();
    assert.equal(await page.getByText("Ben left").count(), 0);
  }
  const { conferencecall_ids } = await parley.api<{ conferencecall_ids: string[] }>(
    "GET",
    `/v1.0/conferences/${id}`,
  );
  await parley.api("DELETE", `/v1.0/conferencecalls/${conferencecall_ids.at(-1)}`);
  await cleo.page.getByText(/Whoever runs this conference removed you from it at .*\d/).waitFor();
  assert.equal(await cleo.page.getByText("A host removed you").count(), 0);
  const page = await consolePage(`#/conferences/${id}/people`);
  await page.getByRole("row", { name: /Ben.*removed by Ada/ }).waitFor();
  await page.getByRole("row", { name: /Cleo.*removed by a log-in/ }).waitFor();
  for (const one of [ada.page, ben.page, cleo.page, page]) await one.context().close();
});

test(
  "a_conference_is_counted_by_the_servers_clock_whatever_the_readers_says",
  needs_chromium,
  async () => {
    const id = await parley.conference();
    const ada = await joinMeeting(parley, browser, id, people.ada);
    const page = await consolePage("#/conferences");
    await page.addInitScript(() => {
      const real = Date.now;
      // A computer whose clock is a day ahead.
      Date.now = () => real() + 86_400_000;
    });
    await page.goto(`${parley.url}/#/conferences/${id}`);
    await page.reload();
    const minutes = page.locator(".fact", { hasText: "Person minutes" }).locator("dd");
    const counted = async (): Promise<number> => Number(await minutes.textContent());
    await minutes.waitFor();
    const at_first = await counted();
    await until("time goes on", async () => (await counted()) > at_first, 20_000);
    assert.ok((await counted()) < 5, `${await counted()} minutes`);
    await page.getByRole("img", { name: /Time line/ }).waitFor();
    // Whoever is in since the begin fills the drawing, and does not stand at its edge.
    const [lane, axis] = await Promise.all([
      page.locator(".timeline rect.present").boundingBox(),
      page.locator(".timeline").boundingBox(),
    ]);
    assert.ok(lane && axis && lane.width > axis.width / 2);
    for (const one of [ada.page, page]) await one.context().close();
  },
);

test("an_ended_conference_says_when_why_and_by_whom", needs_chromium, async () => {
  const by_host = await parley.conference({ name: "Ended by a host" });
  const ada = await joinMeeting(parley, browser, by_host, people.ada, { role: "host" });
  const ben = await joinMeeting(parley, browser, by_host, people.ben);
  await ada.page.getByRole("button", { name: "Leave", exact: true }).click();
  await ada.page.getByRole("menuitem", { name: "End for all" }).click();
  await ada.page.getByRole("alertdialog").getByRole("button", { name: "End for all" }).click();
  await ben.page.getByText(/Ada ended it at .*\d/).waitFor();
  const page = await consolePage(`#/conferences/${by_host}`);
  await page.getByText(/Ended .*\d.* by Ada/).waitFor();
  await page.locator(".legend", { hasText: /end$/ }).waitFor();

  const by_owner = await parley.conference({ name: "Ended by its owner" });
  await parley.api("DELETE", `/v1.0/conferences/${by_owner}`);
  await page.goto(`${parley.url}/#/conferences/${by_owner}`);
  await page.getByText(/Ended .*\d.* by a log-in/).waitFor();

  const by_time = await parley.conference({ name: "Ended by its time" });
  const cleo = await joinMeeting(parley, browser, by_time, people.cleo);
  await parley.api("PUT", `/v1.0/conferences/${by_time}`, { timeout: 1 });
  await cleo.page.getByText(/Its time was over at/).waitFor();
  await page.goto(`${parley.url}/#/conferences/${by_time}`);
  await page.getByText(/Ended .*\d.* because its time was over/).waitFor();
  for (const one of [ada.page, ben.page, cleo.page, page]) await one.context().close();
});

test(
  "the_search_of_the_console_finds_what_is_not_on_the_page_in_every_state_and_by_day",
  needs_chromium,
  async () => {
    const wanted = await parley.conference({ name: "Needle in the hay" });
    await parley.api("DELETE", `/v1.0/conferences/${wanted}`);
    for (let at = 0; at < 110; at += 1) await parley.conference({ name: `Hay ${at}` });
    const page = await consolePage("#/conferences");
    const field = page.getByRole("searchbox");
    await field.fill("hay 3");
    await page.getByRole("link", { name: "Hay 3", exact: true }).waitFor();
    await field.fill("NEEDLE");
    await page.getByText("No conference fits these filters.").waitFor();
    await page.getByRole("button", { name: "State" }).click();
    await page.getByRole("option", { name: "All, ended ones too" }).click();
    await page.getByRole("link", { name: "Needle in the hay" }).waitFor();
    assert.match(page.url(), /status=all/);
    const day = (days: number): string => {
      const at = new Date(Date.now() + days * 86_400_000);
      const two = (part: number): string => String(part).padStart(2, "0");
      return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    };
    await page.getByLabel("Created from").fill(day(1));
    await page.getByText("No conference fits these filters.").waitFor();
    await page.getByLabel("Created from").fill(day(0));
    await page.getByLabel("Created until").fill(day(0));
    await page.getByRole("link", { name: "Needle in the hay" }).waitFor();
    await page.reload();
    await page.getByRole("link", { name: "Needle in the hay" }).waitFor();
    await page.context().close();
  },
);

test("a_long_name_stays_in_its_card_and_numbers_are_the_readers", needs_chromium, async () => {
  const long = `Somebody ${"with-a-name-that-never-ends-".repeat(3)}`.slice(0, 100);
  const id = await parley.conference({ name: `An agenda ${"of-many-words-".repeat(40)}` });
  const one = await joinMeeting(parley, browser, id, { ...people.ada, name: long });
  const page = await consolePage(`#/conferences/${id}`, "de-DE");
  await page.getByText("Spricht gerade").waitFor();
  await until("somebody talks", async () =>
    (await page.locator(".fact").allTextContents()).some((text) => text.includes("Somebody")),
  );
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    const heights = await page
      .locator(".fact")
      .evaluateAll((cards) => cards.map((card) => card.getBoundingClientRect().height));
    assert.ok(Math.max(...heights) < 100, `cards are ${heights} high at ${width}`);
    assert.ok(
      await page.evaluate(
        () => document.documentElement.scrollWidth <= document.documentElement.clientWidth,
      ),
    );
  }
  const minutes = await page
    .locator(".fact", { hasText: "Personenminuten" })
    .locator("dd")
    .textContent();
  assert.match(minutes ?? "", /^\d+,\d$/);
  for (const open of [one.page, page]) await open.context().close();
});
