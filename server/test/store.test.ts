import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sql } from "kysely";
import { Client } from "pg";
import { createSystemClock } from "../src/kernel/clock.ts";
import { system } from "../src/kernel/event.ts";
import {
  type ConferencecallId,
  type ConferenceId,
  type CustomerId,
  createIds,
  type EventId,
} from "../src/kernel/id.ts";
import { silentLog } from "../src/kernel/log.ts";
import { problems } from "../src/kernel/problem.ts";
import { connect } from "../src/store/connect.ts";
import type { JournalEvent, NewEvent, Store } from "../src/store/index.ts";
import { migrations } from "../src/store/migrations/index.ts";
import { makeDatabase, openStoreOn, openTestStore, usual_limits } from "./database.ts";
import { startDatabaseProxy } from "./database-proxy.ts";

const ids = createIds(Date.now);
const customer_id = ids.next<CustomerId>();

const event = (conference_id: ConferenceId, data: object = {}): NewEvent => ({
  customer_id,
  conference_id,
  type: "conference_updated",
  data,
  actor: system,
});

let store: Store;
before(async () => {
  store = await openTestStore();
  await sql`create table notes (id int primary key, text text)`.execute(store.db);
});
after(() => store.close());

const heard = (): { events: JournalEvent[]; stop: () => void } => {
  const events: JournalEvent[] = [];
  return { events, stop: store.journal.subscribe((one) => events.push(one)) };
};

test("a_change_and_its_event_are_written_together_and_published_after_the_commit", async () => {
  const conference_id = ids.next<ConferenceId>();
  const target = ids.next<ConferencecallId>();
  const { events, stop } = heard();
  const id = await store.transaction(async (tx) => {
    await sql`insert into notes values (1, 'one')`.execute(tx.db);
    const made = tx.append({
      ...event(conference_id, { b: [1, { c: null }] }),
      cause: "kicked",
      audience: [target],
    });
    assert.deepEqual(events, []);
    return made;
  });
  stop();
  assert.equal(events.length, 1);
  assert.equal(events[0]?.id, id);
  assert.equal(events[0]?.seq, 1);
  assert.deepEqual(await store.journal.read(conference_id, 0, 10), events);
  assert.equal(events[0]?.cause, "kicked");
  assert.deepEqual(events[0]?.audience, [target]);
});

test("what_throws_writes_nothing_publishes_nothing_and_leaves_no_gap", async () => {
  const conference_id = ids.next<ConferenceId>();
  const { events, stop } = heard();
  await assert.rejects(
    store.transaction(async (tx) => {
      await sql`insert into notes values (2, 'two')`.execute(tx.db);
      tx.append(event(conference_id));
      throw new Error("changed my mind");
    }),
    /changed my mind/,
  );
  await assert.rejects(
    store.transaction(async (tx) => {
      tx.append(event(conference_id));
      tx.append(event(conference_id, { text: "\u0000" }));
    }),
  );
  await store.transaction(async (tx) => void tx.append(event(conference_id)));
  stop();
  assert.deepEqual(
    events.map((one) => one.seq),
    [1],
  );
  const { rows } = await sql`select 1 from notes where id = 2`.execute(store.db);
  assert.equal(rows.length, 0);
});

test("an_error_that_is_swallowed_inside_does_not_pass_for_a_commit", async () => {
  const conference_id = ids.next<ConferenceId>();
  const swallow = (withEvent: boolean) =>
    store.transaction(async (tx) => {
      if (withEvent) tx.append(event(conference_id));
      await assert.rejects(sql`insert into notes values (1, 'again')`.execute(tx.db));
    });
  await assert.rejects(swallow(false), /was not passed on/);
  await assert.rejects(swallow(true));
  assert.equal(await store.journal.latest(conference_id), 0);
});

test("numbers_have_no_gap_and_come_in_order_whatever_runs_at_once", async () => {
  const conferences = Array.from({ length: 5 }, () => ids.next<ConferenceId>());
  const { events, stop } = heard();
  const pick = (n: number): ConferenceId => conferences[n % conferences.length] as ConferenceId;
  await Promise.allSettled(
    Array.from({ length: 300 }, (_, n) =>
      store.transaction(async (tx) => {
        tx.append(event(pick(n), { n }));
        if (n % 3 === 0) tx.append(event(pick(n + 1), { n }));
        if (n % 4 === 0) tx.append(event(pick(n), { n, again: true }));
        if (n % 7 === 0) throw new Error("no");
      }),
    ),
  );
  stop();
  for (const conference_id of conferences) {
    const own = events.filter((one) => one.conference_id === conference_id);
    assert.deepEqual(
      own.map((one) => one.seq),
      own.map((_, index) => index + 1),
    );
    assert.deepEqual(await store.journal.read(conference_id, 0, 1000), own);
    assert.equal(await store.journal.latest(conference_id), own.length);
    assert.deepEqual(await store.journal.read(conference_id, 5, 3), own.slice(5, 8));
  }
  assert.equal(events.length, new Set(events.map((one) => one.id)).size);
  const positions = events.map((one) => one.position);
  assert.deepEqual(
    positions,
    positions.toSorted((a, b) => a - b),
  );
  const first = events[0];
  assert.ok(first);
  assert.deepEqual(await store.journal.readCustomer(customer_id, first.id, 1000), events.slice(1));
  assert.equal(await store.journal.readCustomer(ids.next<CustomerId>(), first.id, 10), null);
  assert.equal(await store.journal.readCustomer(customer_id, ids.next<EventId>(), 10), null);
});

