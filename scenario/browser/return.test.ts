// One person, one place: who was away comes back by themselves, and the same link in two tabs is one person unless wanted otherwise.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { installDevices, launchChromium, needs_chromium, tonesHeard } from "../harness/chromium.ts";
import { type Attendee, joinIds, joinMeeting, people, say } from "../harness/meeting.ts";
import { descendants, until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";

runForAllTests();

const joinsOf = async (id: string): Promise<string[]> => {
  const { conferencecall_ids } = await parley.api<{ conferencecall_ids: string[] }>(
    "GET",
    `/v1.0/conferences/${id}`,
  );
  return conferencecall_ids;
};

async function close(...all: Attendee[]): Promise<void> {
  for (const { page } of all) await page.context().close();
}

/** Lets the test end a page's live socket as the server would. */
async function withSocket(page: Page): Promise<{ end: (code: number) => Promise<void> }> {
  const held = { end: async (_code: number): Promise<void> => undefined };
  await page.routeWebSocket(/conferencecall_id/, (socket) => {
    const server = socket.connectToServer();
    held.end = async (code) => {
      await server.close();
      await socket.close({ code });
    };
  });
  return held;
}

test(
  "a_browser_that_stood_still_for_half_a_minute_is_back_by_itself_as_the_same_person",
  needs_chromium,
  async () => {
    const id = await parley.conference();
    const ben = await joinMeeting(parley, browser, id, people.ben);
    const before_launch = new Set(descendants(process.pid));
    const apart = await launchChromium();
    const stalled = descendants(process.pid).filter((pid) => !before_launch.has(pid));
    const ada = await joinMeeting(parley, apart, id, people.ada);
    await ada.page.getByRole("article", { name: "Ben" }).waitFor();
    await say(ada.page, "Before");
    const [, old = ""] = (await joinsOf(id)).toSorted();
    const all = (signal: "SIGSTOP" | "SIGCONT"): void => {
      for (const pid of [
        ...stalled,
        ...descendants(process.pid).filter((pid) => !before_launch.has(pid)),
      ]) {
        try {
          process.kill(pid, signal);
        } catch {
          // It ended by itself.
        }
      }
    };
    all("SIGSTOP");
    try {
      await until("Ada's place is given up", async () => (await joinsOf(id)).length === 1, 60_000);
    } finally {
      all("SIGCONT");
    }
    await until("Ada is back", async () => (await joinsOf(id)).length === 2, 30_000);
    assert.ok(old);
    await ben.page.getByRole("article", { name: "Ada", exact: true }).waitFor();
    await until("Ben hears Ada", async () => (await tonesHeard(ben.page)).includes(440), 20_000);
    await ada.page.getByRole("article", { name: "Ada (you)" }).waitFor();
    await ada.page.getByText("You are back in the conference.").first().waitFor();
    // What was written before is still one's own.
    await ada.page.getByRole("log").locator(".is-mine").getByText("Before").waitFor();
    await close(ada, ben);
    await apart.close();
  },
);

test(
  "a_place_that_is_lost_is_taken_again_with_hand_and_devices_as_they_were",
  needs_chromium,
  async () => {
    const id = await parley.conference();
    let socket = { end: async (_code: number): Promise<void> => undefined };
    const ada = await joinMeeting(parley, browser, id, people.ada, {
      prepare: async (page) => {
        socket = await withSocket(page);
      },
    });
    await ada.page.getByRole("button", { name: "Raise hand" }).click();
    await ada.page.getByRole("button", { name: "Microphone", exact: true }).click();
    const first = await joinsOf(id);
    await socket.end(4404);
    await until("another join", async () =>
      (await joinsOf(id)).some((one) => !first.includes(one)),
    );
    await ada.page.getByText("You are back in the conference.").first().waitFor();
    const pressed = (name: string): Promise<string | null> =>
      ada.page.getByRole("button", { name, exact: true }).getAttribute("aria-pressed");
    await until("the hand is up", async () => (await pressed("Raise hand")) === "true");
    assert.equal(await pressed("Microphone"), "false");
    assert.equal(await pressed("Camera"), "true");
    await close(ada);
  },
);

test("who_was_removed_or_whose_link_is_over_is_not_brought_back", needs_chromium, async () => {
  const id = await parley.conference();
  for (const [code, heading] of [
    [4403, "You were removed"],
    [4401, "This link does not work any more"],
    [4410, "The conference is over"],
  ] as const) {
    let socket = { end: async (_code: number): Promise<void> => undefined };
    const ada = await joinMeeting(parley, browser, id, people.ada, {
      prepare: async (page) => {
        socket = await withSocket(page);
      },
    });
    await socket.end(code);
    await ada.page.getByRole("heading", { name: heading }).waitFor();
    await close(ada);
  }
});

test("a_place_that_cannot_be_taken_again_says_why", needs_chromium, async () => {
  const id = await parley.conference();
  let socket = { end: async (_code: number): Promise<void> => undefined };
  const ada = await joinMeeting(parley, browser, id, people.ada, {
    prepare: async (page) => {
      socket = await withSocket(page);
    },
  });
  // The server does not answer for a while: the page waits, and can be left.
  await ada.page.route("**/conferencecalls", (route) => route.abort());
  await socket.end(4404);
  await ada.page.getByText("You were away and are joining again…").waitFor();
  await ada.page.unroute("**/conferencecalls");
  await ada.page.getByText("You are back in the conference.").first().waitFor();
  await ada.page.route("**/conferencecalls", (route) => route.abort());
  await socket.end(4404);
  await ada.page.getByRole("button", { name: "Leave the conference" }).click();
  await ada.page.getByRole("heading", { name: "You left" }).waitFor();
  await close(ada);
});

test("the_same_link_in_a_second_tab_takes_the_place_of_the_first", needs_chromium, async () => {
  const id = await parley.conference();
  const ben = await joinMeeting(parley, browser, id, people.ben);
  const ada = await joinMeeting(parley, browser, id, people.ada);
  await ben.page.getByRole("article", { name: "Ada", exact: true }).waitFor();
  const ids = await joinIds(parley, id);
  const second = await ada.page.context().newPage();
  await second.addInitScript(installDevices, people.ada);
  await second.goto(ada.page.url());
  await second.getByText("You are in this conference in another tab").waitFor();
  await second.getByRole("button", { name: "Use here instead" }).click();
  await second.getByRole("navigation", { name: "Controls" }).waitFor();
  await ada.page.getByRole("heading", { name: "Open in another tab" }).waitFor();
  await second.getByRole("article", { name: "Ben" }).waitFor();
  // The same join: the others see nobody leave and nobody come.
  assert.equal(await joinIds(parley, id), ids);
  await until("Ben hears Ada", async () => (await tonesHeard(ben.page)).includes(440), 20_000);
  await until("Ada hears Ben", async () => (await tonesHeard(second)).includes(660), 20_000);
  assert.equal(await ben.page.getByText("Ada left").count(), 0);
  // And back again.
  await ada.page.getByRole("button", { name: "Join again" }).click();
  await ada.page.getByRole("button", { name: "Use here instead" }).click();
  await second.getByRole("heading", { name: "Open in another tab" }).waitFor();
  await ada.page.getByRole("article", { name: "Ada (you)" }).waitFor();
  assert.equal(await joinIds(parley, id), ids);
  await close(ada, ben);
});

test("two_people_with_one_link_stay_possible", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const second = await ada.page.context().newPage();
  await second.addInitScript(installDevices, people.ben);
  await second.goto(ada.page.url());
  await second.getByText("You are in this conference in another tab").waitFor();
  await second.getByRole("textbox", { name: "Your name" }).fill("Guest");
  await second.getByRole("button", { name: "Join now" }).click();
  await ada.page.getByRole("article", { name: "Guest" }).waitFor();
  await second.getByRole("article", { name: "Ada", exact: true }).waitFor();
  assert.equal((await joinsOf(id)).length, 2);
  // Another link into the same conference is another person, and is asked nothing.
  const { url } = await parley.link(id, "Cleo");
  const third = await ada.page.context().newPage();
  await third.goto(url);
  await third.getByRole("button", { name: "Join now" }).waitFor();
  assert.equal(await third.getByText("in another tab").count(), 0);
  await close(ada);
});

test("a_tab_that_was_closed_is_no_other_tab", needs_chromium, async () => {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const second = await ada.page.context().newPage();
  await second.goto(ada.page.url());
  await second.getByText("You are in this conference in another tab").waitFor();
  await ada.page.getByRole("button", { name: "Leave", exact: true }).click();
  await second
    .getByText("You are in this conference in another tab")
    .waitFor({ state: "detached" });
  await close(ada);
});
