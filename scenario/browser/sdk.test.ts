// The SDK as a customer's own page uses it, on another site, with real Chromium and a whole Parley:
// hearing, seeing, mute, screen, chat, kick, and the four ways of coming back.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Page } from "playwright-core";
import type * as Sdk from "../../client/src/index.ts";
import type { JoinedConference, JoinNotices } from "../../client/src/index.ts";
import { needs_chromium, type Persona, personPage, seen, tonesHeard } from "../harness/chromium.ts";
import { until } from "../harness/parley.ts";
import { browser, killAndRestart, parley, runForAllTests } from "../harness/running.ts";
import { startSdkSite } from "../harness/sdk-page.ts";
import type { Site } from "../harness/site.ts";

let site: Site;
runForAllTests(async () => {
  site = await startSdkSite();
  return { PARLEY_HTTP_ALLOWED_ORIGINS: site.origin };
});
after(() => site?.close());

/** What the page keeps for its test. */
interface World {
  parley: typeof Sdk;
  joined: JoinedConference;
  told: [string, string][];
  sending: Promise<unknown>;
}

const ada: Persona = { name: "Ada", tone_hz: 440, color: "red" };
const bo: Persona = { name: "Bo", tone_hz: 880, color: "lime" };
const slow_ms = 20_000;

/** Somebody on the site's page who has joined; everybody else's camera is shown in an element of their own. */
async function join(conference_id: string, persona: Persona, options: object = {}): Promise<Page> {
  const page = await personPage(browser, persona);
  const { token } = await parley.link(conference_id, persona.name, "host");
  await page.goto(site.origin);
  await page.waitForFunction(() => "parley" in window);
  await page.evaluate(
    async (given) => {
      const world = window as unknown as World;
      const joined = await world.parley.joinConference(given);
      world.joined = joined;
      world.told = [];
      const names: (keyof JoinNotices)[] = ["ended", "message", "joined", "left", "problem"];
      for (const name of names) {
        joined.on(name, (carried) => {
          const { reason, text, name: who } = carried as unknown as Partial<Record<string, string>>;
          world.told.push([name, reason ?? text ?? who ?? ""]);
        });
      }
      const shown = new Set<string>();
      const show = (id: string, source: Sdk.Source, label: string): void => {
        if (shown.has(`${id} ${source}`)) return;
        shown.add(`${id} ${source}`);
        const tile = joined.showTile(id, source, { width: 640, height: 360 });
        const video = document.createElement("video");
        video.muted = true;
        video.autoplay = true;
        video.playsInline = true;
        video.width = 320;
        video.setAttribute("aria-label", label);
        video.srcObject = tile.media;
        document.body.append(video);
      };
      const layOut = (): void => {
        for (const person of joined.view.people) {
          if (person.is_me) continue;
          if (person.camera) show(person.id, "camera", person.name);
          if (person.screen) show(person.id, "screen", `${person.name}'s screen`);
        }
      };
      joined.on("change", layOut);
      layOut();
    },
    { server: parley.url, token, conference_id, camera: true, ...options },
  );
  return page;
}

const hears = (page: Page, tones: readonly number[]) =>
  until(
    `hears ${tones.join(" and ") || "nothing"}`,
    async () => String(await tonesHeard(page)) === String(tones),
    slow_ms,
  );
const sees = async (page: Page, label: string, color: string): Promise<void> => {
  const frames = async (): Promise<number> =>
    (await seen(page)).find((one) => one.label === label && one.color === color)?.frames ?? 0;
  await until(`sees ${label} in ${color}`, frames, slow_ms);
  const before_count = await frames();
  await until(`${label} moves`, async () => (await frames()) > before_count + 2, slow_ms);
};
/** Asks the page's conference; `expression` runs there, as a function of it. */
const ask = <T>(page: Page, expression: (joined: JoinedConference) => T | Promise<T>): Promise<T> =>
  page.evaluate<T>(`(${expression.toString()})(window.joined)`);
const told = (page: Page): Promise<[string, string][]> =>
  page.evaluate(() => (window as unknown as World).told);
/** Nobody was lost and nothing has ended, as far as these pages know. */
const nothingEnded = async (pages: readonly Page[]): Promise<void> => {
  for (const page of pages) {
    const ends = (await told(page)).filter(([name]) => name === "ended" || name === "left");
    assert.deepEqual(ends, []);
  }
};
const allLeave = async (pages: readonly Page[]): Promise<void> => {
  for (const page of pages) await ask(page, (joined) => joined.leave());
};

/** ICE checks that were answered so far. */
const checksAnswered = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const { probes } = window as unknown as { probes: { connections: RTCPeerConnection[] } };
    const report = await probes.connections.at(-1)?.getStats();
    let count = 0;
    for (const entry of report?.values() ?? []) {
      if (entry.type === "candidate-pair") count += entry.responsesReceived;
    }
    return count;
  });