test("a_reader_that_fails_does_not_keep_the_others_from_hearing", async () => {
  const stopBad = store.journal.subscribe(() => {
    throw new Error("bad reader");
  });
  const { events, stop } = heard();
  await store.transaction(async (tx) => void tx.append(event(ids.next<ConferenceId>())));
  stop();
  stopBad();
  assert.equal(events.length, 1);
});

test("writes_that_block_each_other_are_run_again_until_both_are_done", async () => {
  await sql`insert into notes values (10, 'a'), (11, 'b')`.execute(store.db);
  const conference_id = ids.next<ConferenceId>();
  let runs = 0;
  let holding = 0;
  const { promise: both, resolve } = Promise.withResolvers<void>();
  const swap = (one: number, other: number) =>
    store.transaction(async (tx) => {
      runs += 1;
      tx.append(event(conference_id));
      await sql`update notes set text = text || 'x' where id = ${one}`.execute(tx.db);
      holding += 1;
      if (holding === 2) resolve();
      await both;
      await sql`update notes set text = text || 'y' where id = ${other}`.execute(tx.db);
    });
  await Promise.all([swap(10, 11), swap(11, 10)]);
  assert.equal(runs, 3);
  assert.equal(await store.journal.latest(conference_id), 2);
});

test("a_view_shows_one_moment_with_the_number_that_it_stands_for", async () => {
  const conference_id = ids.next<ConferenceId>();
  const write = () =>
    store.transaction(async (tx) => {
      await sql`insert into notes select coalesce(max(id), 0) + 1, 'v' from notes`.execute(tx.db);
      tx.append(event(conference_id));
    });
  const count = async (db: Store["db"]) =>
    (await sql<{ n: number }>`select count(*) as n from notes`.execute(db)).rows[0]?.n;
  await write();
  await store.view(async (view) => {
    const before = await count(view.db);
    await write();
    assert.equal(await count(view.db), before);
    assert.equal(await view.latest(conference_id), 1);
  });
  assert.equal(await store.journal.latest(conference_id), 2);
});

test("a_second_server_on_the_same_database_is_refused_with_a_sentence", async () => {
  const { url, drop } = await makeDatabase();
  const first = await openStoreOn(url);
  await assert.rejects(openStoreOn(url), /another Parley server uses this database/);
  await first.close();
  const second = await openStoreOn(url);
  await second.close();
  await drop();
});

test("broken_connections_are_replaced_and_no_event_is_lost_or_doubled", async () => {
  const { url, drop } = await makeDatabase();
  const one = await openStoreOn(url);
  const conference_id = ids.next<ConferenceId>();
  const events: JournalEvent[] = [];
  one.journal.subscribe((next) => events.push(next));
  const cut = new Client({ connectionString: url });
  await cut.connect();
  let failed = 0;
  let acknowledged = 0;
  const writer = async (): Promise<void> => {
    for (let n = 0; n < 60; n += 1) {
      try {
        await one.transaction(async (tx) => void tx.append(event(conference_id, { n })));
        acknowledged += 1;
      } catch (reason) {
        assert.equal((reason as { reason?: string }).reason, "SERVICE_UNAVAILABLE");
        failed += 1;
      }
    }
  };
  const cutter = async (): Promise<void> => {
    for (let n = 0; n < 15; n += 1) {
      await cut.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
      );
    }
  };
  await Promise.all([writer(), writer(), writer(), writer(), cutter()]);
  await cut.end();
  const stored = await one.journal.read(conference_id, 0, 1000);
  assert.deepEqual(events, stored);
  assert.deepEqual(
    stored.map((next) => next.seq),
    stored.map((_, index) => index + 1),
  );
  assert.equal(stored.length, acknowledged);
  assert.equal(acknowledged + failed, 240);
  await one.close();
  await drop();
});

