// Names in every script: they stand where others stand, and rearrange nothing around them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Locator, Page } from "playwright-core";
import { needs_chromium } from "../harness/chromium.ts";
import { logIn } from "../harness/console.ts";
import { joinMeeting, people, say } from "../harness/meeting.ts";
import { until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";

runForAllTests();

/** Where the letters of `parts` stand in an element, left edges in pixels, in the order given. */
const edges = (element: Locator, parts: readonly string[]): Promise<number[]> =>
  element.evaluate((root, wanted) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const found: Record<string, number> = {};
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      for (const part of wanted) {
        const at = (node.textContent ?? "").indexOf(part);
        if (at < 0 || part in found) continue;
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + part.length);
        found[part] = range.getBoundingClientRect().left;
      }
    }
    return wanted.map((part) => found[part] ?? Number.NaN);
  }, parts);

/** Fails unless the parts stand from left to right. */
async function standInOrder(element: Locator, ...parts: string[]): Promise<void> {
  const at = await edges(element, parts);
  assert.deepEqual(
    at,
    at.toSorted((one, other) => one - other),
    `${parts.join(" | ")} stand at ${at}`,
  );
  assert.ok(at.every(Number.isFinite), `${parts.join(" | ")} stand at ${at}`);
}

const named = (name: string) => ({ name, tone_hz: 660, color: "lime" }) as const;

const plain = async (page: Page): Promise<string> =>
  (await page.title()).replace(/[\u2066-\u2069]/g, "");

for (const [kind, name, shown] of [
  ["arabic", "عمر", "عمر"],
  ["hebrew", "דנה (2)", "דנה"],
  ["overridden", "Eve\u202enimda", "Eve"],
  ["unbalanced", "Eve\u2069\u2067", "Eve"],
] as const) {
  test(`a_name_that_is_${kind}_stands_where_others_stand`, needs_chromium, async () => {
    const id = await parley.conference({ name: `Talk ${name}` });
    const ada = await joinMeeting(parley, browser, id, people.ada, { role: "host" });
    const other = await joinMeeting(parley, browser, id, named(name));
    const cleo = await joinMeeting(parley, browser, id, people.cleo);
    const { page } = ada;
    await say(other.page, "Good morning");
    await page.getByRole("button", { name: "People" }).click();
    const list = page.getByRole("list", { name: "In the conference" });
    await list.getByText(shown).waitFor();
    await list.getByText("Cleo").waitFor();
    const [mine] = await edges(list, ["Ada"]);
    const [cleos] = await edges(list, ["Cleo"]);
    const left = await list
      .locator("li", { hasText: shown })
      .locator(".person-name bdi")
      .evaluate((element) => element.getBoundingClientRect().left);
    assert.equal(Math.round(left), Math.round(cleos ?? 0));
    assert.equal(Math.round(left), Math.round(mine ?? 0));
    await list
      .locator("li", { hasText: shown })
      .getByRole("button", { name: /^Remove/ })
      .click();
    const question = page.getByRole("alertdialog");
    await standInOrder(question.getByRole("heading"), "Remove", shown, "?");
    await standInOrder(question.locator("p"), shown, "leaves the conference now");
    await question.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("tab", { name: "Chat" }).click();
    await page.getByRole("log").getByText(shown).waitFor();
    await until("the title is whole", async () => /Talk/.test(await plain(page)));
    assert.doesNotMatch(await page.title(), /[\u202a-\u202e]/);
    // A list of names keeps its order, and what follows stays behind it.
    const { url } = await parley.link(id, "Late");
    const late = await (await browser.newContext({ locale: "en-US" })).newPage();
    await late.goto(url);
    const who = late.locator(".who-is-in");
    await who.getByText("Ada").waitFor();
    await standInOrder(who.locator("span").last(), "Ada", shown, "Cleo", "are in");
    await late.context().close();

    const console_page = await (await browser.newContext({ locale: "en-US" })).newPage();
    await console_page.goto(`${parley.url}/#/conferences/${id}/events`);
    await logIn(console_page);
    const line = console_page.getByRole("row", { name: /conference_message_created/ });
    await standInOrder(line, shown, "·", "Good morning");
    await console_page.getByRole("tab", { name: "JSON" }).click();
    const json = console_page.getByRole("tabpanel", { name: "JSON" });
    await json.getByText('"name"').waitFor();
    assert.doesNotMatch((await json.textContent()) ?? "", /[\u202a-\u202e\u2066-\u2069]/);
    assert.doesNotMatch(await console_page.title(), /[\u202a-\u202e]/);
    await console_page.context().close();
    for (const one of [ada, other, cleo]) await one.page.context().close();
  });
}

test("a_text_before_a_link_does_not_disguise_where_it_leads", needs_chromium, async () => {
  const id = await parley.conference({ name: "Links" });
  const ada = await joinMeeting(parley, browser, id, people.ada);
  await say(ada.page, "see \u202ehttps://example.org/moc.elpmaxe");
  const link = ada.page.getByRole("link", { name: "https://example.org/moc.elpmaxe" });
  await link.waitFor();
  await standInOrder(link, "https", "example.org", "elpmaxe");
  await ada.page.context().close();
});