const both = async (first: Page, second: Page): Promise<void> => {
  await Promise.all([
    hears(first, [bo.tone_hz]),
    hears(second, [ada.tone_hz]),
    sees(first, "Bo", bo.color),
    sees(second, "Ada", ada.color),
  ]);
};

test("two_people_hear_and_see_each_other_mute_share_write_and_leave", needs_chromium, async () => {
  const id = await parley.conference();
  const [first, second] = [await join(id, ada), await join(id, bo)];
  await both(first, second);

  await ask(first, (joined) => joined.setMicrophone(false));
  await hears(second, []);
  await until("Bo sees that Ada is muted", () =>
    ask(second, (joined) => joined.view.people.some((one) => one.name === "Ada" && one.muted)),
  );
  await ask(first, (joined) => joined.setMicrophone(true));
  await hears(second, [ada.tone_hz]);

  await ask(first, (joined) => joined.setScreen(true));
  await sees(second, "Ada's screen", "white");
  await ask(first, (joined) => joined.setScreen(false));
  await until("Bo sees that the screen is gone", () =>
    ask(second, (joined) => joined.view.people.every((one) => !one.screen)),
  );

  await ask(first, (joined) => joined.chat.send("Hello Bo"));
  await until("Bo has the message", async () =>
    (await told(second)).some(([name, text]) => name === "message" && text === "Hello Bo"),
  );
  const late = await join(id, { name: "Cy", tone_hz: 1320, color: "blue" });
  assert.deepEqual(await ask(late, (joined) => joined.view.chat.messages.map((one) => one.text)), [
    "Hello Bo",
  ]);

  await ask(first, (joined) =>
    joined.kick(joined.view.people.find((one) => one.name === "Cy")?.id ?? ""),
  );
  await until("Cy was told", async () =>
    (await told(late)).some(([name, reason]) => name === "ended" && reason === "kicked"),
  );
  await ask(second, (joined) => joined.leave());
  await until("Ada saw Bo leave", async () =>
    (await told(first)).some(([name, who]) => name === "left" && who === "Bo"),
  );
  await ask(first, (joined) => joined.end());
  await until("Ada's conference is over", async () =>
    (await told(first)).some(([name, reason]) => name === "ended" && reason === "ended"),
  );
});

test("a_weak_device_hears_everybody_on_one_mixed_line", needs_chromium, async () => {
  const id = await parley.conference();
  const [first, second, mixed] = [
    await join(id, ada),
    await join(id, bo),
    await join(id, { name: "Cy", tone_hz: 1320, color: "blue" }, { mode: "mix", tile_count: 2 }),
  ];
  await hears(mixed, [ada.tone_hz, bo.tone_hz]);
  await hears(first, [bo.tone_hz, 1320]);
  await allLeave([first, second, mixed]);
});

test("a_changed_network_restarts_ice_and_nothing_else_changes", needs_chromium, async () => {
  const id = await parley.conference();
  const [first, second] = [await join(id, ada), await join(id, bo)];
  await both(first, second);
  const call_id = await ask(first, (joined) => joined.conferencecall_id);
  const restarted = first.waitForResponse((reply) => reply.request().method() === "PATCH");
  await first.evaluate(() => {
    window.dispatchEvent(new Event("online"));
  });
  assert.equal((await restarted).status(), 200);
  await until("live again", () => ask(first, (joined) => joined.view.connection === "live"));
  await both(first, second);
  assert.equal(await ask(first, (joined) => joined.conferencecall_id), call_id);
  assert.deepEqual(
    (await told(first)).filter(([name]) => name === "ended" || name === "problem"),
    [],
  );
  await allLeave([first, second]);
});

test("a_cut_to_the_server_loses_no_message_and_media_goes_on", needs_chromium, async () => {
  const id = await parley.conference();
  const [first, second] = [await join(id, ada), await join(id, bo)];
  await both(first, second);
  await first.context().setOffline(true);
  await first.evaluate(() => {
    const world = window as unknown as World;
    world.sending = world.joined.chat.send("written while cut");
  });
  await ask(second, (joined) => joined.chat.send("said meanwhile"));
  await first.context().setOffline(false);
  await first.evaluate(() => (window as unknown as World).sending);
  await until("both have both, once", async () => {
    const texts = await Promise.all(
      [first, second].map((page) =>
        ask(page, (joined) =>
          joined.view.chat.messages
            .map((one) => one.text)
            .sort()
            .join(),
        ),
      ),
    );
    return texts.every((text) => text === "said meanwhile,written while cut");
  });
  await both(first, second);
  await allLeave([first, second]);
});

