// The meeting page from link to farewell, state by state.
import type { Browser } from "playwright-core";
import type { Language } from "../../web/src/text/index.ts";
import { drawn_people } from "../harness/drawn-people.ts";
import { type Parley, until } from "../harness/parley.ts";
import { type Guest, openGuest } from "./guests.ts";
import type { Gallery } from "./looks.ts";

interface Stagehand {
  readonly parley: Parley;
  readonly browser: Browser;
  readonly gallery: Gallery;
  readonly language: Language;
}

const names: Readonly<Record<Language, { conference: string; detail: string }>> = {
  en: { conference: "Product review", detail: "Figures of the week, then open questions" },
  de: {
    conference: "Wöchentliche Produktbesprechung",
    detail: "Zahlen der Woche, danach offene Fragen",
  },
};

function newConference({ parley, language }: Stagehand): Promise<string> {
  const { conference: name, detail } = names[language];
  return parley.conference({ name, detail });
}

// In the page: devices that answer with a failure.
const no_devices = (): void => {
  navigator.mediaDevices.getUserMedia = () =>
    Promise.reject(new DOMException("none here", "NotFoundError"));
  navigator.mediaDevices.enumerateDevices = async () => [];
};
const denied_devices = (): void => {
  navigator.mediaDevices.getUserMedia = () =>
    Promise.reject(new DOMException("not allowed", "NotAllowedError"));
};

/** Before joining: every way a link can be met. */
export async function beforeScenes(hand: Stagehand): Promise<void> {
  const { parley, browser, gallery, language } = hand;
  const id = await newConference(hand);
  const open = async (
    scene: string,
    url: string,
    is_there: (guest: Guest) => Promise<unknown>,
    prepare?: () => void,
  ): Promise<void> => {
    const look = drawn_people[0];
    const guest = await openGuest(browser, language, prepare ? { prepare } : look ? { look } : {});
    await guest.page.goto(url);
    await is_there(guest);
    await gallery.shoot(guest.page, language, scene);
    await guest.close();
  };
  const canJoin = (guest: Guest) =>
    guest.page.getByRole("button", { name: guest.t("join_now") }).waitFor();
  const hasHeading = (guest: Guest) => guest.page.getByRole("heading").first().waitFor();
  const { url } = await parley.link(id, "Ada Lovelace");
  await open("before", url, async ({ page, t }) => {
    await page
      .getByText(t("level_silent"))
      .or(page.getByText(t("level_heard")))
      .first()
      .waitFor();
  });
  await open(
    "before-no-devices",
    url,
    ({ page, t }) => page.getByText(t("problem_camera_missing")).waitFor(),
    no_devices,
  );
  await open(
    "before-denied",
    url,
    ({ page, t }) => page.getByText(t("problem_camera_denied")).waitFor(),
    denied_devices,
  );
  await open("before-nameless", (await parley.link(id, "")).url, canJoin);
  await open("before-listener", (await parley.link(id, "Leo", "listener")).url, canJoin);
  await open("link-incomplete", `${parley.url}/meet/${id}`, hasHeading);
  await open("link-wrong", `${parley.url}/meet/${id}#token=wrong`, hasHeading);
  const { url: short } = await parley.api<{ url: string }>(
    "POST",
    `/v1.0/conferences/${id}/join_tokens`,
    { name: "Ada", expires_in: 1 },
  );
  const { url: back, id: token_id } = await parley.api<{ url: string; id: string }>(
    "POST",
    `/v1.0/conferences/${id}/join_tokens`,
    { name: "Ada" },
  );
  await parley.api("DELETE", `/v1.0/conferences/${id}/join_tokens/${token_id}`);
  await open("link-taken-back", back, hasHeading);
  await open("link-expired", short, hasHeading);
  await fullScene(hand);
  await parley.api("DELETE", `/v1.0/conferences/${id}`);
  await open("link-of-ended", url, hasHeading);
}

// Somebody who comes third to a call of two.
async function fullScene({ parley, browser, gallery, language }: Stagehand): Promise<void> {
  const { id } = await parley.api<{ id: string }>("POST", "/v1.0/conferences", { type: "connect" });
  const guests: Guest[] = [];
  for (const name of ["Ada", "Kofi", "Mei"]) {
    const guest = await openGuest(browser, language);
    await guest.page.goto((await parley.link(id, name)).url);
    guests.push(guest);
    if (guests.length < 3) await guest.join();
    else await guest.press("join_now");
  }
  const { page, t } = guests[2] as Guest;
  await page.getByText(t("problem_full")).waitFor();
  await gallery.shoot(page, language, "full");
  for (const guest of guests) await guest.close();
}

