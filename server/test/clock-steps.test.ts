// The machine's clock is set ten years ahead and back: nothing ends early, nothing sticks, no time of an object goes back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createManualClock, type ManualClock } from "../src/kernel/clock.ts";
import type { ConferencecallId, ConferenceId } from "../src/kernel/id.ts";
import type { JournalEvent } from "../src/store/index.ts";
import { newJoin } from "./attendance.ts";
import { type Rest, startRest } from "./rest.ts";

const ten_years_ms = 315_360_000_000;
const password = "correct horse battery staple";
let clock: ManualClock;
let rest: Rest;
before(async () => {
  clock = createManualClock();
  rest = await startRest({ clock });
});
after(() => rest?.close());

const ask: Rest["ask"] = (...given) => clock.until(rest.ask(...given));
const logIn = async (secret = password) =>
  await ask("POST", "/auth/login", { body: { username: "admin", password: secret }, token: null });

// Every time of an object as it was seen, in the order of seeing.
type Shown = Readonly<Record<string, unknown>>;
const timesOf = (shown: Shown): string[] =>
  Object.entries(shown).flatMap(([key, value]) =>
    key.startsWith("tm_") && key !== "tm_expire" && typeof value === "string" && value < "9"
      ? [value]
      : [],
  );
function assertForward(name: string, states: readonly Shown[]): void {
  let latest = "";
  for (const state of states) {
    const { tm_create, tm_update } = state as { tm_create: string; tm_update: string | null };
    for (const time of timesOf(state))
      assert.ok(time >= tm_create, `${name}: ${time} ${tm_create}`);
    const last = timesOf(state).toSorted().at(-1) ?? "";
    assert.ok(last >= latest, `${name}: ${last} after ${latest}`);
    assert.ok(
      tm_update === null || tm_update >= "9" || tm_update === last,
      `${name}: ${tm_update}`,
    );
    latest = last;
  }
}

test("no_time_of_an_object_and_no_event_goes_back_when_the_clock_does", async () => {
  const states = new Map<string, Shown[]>();
  const see = (name: string, shown: Shown): void => {
    states.set(name, [...(states.get(name) ?? []), shown]);
  };
  const events: JournalEvent[] = [];
  const stop = rest.store.journal.subscribe((event) => events.push(event));
  let token = rest.token;
  const create = { body: { type: "conference", name: "a" }, token };
  const conference_id: ConferenceId = (await ask("POST", "/v1.0/conferences", create)).body.id;
  const path = `/v1.0/conferences/${conference_id}`;
  const key_id = (await ask("POST", "/v1.0/accesskeys", { body: { name: "a" }, token })).body.id;
  const agent = { username: "eve", password, name: "Eve" };
  const agent_id = (await ask("POST", "/v1.0/agents", { body: agent, token })).body.id;
  const { conferencecalls } = rest.conferences;
  const join = async (): Promise<ConferencecallId> => {
    const caller = await clock.until(rest.authenticator.authenticate(token));
    const id = newJoin(rest.ids, conference_id);
    await clock.until(conferencecalls.startJoining(caller, id));
    return id.id;
  };
  const joins = [await join(), await join()];

  let name = 0;
  const touch = async (): Promise<void> => {
    name += 1;
    token = (await logIn()).body.token;
    const body = { name: `${name}` };
    see("conference", (await ask("PUT", path, { body, token })).body);
    see("access key", (await ask("PUT", `/v1.0/accesskeys/${key_id}`, { body, token })).body);
    for (const id of joins) {
      const muted = { muted: name % 2 === 1 };
      await clock.until(
        conferencecalls.update(id, muted, { type: "conferencecall", id: joins[0] ?? id }),
      );
      see(`join ${id}`, (await ask("GET", `/v1.0/conferencecalls/${id}`, { token })).body);
    }
  };
  await touch();
  clock.set(ten_years_ms);
  await clock.advance(1_100);
  await touch();
  await clock.until(conferencecalls.markJoined(joins[0] ?? assert.fail()));
  clock.set(-ten_years_ms);
  await clock.advance(1_100);
  await touch();
  await clock.until(conferencecalls.markJoined(joins[1] ?? assert.fail()));
  await touch();
  see("conference", (await ask("DELETE", path, { token })).body);
  for (const id of joins) {
    await clock.until(conferencecalls.leave(id, "left", { type: "conferencecall", id }));
    see(`join ${id}`, (await ask("GET", `/v1.0/conferencecalls/${id}`, { token })).body);
  }
  see("conference", (await ask("GET", path, { token })).body);
  see("access key", (await ask("DELETE", `/v1.0/accesskeys/${key_id}`, { token })).body);
  see("agent", (await ask("DELETE", `/v1.0/agents/${agent_id}`, { token })).body);
  stop();

  assert.ok(states.size >= 5);
  for (const [name, seen] of states) assertForward(name, seen);
  const mine = events.filter((event) => event.conference_id === conference_id);
  assert.deepEqual(
    mine.map(({ seq }) => seq),
    mine.map((_, index) => index + 1),
  );
  assert.deepEqual(
    mine.map(({ tm }) => tm),
    mine.map(({ tm }) => tm).toSorted((a, b) => a - b),
  );
  const kept = await clock.until(rest.store.journal.read(conference_id, 0, 1_000));
  assert.deepEqual(
    kept.map(({ tm }) => tm),
    mine.map(({ tm }) => tm),
  );
  assert.ok((mine.at(-1)?.tm ?? 0) > clock.now() + 9 * 365 * 86_400_000_000);
});

