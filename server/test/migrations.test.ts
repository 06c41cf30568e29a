// Every migration runs on a database that holds what the version before had written, and all of it is read afterwards.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { createAccesskeys } from "../src/domain/accesskey/index.ts";
import { talkRoom } from "../src/domain/conference/index.ts";
import type { Caller } from "../src/domain/customer/index.ts";
import { permissions } from "../src/domain/customer/index.ts";
import { createTalk } from "../src/domain/talk/index.ts";
import { createSystemClock } from "../src/kernel/clock.ts";
import { type AgentId, type ConferenceId, type CustomerId, createIds } from "../src/kernel/id.ts";
import type { Store } from "../src/store/index.ts";
import { migrations } from "../src/store/migrations/index.ts";
import { makeDatabase, openStoreOn, usual_limits } from "./database.ts";
import { startJoining } from "./joining.ts";
import { chromium_offer } from "./offers.ts";

const ids = createIds(Date.now);
const clock = createSystemClock();
const customer = ids.next<CustomerId>();
const agent = ids.next();
const key = ids.next();
const conference = ids.next<ConferenceId>();
const ended = ids.next<ConferenceId>();
const call = ids.next();
const join = ids.next();
const message = ids.next();
const tm = 1_700_000_000_000_000;
const page = { size: 10, before: null };

/** Rows as the version with that migration, and each up to the next that changes the table, wrote them. */
const written: Readonly<Record<string, readonly string[]>> = {
  "0000-journal": [
    `insert into journal_counters values ('${conference}', 1)`,
    `insert into events values (1, '${ids.next()}', '${customer}', '${conference}', 1, 'conference_created',
      '{"id": "${conference}", "name": "old"}', 'system', null, null, null, ${tm})`,
  ],
  "0001-nouns": [
    `insert into customers (id, name, detail, tm_create) values ('${customer}', 'Old', '', ${tm})`,
    `insert into agents (id, customer_id, username, name, detail, password_hash, permission, tm_create)
      values ('${agent}', '${customer}', 'olga', 'Olga', '', '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAA', 1, ${tm})`,
    `insert into accesskeys (id, customer_id, name, detail, token_hash, token_prefix, tm_expire, tm_create)
      values ('${key}', '${customer}', 'old key', '', 'a hash', 'abc', 9000000000000000, ${tm})`,
    ...[
      [conference, "progressing", "null"],
      [ended, "terminated", tm + 5],
    ].map(
      (
        [id, status, tm_end],
        at,
      ) => `insert into conferences (id, customer_id, type, status, name, detail, data,
        timeout, pre_actions, post_actions, conferencecall_ids, tm_create, tm_delete, tm_end)
        values ('${id}', '${customer}', 'conference', '${status}', 'old', 'd', '{"k": 1}', 0, '[]', '[]', '{}',
          ${tm + at}, ${tm_end}, ${tm_end})`,
    ),
    `insert into calls (id, customer_id, conference_id, type, direction, status, hangup_by, hangup_reason, tm_create)
      values ('${call}', '${customer}', '${ended}', 'webrtc', 'incoming', 'hangup', 'remote', 'normal', ${tm})`,
    `insert into conferencecalls (id, customer_id, conference_id, reference_type, reference_id, status, name, role, label,
      metadata, muted, camera, screen, hand, leave_reason, tm_create, tm_leaved, deadline_reason)
      values ('${join}', '${customer}', '${ended}', 'call', '${call}', 'leaved', 'Old Ann', 'member', '', '{}', false,
        true, false, false, 'left', ${tm}, ${tm + 4}, 'left')`,
    `insert into repeated_requests values ('${customer}', 'k', 'f', 'x', ${tm})`,
  ],
  "0002-talk": [
    `insert into conference_messages (id, customer_id, conference_id, owner_type, owner_id, owner_name, type, text, reactions, tm_create)
      values ('${message}', '${customer}', '${conference}', 'conferencecall', '${join}', 'Old Ann', 'text', 'an old word', '[]', ${tm})`,
  ],
  "0003-tokens": [
    `insert into join_tokens values ('old-token', '${customer}', '${conference}', null, 'member', 'Old Link', '', 5, ${tm}, 9000000000000000)`,
    `insert into revoked_tokens values ('old-revoked', '${customer}', 'revoked', ${tm}, 9000000000000000)`,
    `insert into login_sources values ('${agent}', 'a hash', ${tm})`,
    // Two customers may each have an olga from here on.
    `insert into customers (id, name, detail, tm_create) values ('${ids.next()}', 'Other', '', ${tm + 1})`,
  ],
};