/** A conference into which people come one by one. */
interface Room {
  readonly id: string;
  readonly guests: readonly Guest[];
  /** The drawn person of this number joins. */
  come(at: number, role?: "host" | "member"): Promise<Guest>;
  comeToListen(name: string): Promise<Guest>;
  close(): Promise<void>;
}

async function openRoom(hand: Stagehand): Promise<Room> {
  const { parley, browser, language } = hand;
  const id = await newConference(hand);
  const guests: Guest[] = [];
  const join = async (guest: Guest, name: string, role: "host" | "member" | "listener") => {
    await guest.page.goto((await parley.link(id, name, role)).url);
    await guest.join();
    guests.push(guest);
    return guest;
  };
  return {
    ...{ id, guests },
    come: async (at, role = "member") => {
      const look = drawn_people[at];
      if (!look) throw new Error(`nobody is drawn under the number ${at}`);
      return join(await openGuest(browser, language, { look }), look.name, role);
    },
    comeToListen: async (name) => join(await openGuest(browser, language), name, "listener"),
    async close() {
      for (const guest of guests) await guest.close();
    },
  };
}

const shows = (guest: Guest, count: number): Promise<unknown> =>
  until(
    `${count} pictures move`,
    () =>
      guest.page.evaluate(
        (wanted) =>
          [...document.querySelectorAll("video")].filter((video) => video.videoWidth > 100)
            .length >= wanted,
        count,
      ),
    90_000,
  );

async function write(guest: Guest, text: string): Promise<void> {
  const field = guest.page.getByRole("textbox", { name: guest.t("chat_write") });
  if ((await field.count()) === 0) await guest.page.getByRole("button", { name: /^Chat/ }).click();
  await field.fill(text);
  await guest.press("chat_send");
}

/** Nine people and somebody who listens: more than a small machine draws. */
export async function crowdScenes(hand: Stagehand): Promise<void> {
  const { gallery, language } = hand;
  const room = await openRoom(hand);
  const ada = await room.come(0, "host");
  for (let at = 1; at < drawn_people.length; at += 1) await room.come(at);
  await room.comeToListen("Leo");
  await shows(ada, 5);
  await (room.guests[1] as Guest).press("raise_hand");
  await (room.guests[6] as Guest).press("raise_hand");
  await (room.guests[3] as Guest).press("microphone");
  await gallery.shoot(ada.page, language, "nine");
  await ada.page.getByRole("button", { name: ada.t("people"), exact: true }).click();
  await gallery.shoot(ada.page, language, "people-many");
  await room.close();
}