test("a_deadline_written_in_the_moment_of_a_step_keeps_its_length", async () => {
  const make = async (timeout: number): Promise<string> =>
    (await ask("POST", "/v1.0/conferences", { body: { type: "conference", timeout } })).body.id;
  const status = async (id: string, token: string): Promise<string> =>
    (await ask("GET", `/v1.0/conferences/${id}`, { token })).body.status;
  // Rows are read and written in real time, while that of the test stands still.
  const ends = async (id: string, token: string): Promise<void> => {
    while ((await status(id, token)) !== "terminated") await delay(20);
  };
  const [before, long] = [await make(5), await make(3_600)];
  clock.set(ten_years_ms);
  // Before anybody has noticed.
  const ahead = { body: { username: "admin", password }, token: null };
  let token = (await ask("POST", "/auth/login", ahead)).body.token;
  const during = (
    await ask("POST", "/v1.0/conferences", { body: { type: "conference", timeout: 5 }, token })
  ).body.id;
  await clock.advance(4_000);
  assert.deepEqual(
    [await status(before, token), await status(during, token)],
    Array(2).fill("progressing"),
  );
  await clock.advance(2_000);
  for (const id of [before, during]) await ends(id, token);
  clock.set(-ten_years_ms);
  token = (await logIn()).body.token;
  const after_it = (
    await ask("POST", "/v1.0/conferences", { body: { type: "conference", timeout: 5 }, token })
  ).body.id;
  await clock.advance(4_000);
  assert.equal(await status(after_it, token), "progressing");
  await clock.advance(2_000);
  await ends(after_it, token);
  assert.equal(await status(long, token), "progressing", "nor end early");
  await clock.advance(3_600_000);
  await ends(long, (await logIn()).body.token);
});

test("a_token_of_the_time_ahead_ends_with_it_and_those_of_before_are_good_again", async () => {
  const see = async (token: string) => {
    const { status, body } = await ask("GET", "/v1.0/customer", { token });
    return status === 200 ? "200" : body.error.reason;
  };
  const old = (await logIn()).body.token;
  clock.set(ten_years_ms);
  await clock.advance(11_000);
  assert.equal(await see(old), "TOKEN_EXPIRED", "by the clock that the machine has");
  const ahead = (await logIn()).body.token;
  assert.equal(await see(ahead), "200");
  clock.set(-ten_years_ms);
  await clock.advance(11_000);
  assert.equal(await see(ahead), "TOKEN_EXPIRED", "it would live on for ten years");
  assert.equal(await see(old), "200");
});

test("a_password_set_in_the_time_ahead_locks_nobody_out_afterwards", async () => {
  const secret = "another horse battery staple";
  const before_it = (await logIn()).body.token;
  clock.set(ten_years_ms);
  await clock.advance(11_000);
  await clock.until(rest.customers.resetPassword({ username: "admin", customer_id: null }, secret));
  clock.set(-ten_years_ms);
  await clock.advance(11_000);
  const { token } = (await logIn(secret)).body;
  assert.equal((await ask("GET", "/v1.0/customer", { token })).status, 200);
  const late = await ask("GET", "/v1.0/customer", { token: before_it });
  assert.equal(late.body.error.reason, "TOKEN_REVOKED");
});
