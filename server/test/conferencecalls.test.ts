// Joins: every rule of the two machines, over real HTTP where a client sees it, with a media side that the test holds.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { NewJoin } from "../src/domain/conference/index.ts";
import type { Caller } from "../src/domain/customer/index.ts";
import { createManualClock, type ManualClock } from "../src/kernel/clock.ts";
import type { ConferencecallId, ConferenceId } from "../src/kernel/id.ts";
import type { Problem } from "../src/kernel/problem.ts";
import type { JournalEvent } from "../src/store/index.ts";
import { newJoin, type SlowAttendance, startSlowRest } from "./attendance.ts";
import { nextEvent, type Rest, startRest } from "./rest.ts";

let clock: ManualClock;
let rest: Rest;
let media: SlowAttendance;
let caller: Caller;
before(async () => {
  clock = createManualClock();
  ({ rest, media, caller } = await startSlowRest({
    clock,
    env: { PARLEY_LIMITS_CONFERENCE_CALLS_MAX: "3" },
  }));
});
after(() => rest.close());

const calls = () => rest.conferences.conferencecalls;
const create = async (type = "conference"): Promise<ConferenceId> =>
  (await rest.ask("POST", "/v1.0/conferences", { body: { type } })).body.id;
const conference = async (id: string) => (await rest.ask("GET", `/v1.0/conferences/${id}`)).body;
const call = async (id: string) => (await rest.ask("GET", `/v1.0/conferencecalls/${id}`)).body;
const kick = (id: string, token?: string) =>
  rest.ask("DELETE", `/v1.0/conferencecalls/${id}`, token === undefined ? {} : { token });
const history = async (id: string): Promise<JournalEvent[]> =>
  (await rest.ask("GET", `/v1.0/conferences/${id}/events?limit=1000`)).body.result;
const typesOf = async (id: string, prefix = "conference"): Promise<string[]> =>
  (await history(id)).map((event) => event.type).filter((type) => type.startsWith(prefix));

const start = (id: ConferenceId, given: Partial<NewJoin> = {}) =>
  calls().startJoining(caller, newJoin(rest.ids, id, given));
const join = async (id: ConferenceId, given: Partial<NewJoin> = {}): Promise<ConferencecallId> => {
  const row = await start(id, given);
  await calls().markJoined(row.id);
  return row.id;
};
const reason = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
  } catch (thrown) {
    return (thrown as Problem).reason;
  }
  return "";
};
test("a_join_is_listed_in_its_conference_from_joined_to_leaved_and_stays_as_history", async () => {
  const id = await create();
  const row = await start(id);
  assert.deepEqual((await conference(id)).conferencecall_ids, [], "joining is not in yet");
  assert.equal((await call(row.id)).status, "joining");
  await calls().markJoined(row.id);
  assert.deepEqual((await conference(id)).conferencecall_ids, [row.id]);
  await calls().leave(row.id, "left");
  assert.deepEqual((await conference(id)).conferencecall_ids, []);
  const left = await call(row.id);
  assert.equal(left.status, "leaved");
  assert.equal(left.leave_reason, "left");
  assert.equal(left.tm_delete, "9999-01-01 00:00:00.000000");
  assert.equal((await conference(id)).status, "progressing", "an empty conference goes on");
  assert.deepEqual(await typesOf(id), [
    "conference_created",
    "conferencecall_joining",
    "conferencecall_joined",
    "conference_updated",
    "conferencecall_leaved",
    "conference_updated",
  ]);
  assert.deepEqual(await typesOf(id, "call_"), ["call_created", "call_progressing", "call_hangup"]);
  const listed = await rest.ask("GET", `/v1.0/conferencecalls?conference_id=${id}`);
  assert.deepEqual(
    listed.body.result.map((one: { id: string }) => one.id),
    [row.id],
  );
});

test("a_kick_is_leaving_at_once_and_leaved_when_the_media_side_confirms", async () => {
  const id = await create();
  const joined = await join(id);
  const first = await kick(joined);
  assert.equal(first.status, 200);
  assert.equal(first.body.status, "leaving");
  assert.equal(first.body.leave_reason, "kicked");
  assert.deepEqual((await kick(joined)).body, first.body, "again changes nothing");
  assert.deepEqual(
    media.ejected.map((row) => row.id),
    [joined],
  );
  await media.confirm();
  const gone = await call(joined);
  assert.equal(gone.status, "leaved");
  assert.equal(gone.leave_reason, "kicked", "the reason stays");
  const events = await typesOf(id);
  assert.deepEqual((await kick(joined)).body, gone);
  assert.deepEqual(await typesOf(id), events, "no second event");
  assert.equal(events.filter((type) => type === "conferencecall_leaving").length, 1);
});

