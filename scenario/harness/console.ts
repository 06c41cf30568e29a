// The console's log-in.
import type { Page } from "playwright-core";
import { password } from "./parley.ts";

/** Logs in as `admin`, whatever language the page speaks. */
export async function logIn(page: Page): Promise<void> {
  await page.locator("input[name=username]").fill("admin");
  await page.locator("input[name=password]").fill(password);
  await page.keyboard.press("Enter");
}
