// People of the pictures, in the language of their browser.
import type { Browser, Page } from "playwright-core";
import { type Language, type TextKey, type Values, write } from "../../web/src/text/index.ts";
import { type DrawnPerson, installDrawnPerson } from "../harness/drawn-people.ts";

const locales: Readonly<Record<Language, string>> = { en: "en-US", de: "de-DE" };

/** A page whose words one looks up as the page does. */
export interface Guest {
  readonly page: Page;
  readonly language: Language;
  /** A text of the pages in this guest's language. */
  t(key: TextKey, values?: Values): string;
  /** Presses the button of this text. */
  press(key: TextKey, values?: Values): Promise<void>;
  /** Joins from the page before joining. */
  join(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a browser window for somebody; `prepare` runs in the page before its own code. */
export async function openGuest(
  browser: Browser,
  language: Language,
  given: {
    readonly look?: DrawnPerson;
    readonly prepare?: () => void;
    readonly is_touched?: boolean;
  } = {},
): Promise<Guest> {
  const context = await browser.newContext({
    permissions: ["camera", "microphone", "clipboard-read", "clipboard-write"],
    viewport: { width: 1280, height: 800 },
    locale: locales[language],
    hasTouch: given.is_touched ?? false,
    isMobile: given.is_touched ?? false,
  });
  const page = await context.newPage();
  // Many people on few cores.
  page.setDefaultTimeout(90_000);
  if (given.look) await page.addInitScript(installDrawnPerson, given.look);
  if (given.prepare) await page.addInitScript(given.prepare);
  const t: Guest["t"] = (key, values) => write(language, key, values);
  return {
    ...{ page, language, t },
    press: (key, values) =>
      page
        .getByRole("button", { name: t(key, values), exact: true })
        .first()
        .click(),
    async join() {
      await page.getByRole("button", { name: t("join_now") }).click();
      await page.getByRole("navigation", { name: t("meeting_controls") }).waitFor();
    },
    close: () => context.close(),
  };
}