test("the_outcome_of_commits_is_found_out_also_where_they_have_all_connections_of_the_pool", async () => {
  const { url, drop } = await makeDatabase();
  const proxy = await startDatabaseProxy(url);
  const connections_max = 2;
  const one = await openStoreOn(proxy.url, { connections_max });
  const events: JournalEvent[] = [];
  one.journal.subscribe((next) => events.push(next));
  const write = (conference_id: ConferenceId): Promise<EventId> =>
    one.transaction(async (tx) => tx.append(event(conference_id)));
  const lost = proxy.loseCommits(connections_max);
  const conferences = [ids.next<ConferenceId>(), ids.next<ConferenceId>()];
  const written = Promise.all(conferences.map(write));
  await lost;
  // More than there are connections, of which one waits for its turn and the others for a connection.
  const more = Promise.all(conferences.flatMap((id) => [write(id), write(id)]));
  const known = await Promise.all([written, more]);
  assert.deepEqual(events.map(({ id }) => id).toSorted(), known.flat().toSorted());
  assert.equal(one.isInDoubt(), false);
  await one.close();
  await proxy.close();
  await drop();
});

test("a_commit_in_doubt_is_told_while_the_database_is_away_and_a_store_that_is_closed_waits_for_none", async () => {
  const { url, drop } = await makeDatabase();
  const proxy = await startDatabaseProxy(url);
  const one = await openStoreOn(proxy.url);
  const conference_id = ids.next<ConferenceId>();
  const lost = proxy.loseCommits(1);
  const write = one.transaction(async (tx) => tx.append(event(conference_id)));
  const refused = assert.rejects(write, { reason: "SERVICE_UNAVAILABLE" });
  await lost;
  await proxy.close();
  const real = createSystemClock();
  while (!one.isInDoubt()) await real.sleep(10);
  await one.close();
  await refused;
  assert.equal(one.isInDoubt(), false);
  const again = await openStoreOn(url);
  assert.equal(await again.journal.latest(conference_id), 1);
  await again.close();
  await drop();
});

test("each_statement_that_writes_asks_for_room_and_reading_does_not", async () => {
  const { url, drop } = await makeDatabase();
  let is_full = false;
  const { db, end } = connect(
    { connectionString: url },
    { ...usual_limits, connections_max: 2 },
    {
      clock: createSystemClock(),
      log: silentLog(),
      requireSpace: async () => {
        if (is_full) throw problems.STORAGE_FULL();
      },
    },
  );
  const notes = db.withTables<{ notes: { id: number } }>();
  await sql`create table notes (id int primary key)`.execute(db);
  await notes.insertInto("notes").values({ id: 1 }).execute();
  is_full = true;
  const full = { reason: "STORAGE_FULL" };
  const insert = sql`insert into notes values (2)`;
  await assert.rejects(notes.insertInto("notes").values({ id: 2 }).execute(), full);
  await assert.rejects(notes.updateTable("notes").set({ id: 3 }).execute(), full);
  await assert.rejects(notes.deleteFrom("notes").execute(), full);
  await assert.rejects(
    sql`with two as (${insert} returning id) select id from two`.execute(db),
    full,
  );
  await assert.rejects(
    db.transaction().execute(async (tx) => void (await insert.execute(tx))),
    full,
  );
  const read = sql<{ id: number }>`with all_of as (select id from notes) select id from all_of`;
  assert.deepEqual((await read.execute(db)).rows, [{ id: 1 }]);
  assert.equal((await notes.selectFrom("notes").selectAll().execute()).length, 1);
  is_full = false;
  await insert.execute(db);
  await end();
  await drop();
});

test("the_schema_moves_forward_once_and_refuses_edited_or_unknown_steps", async () => {
  const { url, drop } = await makeDatabase();
  await (await openStoreOn(url)).close();
  await (await openStoreOn(url)).close();
  const more = { name: "9000-more", statements: ["create table more (id int)"] };
  await (await openStoreOn(url, { migrations: [...migrations, more] })).close();
  await assert.rejects(openStoreOn(url), /newer Parley: it has "9000-more"/);
  const edited = { ...more, statements: ["create table more (id bigint)"] };
  await assert.rejects(
    openStoreOn(url, { migrations: [...migrations, edited] }),
    /"9000-more" was changed/,
  );
  const broken = {
    name: "9001-broken",
    statements: ["create table kept (id int)", "create tabel"],
  };
  await assert.rejects(openStoreOn(url, { migrations: [...migrations, more, broken] }), /syntax/);
  const last = await openStoreOn(url, { migrations: [...migrations, more] });
  const { rows } = await sql`select to_regclass('kept') as kept`.execute(last.db);
  assert.deepEqual(rows, [{ kept: null }]);
  await last.close();
  await drop();
});

test("an_unreachable_database_refuses_the_start_with_a_typed_error_within_the_limit", async () => {
  const clock = createSystemClock();
  const since = clock.monotonic_ms();
  await assert.rejects(openStoreOn("postgres://nobody@localhost:1/none"), { name: "StartRefusal" });
  assert.ok(clock.monotonic_ms() - since < 5_000);
});
