// The console, view by view: as it is found at first, and after meetings were held.
import type { Browser } from "playwright-core";
import type { Language } from "../../web/src/text/index.ts";
import { drawn_people } from "../harness/drawn-people.ts";
import { type Parley, password } from "../harness/parley.ts";
import { type Guest, openGuest } from "./guests.ts";
import type { Gallery } from "./looks.ts";

interface Stagehand {
  readonly parley: Parley;
  readonly browser: Browser;
  readonly gallery: Gallery;
  readonly language: Language;
}

async function enter(guest: Guest, word: string): Promise<void> {
  const { page, t } = guest;
  await page.getByRole("textbox", { name: t("username") }).fill("admin");
  await page.getByLabel(t("password")).fill(word);
  await guest.press("login");
}

/** What a new owner meets: log-in, and views without anything in them. */
export async function emptyConsoleScenes(hand: Stagehand): Promise<void> {
  const { parley, browser, gallery, language } = hand;
  const guest = await openGuest(browser, language);
  const { page, t } = guest;
  const shoot = (scene: string) => gallery.shoot(page, language, scene);
  await page.goto(parley.url);
  await page.getByRole("textbox", { name: t("username") }).waitFor();
  await shoot("console-login");
  await enter(guest, "not the password");
  await page.getByText(t("problem_credentials")).waitFor();
  await shoot("console-login-wrong");
  await enter(guest, password);
  await page.getByRole("heading", { name: t("conferences_none") }).waitFor();
  await shoot("console-empty");
  await page
    .getByRole("button", { name: t("conference_new") })
    .first()
    .click();
  await page.getByRole("dialog").waitFor();
  await shoot("console-create");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: t("nav_keys") }).click();
  await page.getByRole("heading", { name: t("keys_none") }).waitFor();
  await shoot("console-keys-empty");
  await page.getByRole("link", { name: t("nav_start") }).click();
  await page.getByRole("heading", { name: t("start_title") }).waitFor();
  await shoot("console-start");
  await page.getByRole("button", { name: t("logout") }).click();
  await page.getByText(t("login_is_logged_out")).waitFor();
  await shoot("console-logged-out");
  await guest.close();
}

// Three who met, wrote, raised a hand; one of them was removed, and one whose name is long is still in.
async function holdMeeting({ parley, browser }: Stagehand): Promise<void> {
  const id = await parley.conference({
    name: "Wöchentliche Produktbesprechung der Abteilung Fernmeldewesen",
    detail: "Zahlen der Woche, danach offene Fragen",
  });
  const guests: Guest[] = [];
  for (const at of [6, 8, 5]) {
    const look = drawn_people[at];
    if (!look) throw new Error(`nobody is drawn under the number ${at}`);
    const guest = await openGuest(browser, "en", { look });
    const role = guests.length === 0 ? "host" : "member";
    await guest.page.goto((await parley.link(id, look.name, role)).url);
    await guest.join();
    guests.push(guest);
  }
  const [sofia, tom] = guests as [Guest, Guest, Guest];
  await sofia.page.getByRole("button", { name: /^Chat/ }).click();
  await sofia.page.getByRole("textbox", { name: "Message" }).fill("مرحبا, good morning");
  await sofia.press("chat_send");
  await tom.press("raise_hand");
  await sofia.page.getByRole("tab", { name: "People" }).click();
  await sofia.press("remove_named", { name: "Tom" });
  await sofia.press("remove_person");
  await tom.page.getByRole("heading", { name: tom.t("end_kicked") }).waitFor();
  await tom.close();
}

/** The console of somebody whose customers have met. */
export async function fullConsoleScenes(hand: Stagehand): Promise<void> {
  const { parley, browser, gallery, language } = hand;
  await holdMeeting(hand);
  const guest = await openGuest(browser, language);
  const { page, t } = guest;
  const shoot = (scene: string) => gallery.shoot(page, language, scene);
  await page.goto(`${parley.url}/#/conferences?status=all`);
  await enter(guest, password);
  await page.getByRole("row").nth(1).waitFor();
  await shoot("console-list");
  await page.goto(`${parley.url}/#/conferences?status=all&text=zzzz`);
  await page.getByText(t("conferences_none_found")).waitFor();
  await shoot("console-none-found");

  const { result } = await parley.api<{
    result: { id: string; status: string; conferencecall_ids: string[] }[];
  }>("GET", "/v1.0/conferences?status=all&page_size=100");
  const held = await longestOf(
    parley,
    result.map(({ id }) => id),
  );
  await page.goto(`${parley.url}/#/conferences/${held}`);
  await page.getByRole("img", { name: t("timeline_label") }).waitFor();
  await shoot("console-timeline");
  for (const tab of ["people", "events", "chat", "json"] as const) {
    await page.getByRole("tab", { name: t(`tab_${tab}`) }).click();
    await page.getByRole("tabpanel", { name: t(`tab_${tab}`) }).waitFor();
    await shoot(`console-${tab}`);
  }
  const id = await parley.conference({ name: "Rabenburg", detail: "", timeout: 86_400 });
  await page.goto(`${parley.url}/#/conferences/${id}`);
  await page.getByText(t("timeline_empty")).waitFor();
  await shoot("console-new");
  await page.getByRole("tab", { name: t("tab_people") }).click();
  await shoot("console-new-people");
  await page.getByRole("tab", { name: t("tab_chat") }).click();
  await shoot("console-new-chat");
  await guest.press("link_make");
  await page.getByRole("dialog").waitFor();
  await shoot("console-link");
  await page.getByRole("textbox", { name: t("field_name") }).fill("Dora");
  // In German it is named as the button behind the dialog.
  await page
    .getByRole("dialog")
    .getByRole("button", { name: t("link_create") })
    .click();
  await page.getByText(t("link_secret")).waitFor();
  await shoot("console-link-made");
  await page.keyboard.press("Escape");
  await guest.press("end_conference");
  await shoot("console-end");
  await page.keyboard.press("Escape");
  await page.goto(`${parley.url}/#/conferences/${crypto.randomUUID()}`);
  await page.getByRole("heading", { name: t("detail_not_found") }).waitFor();
  await shoot("console-not-found");

  await page.getByRole("link", { name: t("nav_keys") }).click();
  await guest.press("key_new");
  await page.getByRole("dialog").waitFor();
  await shoot("console-key-new");
  await page.getByRole("textbox", { name: t("field_name") }).fill("Buchhaltung");
  await guest.press("create");
  await page.getByText(t("key_once")).waitFor();
  await shoot("console-key-made");
  await page.keyboard.press("Escape");
  await page
    .getByRole("row", { name: /Buchhaltung/ })
    .first()
    .waitFor();
  await shoot("console-keys");
  await guest.press("key_delete_named", { name: "Buchhaltung" });
  await shoot("console-key-delete");
  await page.keyboard.press("Escape");
  await parley.api("DELETE", `/v1.0/conferences/${id}`);
  await page.goto(`${parley.url}/docs`);
  await page.getByRole("heading").first().waitFor();
  await shoot("docs");
  await guest.close();
}

// The conference in which most happened.
async function longestOf(parley: Parley, ids: readonly string[]): Promise<string> {
  const counts = await Promise.all(
    ids.map(async (id) => {
      const { result } = await parley.api<{ result: unknown[] }>(
        "GET",
        `/v1.0/conferences/${id}/events?limit=500`,
      );
      return { id, count: result.length };
    }),
  );
  const [first] = counts.toSorted((one, other) => other.count - one.count);
  if (!first) throw new Error("no conference was held");
  return first.id;
}