/** Inside a conference, from being alone to the end. */
export async function meetingScenes(hand: Stagehand): Promise<void> {
  const { parley, browser, gallery, language } = hand;
  const room = await openRoom(hand);
  const { id, come } = room;
  const ada = await come(0, "host");
  const { page, t } = ada;
  const shoot = (scene: string, open?: () => Promise<void>) =>
    gallery.shoot(page, language, scene, open);
  const chat = page.getByRole("button", { name: /^Chat/ });
  const press = (key: Parameters<typeof t>[0]) => () => ada.press(key);
  const choose = async (key: Parameters<typeof t>[0]): Promise<void> => {
    await ada.press("more");
    await page.getByRole("menuitem", { name: t(key) }).click();
    await page.getByRole("dialog").waitFor();
  };
  const closeDialog = async (): Promise<void> => {
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  };
  await shoot("alone");
  const kofi = await come(1);
  await shows(ada, 2);
  await shoot("two");
  await shoot("menu-more", press("more"));
  await shoot("menu-leave", press("leave"));
  await shoot("menu-person", async () => {
    await page.getByRole("article", { name: "Kofi" }).hover();
    await page
      .getByRole("button", { name: t("more_for", { name: "Kofi Mensah" }) })
      .click({ timeout: 5_000 });
  });
  await chat.click();
  await shoot("chat-empty");
  await chat.click();
  const mei = await come(2);
  await shows(ada, 3);
  await shoot("three");

  const visitor = await openGuest(browser, language, {});
  await visitor.page.goto((await parley.link(id, "Rosa")).url);
  await visitor.page.getByRole("button", { name: t("join_now") }).waitFor();
  await gallery.shoot(visitor.page, language, "before-with-people");
  await visitor.close();

  const layla = await come(4);
  const tom = await come(8);
  const leo = await room.comeToListen("Leo");
  await shows(ada, 4);
  await kofi.press("raise_hand");
  await layla.press("raise_hand");
  await tom.press("microphone");
  await shoot("five");
  await page.getByRole("button", { name: t("people"), exact: true }).click();
  await shoot("people");
  await write(mei, "https://example.org/agenda");
  await write(kofi, "Können alle die Folien sehen? Can everybody see the slides?");
  await write(kofi, "x".repeat(90));
  await write(layla, "مرحبا، هل تسمعونني؟");
  await write(ada, "…");
  await page.getByRole("log").getByText("…", { exact: true }).waitFor();
  await shoot("chat");
  await chat.click();
  await write(mei, "!");
  await chat.getByText("1").or(chat).first().waitFor();
  await shoot("unread");

  await kofi.press("share_screen");
  await page.getByRole("article", { name: t("screen_of", { name: "Kofi Mensah" }) }).waitFor();
  await shoot("share");
  await mei.press("share_screen");
  await page.getByRole("article", { name: t("screen_of", { name: "Mei Tanaka" }) }).waitFor();
  await shoot("two-shares");
  await ada.press("share_screen");
  await page.getByText(t("sharing_now")).waitFor();
  await shoot("own-share");
  await ada.press("stop_sharing");
  await kofi.press("stop_sharing");
  await mei.press("stop_sharing");

  await choose("settings");
  await shoot("settings");
  await closeDialog();
  await choose("shortcuts");
  await shoot("shortcuts");
  await closeDialog();
  await choose("invite");
  await shoot("invite");
  await page
    .getByRole("dialog")
    .getByRole("button", { name: t("invite") })
    .click();
  await page.getByText(t("invite_copied")).waitFor();
  await shoot("invited");
  await closeDialog();
  await page.getByRole("button", { name: t("people"), exact: true }).click();
  await page.getByRole("button", { name: t("remove_named", { name: "Tom" }) }).click();
  await shoot("remove");
  await ada.press("remove_person");
  await tom.page.getByRole("heading", { name: t("end_kicked") }).waitFor();
  await gallery.shoot(tom.page, language, "removed");
  await tom.page.reload();
  await tom.page.getByRole("heading").first().waitFor();
  await gallery.shoot(tom.page, language, "removed-again");
  await ada.press("mute_named", { name: "Kofi Mensah" });
  await gallery.shoot(kofi.page, language, "muted-by-host");

  const second = await page.context().newPage();
  await second.goto(page.url());
  await second.getByText(t("other_tab"), { exact: true }).waitFor();
  await gallery.shoot(second, language, "before-other-tab");
  await second.getByRole("button", { name: t("use_here") }).click();
  await page.getByRole("heading", { name: t("end_taken_over") }).waitFor();
  await shoot("taken-over");
  await second.getByRole("navigation", { name: t("meeting_controls") }).waitFor();

  process.kill(parley.pid(), "SIGSTOP");
  try {
    await mei.page.getByText(t("reconnect_now")).waitFor({ timeout: 60_000 });
    await gallery.shoot(mei.page, language, "reconnecting");
  } finally {
    process.kill(parley.pid(), "SIGCONT");
  }
  await mei.page.getByText(t("reconnect_now")).waitFor({ state: "detached", timeout: 60_000 });
  await leo.press("leave");
  await leo.page.getByRole("heading", { name: t("end_left") }).waitFor();
  await gallery.shoot(leo.page, language, "left");
  await second.getByRole("button", { name: t("leave"), exact: true }).click();
  await second.getByRole("menuitem", { name: t("end_for_all") }).click();
  await second.getByRole("dialog").or(second.getByRole("alertdialog")).waitFor();
  await gallery.shoot(second, language, "end");
  await second.getByRole("button", { name: t("end_now"), exact: true }).click();
  await mei.page.getByRole("heading", { name: t("end_ended") }).waitFor();
  await gallery.shoot(mei.page, language, "ended");
  await room.close();
}