test("a_kick_of_somebody_who_is_still_joining_ends_the_join", async () => {
  const id = await create();
  const row = await start(id);
  assert.equal((await kick(row.id)).body.status, "leaving");
  assert.equal(await calls().markJoined(row.id), null, "media that comes now is too late");
  await media.confirm();
  assert.equal((await call(row.id)).status, "leaved");
  assert.deepEqual((await conference(id)).conferencecall_ids, []);
});

test("an_ejection_that_nobody_confirms_ends_by_itself", async () => {
  const id = await create();
  const joined = await join(id);
  await kick(joined);
  media.ejected.length = 0;
  const left = nextEvent(rest, id, "conferencecall_leaved");
  await clock.advance(10_100);
  await clock.until(left);
  assert.equal((await call(joined)).status, "leaved");
});

test("a_join_that_never_connects_ends_with_connect_failed", async () => {
  const id = await create();
  const row = await start(id);
  const left = nextEvent(rest, id, "conferencecall_leaved");
  await clock.advance(30_100);
  assert.equal((await left).cause, "connect_failed");
  assert.equal((await call(row.id)).leave_reason, "connect_failed");
});

test("delete_removes_everybody_and_the_last_one_out_ends_the_conference", async () => {
  const id = await create();
  const joined = await join(id);
  const joining = (await start(id)).id;
  const ended = await rest.ask("DELETE", `/v1.0/conferences/${id}`);
  assert.equal(ended.body.status, "terminating");
  assert.notEqual(ended.body.tm_delete, "9999-01-01 00:00:00.000000");
  assert.equal((await call(joined)).status, "leaving");
  assert.equal((await call(joining)).status, "leaving");
  assert.equal(await reason(start(id)), "STATE_INVALID");
  assert.equal((await rest.ask("PUT", `/v1.0/conferences/${id}`, { body: {} })).status, 409);
  const again = await rest.ask("DELETE", `/v1.0/conferences/${id}`);
  assert.deepEqual(again.body, ended.body);
  await media.confirm();
  const last = await conference(id);
  assert.equal(last.status, "terminated");
  assert.deepEqual(last.conferencecall_ids, []);
  assert.ok(media.closed.includes(id));
  const types = await typesOf(id);
  assert.equal(types.at(-1), "conference_deleted");
  assert.equal(types.filter((type) => type === "conference_deleted").length, 1);
  assert.equal((await call(joined)).leave_reason, "ended");
});

test("a_conference_whose_media_side_is_silent_is_forced_to_its_end", async () => {
  const id = await create();
  await join(id);
  await rest.ask("DELETE", `/v1.0/conferences/${id}`);
  media.ejected.length = 0;
  const ended = nextEvent(rest, id, "conference_deleted");
  await clock.advance(30_100);
  await clock.until(ended);
  assert.equal((await conference(id)).status, "terminated");
});

test("a_connect_takes_two_and_ends_when_one_of_them_leaves", async () => {
  const id = await create("connect");
  const first = await join(id);
  const second = await join(id);
  assert.equal(await reason(start(id)), "STATE_INVALID", "no third");
  await calls().leave(first, "left");
  assert.equal((await conference(id)).status, "terminating");
  const ejected = await call(second);
  assert.equal(ejected.status, "leaving");
  assert.equal(ejected.leave_reason, "ejected");
  await media.confirm();
  assert.equal((await conference(id)).status, "terminated");
});

test("a_connect_waits_for_a_second_party_also_when_one_failed_to_connect", async () => {
  const id = await create("connect");
  const first = await join(id);
  const failed = await start(id);
  await calls().leave(failed.id, "connect_failed");
  assert.equal((await conference(id)).status, "progressing");
  assert.equal((await call(first)).status, "joined");
  await join(id);
  assert.equal((await conference(id)).conferencecall_ids.length, 2);
});

