// What the meeting page shows is true at every moment: volume, being alone, time, own messages, being heard, who speaks.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { needs_chromium } from "../harness/chromium.ts";
import { type Attendee, joinMeeting, people, say } from "../harness/meeting.ts";
import { until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";

runForAllTests();

async function close(...all: Attendee[]): Promise<void> {
  for (const { page } of all) await page.context().close();
}

async function leaveAndComeBack(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Leave", exact: true }).click();
  await page.getByRole("button", { name: "Join again" }).click();
  await page.getByRole("button", { name: "Join now" }).click();
  await page.getByRole("navigation", { name: "Controls" }).waitFor();
}

const seconds = async (page: Page): Promise<number> => {
  const text = (await page.getByRole("timer").textContent()) ?? "";
  return text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
};

test(
  "a_volume_stays_where_it_was_set_whatever_is_opened_and_whoever_comes_back",
  needs_chromium,
  async () => {
    const id = await parley.conference();
    const ada = await joinMeeting(parley, browser, id, people.ada);
    const ben = await joinMeeting(parley, browser, id, people.ben);
    const panel = ada.page.getByRole("button", { name: "People" });
    const volume = ada.page.getByRole("slider", { name: "Volume of Ben" });
    await panel.click();
    await volume.fill("30");
    await panel.click();
    await volume.waitFor({ state: "detached" });
    await panel.click();
    assert.equal(await volume.inputValue(), "30");
    await panel.click();
    await leaveAndComeBack(ben.page);
    await ada.page.getByRole("article", { name: "Ben" }).waitFor();
    await panel.click();
    await until("Ben's volume is his again", async () => (await volume.inputValue()) === "30");
    await leaveAndComeBack(ada.page);
    await panel.click();
    assert.equal(await volume.inputValue(), "30");
    await close(ada, ben);
  },
);

test("who_is_left_alone_is_not_told_to_be_the_first", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  await ada.page.getByText("Nobody else is here.").waitFor();
  const ben = await joinMeeting(parley, browser, id, people.ben);
  await ada.page.getByRole("article", { name: "Ben" }).waitFor();
  await ben.page.getByRole("button", { name: "Leave", exact: true }).click();
  await ada.page.getByText("The others have left.").waitFor();
  await close(ada, ben);
});

test("everybody_sees_the_conferences_time_by_the_servers_clock", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  await until("some time has passed", async () => (await seconds(ada.page)) >= 3);
  const ben = await joinMeeting(parley, browser, id, people.ben, {
    // A computer whose clock is a day behind.
    prepare: (page) =>
      page.addInitScript(() => {
        const real = Date.now;
        Date.now = () => real() - 86_400_000;
      }),
  });
  await ben.page.getByRole("timer").waitFor();
  const pair = async (): Promise<[number, number]> => [
    await seconds(ada.page),
    await seconds(ben.page),
  ];
  await until("both show the same", async () => {
    const [one, other] = await pair();
    return Math.abs(one - other) <= 1;
  });
  const before_leaving = await seconds(ben.page);
  await leaveAndComeBack(ben.page);
  await ben.page.getByRole("timer").waitFor();
  assert.ok((await seconds(ben.page)) >= before_leaving);
  await close(ada, ben);
});

test("own_messages_stay_own_after_a_return_and_a_reload", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const ben = await joinMeeting(parley, browser, id, people.ben);
  await say(ada.page, "Mine");
  await say(ben.page, "Not mine");
  const own = ada.page.getByRole("log").locator(".is-mine");
  await ada.page.getByRole("log").getByText("Not mine").waitFor();
  const isOwn = async (): Promise<void> => {
    await ada.page.getByRole("log").getByText("Not mine").waitFor();
    await own.getByText("Mine", { exact: true }).waitFor();
    await own.getByText("You", { exact: true }).waitFor();
    assert.equal(await own.count(), 1);
  };
  await isOwn();
  await leaveAndComeBack(ada.page);
  await ada.page.getByRole("button", { name: /^Chat/ }).click();
  await isOwn();
  await ada.page.reload();
  await ada.page.getByRole("button", { name: "Join now" }).click();
  await ada.page.getByRole("button", { name: /^Chat/ }).click();
  await isOwn();
  await close(ada, ben);
});

test("we_can_hear_you_is_said_only_while_it_is_so", needs_chromium, async () => {
  const id = await parley.conference();
  const { url } = await parley.link(id, "Ada");
  const page = await (
    await browser.newContext({ locale: "en-US", permissions: ["camera", "microphone"] })
  ).newPage();
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      if (!wanted?.audio) throw new DOMException("none", "NotFoundError");
      const context = new AudioContext();
      const [tone, gain] = [context.createOscillator(), context.createGain()];
      const out = context.createMediaStreamDestination();
      tone.connect(gain).connect(out);
      tone.start();
      Object.assign(window, { hush: () => (gain.gain.value = 0) });
      return out.stream;
    };
  });
  await page.goto(url);
  await page.getByText("We can hear you").waitFor();
  await page.evaluate(() => (window as unknown as { hush: () => void }).hush());
  await page.getByText("Say something").waitFor();
  await page.context().close();
});

test("nobody_is_shown_as_speaking_while_the_connection_is_cut", needs_chromium, async () => {
  const id = await parley.conference();
  let cut = async (): Promise<void> => undefined;
  const ben = await joinMeeting(parley, browser, id, people.ben);
  const ada = await joinMeeting(parley, browser, id, people.ada, {
    prepare: async (page) => {
      let is_cut = false;
      await page.routeWebSocket(/\/live/, (socket) => {
        if (is_cut) {
          void socket.close({ code: 1012 });
          return;
        }
        const server = socket.connectToServer();
        cut = async () => {
          is_cut = true;
          await server.close();
          await socket.close({ code: 1012 });
        };
      });
    },
  });
  const tile = ada.page.getByRole("article", { name: "Ben" });
  await tile.getByText("speaking").waitFor();
  await cut();
  await ada.page
    .getByText(/Connection lost/)
    .first()
    .waitFor();
  assert.equal(await ada.page.locator(".tile.is-speaking, .tile.is-active").count(), 0);
  assert.equal(await tile.getByText("speaking").count(), 0);
  await close(ada, ben);
});