test("a_killed_media_worker_is_not_noticed", needs_chromium, async () => {
  const id = await parley.conference();
  const [first, second] = [await join(id, ada), await join(id, bo)];
  await both(first, second);
  const ids = await Promise.all(
    [first, second].map((page) => ask(page, (one) => one.conferencecall_id)),
  );
  for (const pid of await parley.workers()) process.kill(pid, "SIGKILL");
  await both(first, second);
  assert.deepEqual(
    await Promise.all([first, second].map((page) => ask(page, (one) => one.conferencecall_id))),
    ids,
  );
  await nothingEnded([first, second]);
  await allLeave([first, second]);
});

test(
  "a_media_worker_killed_right_after_a_join_is_made_up_for_by_a_new_connection",
  needs_chromium,
  async () => {
    const id = await parley.conference();
    const first = await join(id, ada);
    await until("connected", () =>
      ask(first, (joined) => joined.view.people.some((one) => one.status === "joined")),
    );
    const second = await join(id, bo);
    for (const pid of await parley.workers()) process.kill(pid, "SIGKILL");
    await both(first, second);
    await until("live again", () => ask(second, (joined) => joined.view.connection === "live"));
    await nothingEnded([first, second]);
    await allLeave([first, second]);
  },
);

test("after_a_killed_server_everybody_is_back_with_the_same_ids", needs_chromium, async () => {
  const id = await parley.conference();
  const [first, second] = [await join(id, ada), await join(id, bo)];
  await both(first, second);
  const call_id = await ask(first, (joined) => joined.conferencecall_id);
  await killAndRestart();
  await until(
    "both live again",
    async () =>
      (await ask(first, (joined) => joined.view.connection === "live")) &&
      (await ask(second, (joined) => joined.view.connection === "live")),
    slow_ms,
  );
  await both(first, second);
  assert.equal(await ask(first, (joined) => joined.conferencecall_id), call_id);
  await ask(first, (joined) => joined.chat.send("still here"));
  await nothingEnded([first, second]);
  await allLeave([first, second]);
});

test(
  "somebody_alone_and_silent_is_left_in_peace_and_a_listener_sends_nothing",
  needs_chromium,
  async () => {
    const id = await parley.conference();
    const alone = await join(id, ada, { microphone: false, camera: false });
    const patches: string[] = [];
    alone.on("request", (request) => {
      if (request.method() === "PATCH") patches.push(request.url());
    });
    const page = await personPage(browser, bo);
    const { token } = await parley.link(id, "Bo", "listener");
    await page.goto(site.origin);
    await page.waitForFunction(() => "parley" in window);
    const reason = await page.evaluate(
      async (given) => {
        const world = window as unknown as World;
        world.joined = await world.parley.joinConference(given);
        world.told = [];
        world.joined.on("problem", (problem) => world.told.push(["problem", problem.reason]));
        return await world.joined.setMicrophone(true).then(
          () => "",
          (problem: Sdk.Problem) => problem.reason,
        );
      },
      { server: parley.url, token, conference_id: id },
    );
    assert.equal(reason, "PERMISSION_DENIED");
    assert.equal(await ask(page, (joined) => joined.own.microphone.state), "off");
    await ask(alone, (joined) => joined.setMicrophone(true));
    await hears(page, [ada.tone_hz]);
    await ask(alone, (joined) => joined.setMicrophone(false));
    // Longer than a path may be silent: ICE's own checks have to count as life.
    const before_count = await checksAnswered(alone);
    await until(
      "ICE's own checks went on for longer than a path may be silent",
      async () => (await checksAnswered(alone)) >= before_count + 4,
      30_000,
    );
    assert.deepEqual(patches, []);
    assert.equal(await ask(alone, (joined) => joined.view.connection), "live");
    assert.deepEqual(await told(page), []);
    await allLeave([alone, page]);
  },
);

test("the_smallest_example_is_a_whole_meeting", needs_chromium, async () => {
  const id = await parley.conference();
  const open = async (persona: Persona): Promise<Page> => {
    const page = await personPage(browser, persona);
    const { token } = await parley.link(id, persona.name);
    await page.goto(
      `${site.origin}/run/smallest?${new URLSearchParams({ conference: id, server: parley.url })}#${token}`,
    );
    await page.getByRole("button", { name: "Mute" }).waitFor();
    return page;
  };
  const [first, second] = [await open(ada), await open(bo)];
  await Promise.all([hears(first, [bo.tone_hz]), sees(second, "", ada.color)]);
  await second.getByRole("button", { name: "Mute" }).click();
  await hears(first, []);
  await second.getByRole("button", { name: "Unmute" }).waitFor();
  await second.close({ runBeforeUnload: true });
  await until(
    "its picture is gone",
    async () => (await first.locator("video").count()) === 0,
    slow_ms,
  );
});