test("a_full_conference_refuses_the_next_with_its_limit", async () => {
  const id = await create();
  for (let count = 0; count < 3; count += 1) await start(id);
  assert.equal(await reason(start(id)), "CONFERENCE_FULL");
  assert.equal((await conference(id)).status, "progressing");
});

test("joins_at_the_same_moment_cannot_overfill_a_connect", async () => {
  const id = await create("connect");
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => start(id)));
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 2);
});

test("who_joined_by_a_token_leaves_with_it_and_only_hosts_remove_others", async () => {
  const id = await create();
  const link = async (role: string) =>
    (await rest.ask("POST", `/v1.0/conferences/${id}/join_tokens`, { body: { role } })).body.token;
  const [member, host] = [await link("member"), await link("host")];
  const jti = async (token: string) => {
    const known = await rest.authenticator.authenticate(token);
    assert.ok(known.type === "participant");
    return known.jti;
  };
  const mine = await join(id, { token_jti: await jti(member) });
  const hosts = await join(id, { token_jti: await jti(host), role: "host" });
  assert.equal((await kick(hosts, member)).status, 403);
  const left = await kick(mine, member);
  assert.equal(left.body.status, "leaved");
  assert.equal(left.body.leave_reason, "left");
  const third = await join(id);
  assert.equal((await kick(third, host)).body.status, "leaving");
  const leaving = (await history(id)).find((event) => event.type === "conferencecall_leaving");
  assert.deepEqual(leaving?.actor, { type: "conferencecall", id: hosts });
  await media.confirm();
});

test("a_token_of_one_conference_sees_no_join_of_another", async () => {
  const [id, other] = [await create(), await create()];
  const theirs = await join(other);
  const { token } = (await rest.ask("POST", `/v1.0/conferences/${id}/join_tokens`, { body: {} }))
    .body;
  const read = await rest.ask("GET", `/v1.0/conferencecalls/${theirs}`, { token });
  assert.equal(read.status, 404);
  assert.equal(read.body.error.reason, "CONFERENCECALL_NOT_FOUND");
  const listed = await rest.ask("GET", "/v1.0/conferencecalls", { token });
  assert.deepEqual(listed.body.result, []);
  const foreign = await rest.ask("GET", `/v1.0/conferencecalls?conference_id=${other}`, { token });
  assert.deepEqual(foreign.body.result, []);
});

test("changes_of_a_join_are_announced_once_and_the_same_value_is_no_change", async () => {
  const id = await create();
  const joined = await join(id);
  const actor = { type: "conferencecall", id: joined } as const;
  await calls().update(joined, { muted: true }, actor);
  await calls().update(joined, { muted: true }, actor);
  await calls().update(joined, { muted: false, hand: true }, actor);
  const types = (await typesOf(id)).slice(4);
  assert.deepEqual(types, [
    "conferencecall_muted",
    "conferencecall_unmuted",
    "conferencecall_updated",
  ]);
  await calls().leave(joined, "left");
  assert.equal(await calls().update(joined, { name: "x" }, actor), null);
});

test("a_room_that_takes_long_is_starting_until_it_stands", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  media.opening = promise;
  const made = rest.ask("POST", "/v1.0/conferences", { body: { type: "conference" } });
  let shown: { id: ConferenceId; status: string } | null = null;
  const answered = made.then(({ body }) => {
    shown = body;
  });
  while (shown === null) await clock.advance(100);
  await answered;
  const { id, status } = shown as { id: ConferenceId; status: string };
  assert.equal(status, "starting");
  assert.equal(await reason(start(id)), "STATE_INVALID");
  const started = nextEvent(rest, id, "conference_updated");
  media.opening = null;
  resolve();
  await clock.until(started);
  assert.equal((await conference(id)).status, "progressing");
  await join(id);
});

test("what_was_overdue_while_the_server_was_away_is_done_at_its_next_start", async () => {
  const id = await create();
  await rest.ask("PUT", `/v1.0/conferences/${id}`, { body: { timeout: 5 } });
  await join(id);
  await rest.conferences.close();
  await clock.advance(6_000);
  assert.equal((await conference(id)).status, "progressing", "nobody was there to end it");
  const again = await startRest({
    clock,
    store: { ...rest.store, close: async () => undefined },
  });
  const read = await again.ask("GET", `/v1.0/conferences/${id}`);
  assert.ok(["terminating", "terminated"].includes(read.body.status));
  await again.close();
});
