// Logging in and out of the console: for the server, for every tab, and on every page.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BrowserContext, Page } from "playwright-core";
import { needs_chromium } from "../harness/chromium.ts";
import { logIn } from "../harness/console.ts";
import { until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";

let conference_id = "";
runForAllTests({}, async () => {
  conference_id = await parley.conference({ name: "Kept in sight" });
});

const english = (): Promise<BrowserContext> => browser.newContext({ locale: "en-US" });

/** The token that the page uses. */
const tokenOf = (page: Page): Promise<string> =>
  page.evaluate(() => JSON.parse(localStorage.getItem("parley.page.login") ?? "{}").token);

/** Replaces the kept log-in by one that the server does not accept, as if it had run out. */
const spoil = (page: Page): Promise<void> =>
  page.evaluate(() =>
    localStorage.setItem(
      "parley.page.login",
      JSON.stringify({ username: "admin", token: "not.a.token" }),
    ),
  );

test("who_logs_out_is_logged_out_on_the_server_and_in_every_tab", needs_chromium, async () => {
  const context = await english();
  const [one, other] = [await context.newPage(), await context.newPage()];
  await one.goto(parley.url);
  await logIn(one);
  await one.getByRole("heading", { name: "Conferences" }).waitFor();
  await other.goto(`${parley.url}/#/keys`);
  await other.getByRole("heading", { name: "Access keys" }).waitFor();
  const token = await tokenOf(one);
  const asked = one.waitForRequest(
    (request) => request.method() === "POST" && request.url().endsWith("/auth/logout"),
  );
  await one.getByRole("button", { name: /Log out/ }).click();
  assert.equal((await (await asked).allHeaders())["authorization"], `Bearer ${token}`);
  for (const page of [one, other]) {
    await page.getByText("You are logged out.").waitFor();
    await page.getByRole("textbox", { name: "User name" }).waitFor();
  }
  const { status } = await fetch(`${parley.url}/v1.0/conferences`, {
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(status, 401);
  assert.equal(
    (await context.cookies()).some(({ name, value }) => name === "token" && value !== ""),
    false,
  );
  // The other tab follows in, too, and is where it was.
  await logIn(one);
  await other.getByRole("heading", { name: "Access keys" }).waitFor();
  await context.close();
});

test("a_log_out_that_the_server_did_not_hear_says_so", needs_chromium, async () => {
  const context = await english();
  const page = await context.newPage();
  await page.goto(parley.url);
  await logIn(page);
  await page.getByRole("heading", { name: "Conferences" }).waitFor();
  await page.route("**/auth/logout", (route) => route.abort());
  await page.getByRole("button", { name: /Log out/ }).click();
  await page.getByText("the server did not hear of it").waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("parley.page.login")), null);
  await context.close();
});

for (const [name, hash, heading] of [
  ["the_list", "#/conferences?status=progressing", "Conferences"],
  ["a_conference", "#/conferences/ID", "Kept in sight"],
  ["the_people_of_a_conference", "#/conferences/ID/people", "Kept in sight"],
  ["the_chat_of_a_conference", "#/conferences/ID/chat", "Kept in sight"],
  ["the_keys", "#/keys", "Access keys"],
] as const) {
  test(
    `on_${name}_a_log_in_that_ran_out_leads_to_the_log_in_and_back`,
    needs_chromium,
    async () => {
      const context = await english();
      const page = await context.newPage();
      await page.goto(parley.url);
      await spoil(page);
      const address = `${parley.url}/${hash.replace("ID", conference_id)}`;
      await page.goto(address);
      await page.reload();
      await page.getByText("Your log-in has ended. Please log in again.").waitFor();
      assert.equal(await page.getByText("User name or password is wrong").count(), 0);
      await logIn(page);
      await page.getByRole("heading", { name: heading }).waitFor();
      assert.equal(page.url(), address);
      await context.close();
    },
  );
}

test("a_dialog_whose_log_in_ran_out_leads_to_the_log_in_and_back", needs_chromium, async () => {
  const context = await english();
  const page = await context.newPage();
  const address = `${parley.url}/#/conferences/${conference_id}`;
  await page.goto(address);
  await logIn(page);
  await page.getByRole("button", { name: "Make a link" }).click();
  await page.route("**/join_tokens", (route) =>
    route.continue({ headers: { ...route.request().headers(), authorization: "Bearer over" } }),
  );
  await page.getByRole("button", { name: "Make the link" }).click();
  await page.getByText("Your log-in has ended. Please log in again.").waitFor();
  await page.unroute("**/join_tokens");
  await logIn(page);
  await page.getByRole("heading", { name: "Kept in sight" }).waitFor();
  assert.equal(page.url(), address);
  await context.close();
});

test(
  "a_log_in_that_ends_while_a_conference_is_looked_at_leads_to_the_log_in",
  needs_chromium,
  async () => {
    const context = await english();
    const page = await context.newPage();
    await page.routeWebSocket(/\/live/, (socket) => {
      const server = socket.connectToServer();
      const sockets = page as unknown as { ended?: () => Promise<void> };
      sockets.ended = async () => {
        await server.close();
        await socket.close({ code: 4401, reason: "over" });
      };
    });
    await page.goto(`${parley.url}/#/conferences/${conference_id}`);
    await logIn(page);
    await page.getByText("live", { exact: true }).waitFor();
    await until("the socket is there", () => "ended" in page);
    await (page as unknown as { ended: () => Promise<void> }).ended();
    await page.getByText("Your log-in has ended. Please log in again.").waitFor();
    await context.close();
  },
);