async function countRows(store: Store): Promise<Record<string, number>> {
  const { rows: tables } = await sql<{
    name: string;
  }>`select table_name as name from information_schema.tables
    where table_schema = 'public' and table_name <> 'parley_migrations'`.execute(store.db);
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows } = await sql<{
      count: number;
    }>`select count(*) as count from ${sql.table(name)}`.execute(store.db);
    counts[name] = rows[0]?.count ?? 0;
  }
  return counts;
}

for (const [at, { name }] of migrations.entries()) {
  test(`what_the_version_with_${name}_wrote_is_there_and_goes_on_after_all_later_migrations`, async () => {
    const { url, drop } = await makeDatabase();
    const old = await openStoreOn(url, { migrations: migrations.slice(0, at + 1) });
    const has = new Set<string>(migrations.slice(0, at + 1).map((step) => step.name));
    for (const [since, statements] of Object.entries(written)) {
      assert.ok(
        migrations.some((step) => step.name === since),
        since,
      );
      if (!has.has(since)) continue;
      for (const statement of statements) await sql.raw(statement).execute(old.db);
    }
    const before = await countRows(old);
    await old.close();

    const store = await openStoreOn(url);
    const now = await countRows(store);
    for (const [table, count] of Object.entries(before)) assert.equal(now[table], count, table);
    const events = await store.journal.read(conference, 0, 10);
    assert.deepEqual(
      events.map(({ seq, type, data }) => [seq, type, data]),
      [[1, "conference_created", { id: conference, name: "old" }]],
    );

    if (has.has("0001-nouns")) {
      const rig = await startJoining({ store });
      const admin: Caller = {
        type: "agent",
        id: agent as AgentId,
        customer_id: customer,
        permission: permissions.customer_admin,
        view: null,
      };
      const shown = await rig.conferences.list(admin, page, {});
      assert.deepEqual(
        shown.result.map(({ id, data }) => [id, data]),
        [[conference, { k: 1 }]],
      );
      assert.equal((await rig.conferences.get(admin, ended)).status, "terminated");
      const left = await rig.conferences.conferencecalls.get(admin, join as never);
      assert.equal(left.name, "Old Ann");
      const keys = await createAccesskeys({ store, clock, ids, limits: usual_limits }).list(
        admin as never,
        page,
      );
      assert.deepEqual(
        keys.result.map(({ id }) => id),
        [key],
      );
      if (has.has("0002-talk")) {
        const talk = createTalk({ store, clock, ids, room: talkRoom, limits: usual_limits });
        const said = JSON.stringify(await talk.list(admin, conference, page));
        assert.match(said, /an old word/);
      }
      if (has.has("0003-tokens")) {
        const links = await rig.conferences.joinTokens.list(admin, conference, page);
        assert.deepEqual(
          links.result.map((link) => link.name),
          ["Old Link"],
        );
      }
      // And it goes on: somebody joins the meeting of before.
      const person = { ...rig.person(conference), customer_id: customer };
      const reply = await rig.joins.join(person, conference, { offer: chromium_offer });
      assert.equal(reply.conferencecall.conference_id, conference);
      assert.equal((await store.journal.read(conference, 1, 1))[0]?.seq, 2);
      await rig.close();
    } else await store.close();
    await drop();
  });
}
