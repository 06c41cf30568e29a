// Who and what is on the stage: several screens, people who only listen, banners beside the tiles, quality in words.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { needs_chromium, seen } from "../harness/chromium.ts";
import { type Attendee, joinMeeting, people } from "../harness/meeting.ts";
import { until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";

runForAllTests();

/** Screens are of a colour that no camera has. */
const screenOf =
  (color: string) =>
  (page: Page): Promise<unknown> =>
    page.addInitScript((fill) => {
      navigator.mediaDevices.getDisplayMedia = async () => {
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [1280, 720];
        const paint = canvas.getContext("2d") as CanvasRenderingContext2D;
        let frame = 0;
        setInterval(() => {
          paint.fillStyle = fill;
          paint.fillRect(0, 0, 1280, 720);
          paint.fillStyle = "black";
          paint.fillRect((frame++ * 9) % 1280, 640, 20, 40);
        }, 66);
        return canvas.captureStream(15);
      };
    }, color);

async function close(...all: Attendee[]): Promise<void> {
  for (const { page } of all) await page.context().close();
}

const areaOf = async (page: Page, name: string): Promise<number> => {
  const box = await page.getByRole("article", { name, exact: true }).boundingBox();
  return box ? box.width * box.height : 0;
};

const sees = (page: Page, label: string, color: string): Promise<unknown> =>
  until(
    `${label} in ${color}`,
    async () =>
      (await seen(page)).some(
        (one) => one.label === label && one.color === color && one.frames > 3,
      ),
    20_000,
  );

test(
  "every_shared_screen_is_seen_the_newest_large_and_each_can_be_made_large",
  needs_chromium,
  async () => {
    const id = await parley.conference();
    const ada = await joinMeeting(parley, browser, id, people.ada, { prepare: screenOf("yellow") });
    const ben = await joinMeeting(parley, browser, id, people.ben, {
      prepare: screenOf("magenta"),
    });
    const cleo = await joinMeeting(parley, browser, id, people.cleo);
    await ada.page.getByRole("button", { name: "Share screen" }).click();
    await sees(cleo.page, "Screen of Ada", "yellow");
    // The sharer sees what is shared, and not large by itself.
    await sees(ada.page, "Your screen", "yellow");
    assert.ok((await areaOf(ada.page, "Your screen")) <= (await areaOf(ada.page, "Ben")) * 1.01);
    await ben.page.getByRole("button", { name: "Share screen" }).click();
    await sees(cleo.page, "Screen of Ben", "magenta");
    await sees(cleo.page, "Screen of Ada", "yellow");
    await sees(ada.page, "Screen of Ben", "magenta");
    await sees(ben.page, "Screen of Ada", "yellow");
    await sees(ben.page, "Your screen", "magenta");
    const isLarge = (large: string, small: string): Promise<unknown> =>
      until(`${large} is larger than ${small}`, async () => {
        return (await areaOf(cleo.page, large)) > 2 * (await areaOf(cleo.page, small));
      });
    await isLarge("Screen of Ben", "Screen of Ada");
    await cleo.page.getByRole("article", { name: "Screen of Ada" }).hover();
    await cleo.page.getByRole("button", { name: "More for Screen of Ada" }).click();
    await cleo.page.getByRole("menuitem", { name: "Show large" }).click();
    await isLarge("Screen of Ada", "Screen of Ben");
    await sees(cleo.page, "Screen of Ada", "yellow");
    await sees(cleo.page, "Screen of Ben", "magenta");
    // The choice ends with its screen, and what is left is large.
    await ada.page.getByRole("button", { name: "Stop sharing" }).click();
    await cleo.page.getByRole("article", { name: "Screen of Ada" }).waitFor({ state: "detached" });
    await isLarge("Screen of Ben", "Ada");
    for (const one of [ada, ben, cleo]) assert.deepEqual(one.faults, []);
    await close(ada, ben, cleo);
  },
);

test("who_only_listens_is_named_below_the_stage_and_takes_no_tile", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const full = await areaOf(ada.page, "Ada (you)");
  const leo = await joinMeeting(
    parley,
    browser,
    id,
    { name: "Leo", tone_hz: 1100, color: "cyan" },
    { role: "listener" },
  );
  const line = ada.page.getByRole("region", { name: "Listeners" });
  await line.getByText("Leo").waitFor();
  await line.getByText("1 is listening").waitFor();
  assert.equal(await ada.page.getByRole("article").count(), 1);
  assert.ok((await areaOf(ada.page, "Ada (you)")) > full * 0.8);
  await leo.page.getByRole("region", { name: "Listeners" }).getByText("Leo (you)").waitFor();
  await leo.page.getByRole("article", { name: "Ada", exact: true }).waitFor();
  await leo.page.getByRole("button", { name: "Raise hand" }).click();
  await line.getByText("hand raised").waitFor();
  await ada.page.getByText("2 people").waitFor();
  // There is nothing of theirs to turn down.
  await ada.page.getByRole("button", { name: "People" }).click();
  const row = ada.page.getByRole("listitem").filter({ hasText: "Listener" });
  await row.getByText("Leo").waitFor();
  assert.equal(await row.getByRole("slider").count(), 0);
  assert.equal(await row.getByRole("img", { name: "muted" }).count(), 0);
  await close(ada, leo);
});

test("a_banner_covers_no_tile", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const ben = await joinMeeting(parley, browser, id, people.ben);
  await ada.page.getByRole("article", { name: "Ben" }).waitFor();
  await ada.page.getByRole("button", { name: "Share screen" }).click();
  const banner = ada.page.getByRole("status").filter({ hasText: "You are sharing your screen." });
  await banner.waitFor();
  for (const size of [
    { width: 1280, height: 800 },
    { width: 390, height: 844 },
  ]) {
    await ada.page.setViewportSize(size);
    await until(`nothing is covered at ${size.width}`, async () => {
      const lower = await banner.boundingBox();
      const tiles = await ada.page.getByRole("article").all();
      const boxes = await Promise.all(tiles.map((tile) => tile.boundingBox()));
      return boxes.every((box) => box && lower && box.y >= lower.y + lower.height);
    });
  }
  await close(ada, ben);
});

test("the_connection_is_told_in_words_and_numbers_at_a_press", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const ben = await joinMeeting(parley, browser, id, people.ben);
  const bars = ada.page.getByRole("button", { name: "Connection good: Ben" });
  await bars.click();
  const facts = ada.page.getByRole("dialog", { name: "Connection good: Ben" });
  await facts.getByText("Lost on the way").waitFor();
  await facts.getByText(/\d+ × \d+, \d+ per second/).waitFor();
  await ada.page.keyboard.press("Escape");
  await ada.page
    .getByRole("button", { name: "Connection good: your own connection" })
    .press("Enter");
  await ada.page.getByRole("dialog").getByText("There and back").waitFor();
  await close(ada, ben);
});
