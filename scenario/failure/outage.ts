// What everybody else notices while the database is in trouble: a meeting that goes on, answers in time, workers that hold what the rows say.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Browser } from "playwright-core";
import { chromium_offer } from "../../server/test/offers.ts";
import {
  type Attendee,
  chatTexts,
  hearAndSee,
  joinIds,
  joinMeeting,
  listen,
  people,
  say,
} from "../harness/meeting.ts";
import { type Parley, until } from "../harness/parley.ts";

/** Milliseconds after which nobody waits any more for a database that is away. */
export const refused_within_ms = 500;
/** Milliseconds without sound that people in a meeting do not notice. */
const gap_ms_max = 200;

/** An answer. */
export interface Told {
  readonly status: number;
  readonly reason: string | null;
  /** Whether it says that nobody knows what became of the write. */
  readonly is_unknown: boolean;
  readonly retry_after_s: number;
  readonly took_ms: number;
  /** When it came, on the clock of `performance`. */
  readonly at_ms: number;
  readonly body: Record<string, unknown>;
}

/** Asks with the admin's token, whatever comes of it. */
export async function ask(
  parley: Parley,
  method: string,
  path: string,
  body?: object,
  key?: string,
): Promise<Told> {
  const began = performance.now();
  const reply = await fetch(`${parley.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${parley.token}`,
      ...(key === undefined ? {} : { "idempotency-key": key }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  const at_ms = performance.now();
  const read = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
  const error = read["error"] as { reason: string; details?: { outcome?: string }[] } | undefined;
  return {
    status: reply.status,
    reason: error?.reason ?? null,
    is_unknown: error?.details?.some(({ outcome }) => outcome === "unknown") ?? false,
    retry_after_s: Number(reply.headers.get("retry-after") ?? 0),
    took_ms: at_ms - began,
    at_ms,
    body: read,
  };
}

/** Answers that came after a moment, counted from there where they were asked for before: what was done by then was no wait. */
export const since = (moment_ms: number, all: readonly Told[]): Told[] =>
  all
    .filter(({ at_ms }) => at_ms > moment_ms)
    .map((told) => ({ ...told, took_ms: Math.min(told.took_ms, told.at_ms - moment_ms) }));

/** Makes a conference. */
export const create = (parley: Parley, name = "", key?: string): Promise<Told> =>
  ask(parley, "POST", "/v1.0/conferences", { type: "conference", name }, key);

/** That they are refusals which say when to come again. */
export function assertAway(all: readonly Told[]): void {
  for (const { status, reason, retry_after_s } of all) {
    assert.equal(`${status} ${reason}`, "503 SERVICE_UNAVAILABLE");
    assert.ok(retry_after_s >= 1, "it says when to come again");
  }
}

// A refusal waits for the machine in who asks, at the timers of the server and on its way back; a packet in the media worker, too.
const hops = 3;

/** That nobody waited longer than promised, and what the machine itself adds. */
export function assertInTime(
  all: readonly Told[],
  machine_ms: number,
  within_ms = refused_within_ms,
): void {
  const longest_ms = Math.max(0, ...all.map(({ took_ms }) => took_ms));
  assert.ok(
    longest_ms < within_ms + hops * machine_ms,
    `an answer took ${longest_ms} ms where the machine itself takes ${machine_ms} ms`,
  );
}

/** Asks all the time for what needs nothing but the server; the result ends it and gives how long the slowest took, or how late a timer was, milliseconds. */
export function watchMachine(parley: Parley): () => Promise<number> {
  let longest_ms = 0;
  let is_over = false;
  const look = async (): Promise<void> => {
    while (!is_over) {
      const { took_ms, at_ms } = await ask(parley, "GET", "/v1.0/nothing");
      await new Promise((done) => setTimeout(done, look_interval_ms));
      longest_ms = Math.max(longest_ms, took_ms, performance.now() - at_ms - look_interval_ms);
    }
  };
  const looking = look();
  return async () => {
    is_over = true;
    await looking;
    return longest_ms;
  };
}
const look_interval_ms = 10;

/** Waits until the media workers, in their own words, hold as many rooms and endpoints as there are rows of conferences and joins that have not ended. */
export async function agree(parley: Parley): Promise<void> {
  const headers = { authorization: `Bearer ${parley.token}` };
  await until("the workers hold what the rows say", async () => {
    const text = await (await fetch(`${parley.url}/metrics`, { headers })).text();
    const held = (name: string): number =>
      [...text.matchAll(new RegExp(`^parley_media_${name}\\{[^}]*\\} (\\d+)$`, "gm"))].reduce(
        (sum, [, count]) => sum + Number(count),
        0,
      );
    const conferences = await all<{ status: string }>(parley, "/v1.0/conferences?page_size=100");
    const calls = await all<{ status: string }>(parley, "/v1.0/conferencecalls?page_size=100");
    const rows = {
      rooms: conferences.filter(({ status }) => status !== "terminated").length,
      endpoints: calls.filter(({ status }) => status !== "leaved").length,
    };
    const found = { rooms: held("rooms"), endpoints: held("endpoints") };
    assert.deepEqual(found, rows);
    return true;
  });
}

async function all<T>(parley: Parley, path: string): Promise<T[]> {
  const found: T[] = [];
  for (let token = ""; ; ) {
    const page = await parley.api<{ result: T[]; next_page_token: string }>(
      "GET",
      `${path}${token && `&page_token=${encodeURIComponent(token)}`}`,
    );
    found.push(...page.result);
    token = page.next_page_token;
    if (token === "") return found;
  }
}

/** How many conferences there are of each name. */
export async function countNames(parley: Parley): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const { name } of await all<{ name: string }>(parley, "/v1.0/conferences?page_size=100")) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Two people who talk while the database is in trouble. */
export interface Meeting {
  readonly id: string;
  readonly both: readonly [Attendee, Attendee];
  /** That they have not noticed it, that what they write arrives, that somebody new can join, and that nothing was left behind. */
  assertUntouched(t: TestContext, what: string): Promise<void>;
}

/** Starts it. */
export async function startMeeting(parley: Parley, browser: Browser): Promise<Meeting> {
  const id = await parley.conference();
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const ben = await joinMeeting(parley, browser, id, people.ben);
  await hearAndSee([ada, ben], 30_000);
  const gaps = [await listen(ada), await listen(ben)];
  const joined = await joinIds(parley, id);
  return {
    id,
    both: [ada, ben],
    async assertUntouched(t, what) {
      const found = await Promise.all(gaps.map((take) => take()));
      const gap_ms = Math.max(...found.map((one) => one.gap_ms));
      const machine_ms = Math.max(...found.map((one) => one.machine_ms));
      const told = `a gap of ${Math.round(gap_ms)} ms in the sound where the machine itself makes one of ${Math.round(machine_ms)} ms`;
      t.diagnostic(`${what}: ${told}`);
      assert.ok(gap_ms < gap_ms_max + hops * machine_ms, `${what}: ${told}`);
      assert.equal(await joinIds(parley, id), joined);
      await say(ada.page, `after ${what}`);
      await until("the other reads it", async () =>
        (await chatTexts(ben.page)).includes(`after ${what}`),
      );
      const { body, status } = await join(parley, id);
      assert.equal(status, 201, JSON.stringify(body));
      await agree(parley);
      const { id: call } = body["conferencecall"] as { id: string };
      await parley.api("DELETE", `/v1.0/conferencecalls/${call}`);
      await agree(parley);
    },
  };
}

/** Joins by the API, with the admin's token. */
export const join = (parley: Parley, id: string, key?: string): Promise<Told> =>
  ask(
    parley,
    "POST",
    `/v1.0/conferences/${id}/conferencecalls`,
    { offer: chromium_offer, name: "Somebody new" },
    key,
  );
