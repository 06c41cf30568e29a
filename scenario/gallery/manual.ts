// The pictures of the manual.
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { drawn_people } from "../harness/drawn-people.ts";
import { type Parley, password, until } from "../harness/parley.ts";
import { type Guest, openGuest } from "./guests.ts";

/** Writes them into `folder`: a meeting of four, and its page in the console. */
export async function makeManual(parley: Parley, browser: Browser, folder: string): Promise<void> {
  const id = await parley.conference({ name: "Product review" });
  const guests: Guest[] = [];
  for (const look of drawn_people.slice(0, 4)) {
    const guest = await openGuest(browser, "en", { look });
    await guest.page.emulateMedia({ colorScheme: "dark" });
    // Nobody looks at the others' windows: small ones ask for little.
    if (guests.length > 0) await guest.page.setViewportSize({ width: 720, height: 300 });
    const role = guests.length === 0 ? "host" : "member";
    await guest.page.goto((await parley.link(id, look.name, role)).url);
    await guest.join();
    guests.push(guest);
  }
  const [ada, , mei, jonas] = guests as [Guest, Guest, Guest, Guest];
  await mei.page.getByRole("button", { name: /^Chat/ }).click();
  for (const text of [
    "The figures are in the shared folder.",
    "Shall we begin with the open questions?",
  ]) {
    await mei.page.getByRole("textbox", { name: mei.t("chat_write") }).fill(text);
    await mei.press("chat_send");
  }
  await jonas.press("raise_hand");
  await ada.page.getByRole("button", { name: /^Chat/ }).click();
  await ada.page.getByText("Shall we begin").first().waitFor();
  await until(
    "everybody is seen",
    () =>
      ada.page.evaluate(
        () =>
          [...document.querySelectorAll("video")].filter(({ videoWidth }) => videoWidth > 150)
            .length >= 4,
      ),
    180_000,
  );
  // Notices of who came have gone.
  await until("it is calm", async () => (await ada.page.locator(".toast").count()) === 0, 30_000);
  await ada.page.screenshot({ path: join(folder, "meeting.png") });
  const owner = await openGuest(browser, "en");
  const { page, t } = owner;
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(`${parley.url}/#/conferences/${id}`);
  await page.getByRole("textbox", { name: t("username") }).fill("admin");
  await page.getByLabel(t("password")).fill(password);
  await owner.press("login");
  await page.getByRole("img", { name: t("timeline_label") }).waitFor();
  await page.screenshot({ path: join(folder, "console.png") });
}
