// Conferences with a media side of fake workers on a real database, for tests of joining.

import {
  type Conferences,
  createAttendance,
  createConferences,
  createJoins,
  createShowing,
  type Joins,
  type MediaAttendance,
  type Showing,
} from "../src/domain/conference/index.ts";
import {
  type Caller,
  createCustomers,
  createRevocations,
  createTokens,
  permissions,
} from "../src/domain/customer/index.ts";
import { type Clock, createManualClock, createSystemClock } from "../src/kernel/clock.ts";
import { readConfig } from "../src/kernel/config.ts";
import {
  type AgentId,
  type ConferenceId,
  type CustomerId,
  createIds,
  type Ids,
  type TokenId,
} from "../src/kernel/id.ts";
import { silentLog } from "../src/kernel/log.ts";
import { createMedia, type Media } from "../src/media/index.ts";
import * as sdp from "../src/sdp/index.ts";
import type { JournalEvent, Store } from "../src/store/index.ts";
import { openTestStore } from "./database.ts";
import { createFakeWorkers, type FakeWorkers, media_settings } from "./fake-worker.ts";

/** Everything that takes part in a join. */
export interface Joining {
  readonly store: Store;
  readonly ids: Ids;
  readonly media: Media;
  readonly fakes: FakeWorkers;
  readonly conferences: Conferences;
  readonly attendance: MediaAttendance;
  readonly joins: Joins;
  readonly showing: Showing;
  /** The customer's administrator. */
  readonly admin: Caller;
  /** Events of the journal so far, in order. */
  readonly events: JournalEvent[];
  /** Somebody with a join token. */
  person(
    conference_id: ConferenceId,
    role?: "host" | "member" | "listener",
    name?: string,
  ): Caller & { type: "participant" };
  /** A running conference. */
  conference(type?: "conference" | "connect"): Promise<ConferenceId>;
  /** Resolves when `seen` gives something; it is asked after each event and each beat of the loop. */
  until<T>(
    seen: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  ): Promise<T>;
  /** The media side forgets everything, as after a restart of the process, with the database as it is. */
  restart(): Promise<Joining>;
  close(): Promise<void>;
}

/** Starts it. With `clock` a manual one, time in the media side stands still until it is moved. */
export async function startJoining(
  given: {
    store?: Store;
    clock?: Clock;
    /** Of the media side; without it time stands still there. */
    media_clock?: Clock;
    workers?: number;
    conference_calls_max?: number;
  } = {},
): Promise<Joining> {
  const clock = given.clock ?? createSystemClock();
  const ids = createIds(() => clock.now() / 1000);
  const log = silentLog();
  const store = given.store ?? (await openTestStore({ clock }));
  const fakes = createFakeWorkers();
  const media = createMedia({
    config: {
      ...media_settings.media,
      host: "127.0.0.1",
      port: 0,
      worker_count: given.workers ?? 1,
    },
    limits: media_settings.limits,
    // The fakes do not beat by themselves: hangs have tests of their own.
    clock: given.media_clock ?? createManualClock(),
    log,
    spawn: fakes.spawn,
  });
  await media.start();
  const tokens = createTokens({ clock, ids, log, secret: "x".repeat(40), lifetime_ms: 60_000 });
  const revocations = createRevocations({ store, clock, log });
  const { limits } = readConfig({ argv: [], env: {}, file: () => null }).config;
  const conferences = createConferences({
    store,
    clock,
    ids,
    log,
    tokens,
    publicUrl: () => "http://localhost",
    revocations,
    limits: { ...limits, conference_calls_max: given.conference_calls_max ?? 100 },
  });
  const { conferencecalls } = conferences;
  const attendance = createAttendance({
    media,
    store,
    conferences,
    conferencecalls,
    clock,
    log,
    vanished_hold_ms: 2_000,
  });
  conferences.attach(attendance);
  const events: JournalEvent[] = [];
  const unsubscribe = store.journal.subscribe((event) => events.push(event));
  await attendance.recover();
  await conferences.start();
  await createCustomers({ store, clock, ids, log, tokens, limits }).bootstrap({
    username: "admin",
    password: "correct horse battery staple",
  });
  const { id: customer_id } = await store.db
    .withTables<{ customers: { id: CustomerId } }>()
    .selectFrom("customers")
    .select("id")
    .executeTakeFirstOrThrow();
  const admin: Caller = {
    type: "agent",
    id: ids.next<AgentId>(),
    customer_id,
    permission: permissions.customer_admin,
    view: null,
  };

  const stop = async (): Promise<void> => {
    unsubscribe();
    attendance.close();
    await conferences.close();
    revocations.close();
    await media.close();
  };

  return {
    store,
    ids,
    media,
    fakes,
    conferences,
    attendance,
    admin,
    events,
    joins: createJoins({ media, sdp, attendance, conferences, conferencecalls, clock, ids, log }),
    showing: createShowing({ media, attendance, conferencecalls }),
    person: (conference_id, role = "member", name = "Ann") => ({
      type: "participant",
      customer_id,
      conference_id,
      jti: ids.next<TokenId>(),
      max_joins: 5,
      tm_expire: clock.now() + 3_600_000_000,
      role,
      name,
      label: "",
      metadata: {},
    }),
    async conference(type = "conference") {
      const made = await conferences.create(admin, { type });
      return made.id as ConferenceId;
    },
    async until(seen) {
      const late = performance.now() + 5_000;
      for (;;) {
        const found = await seen();
        if (found) return found;
        if (performance.now() > late) throw new Error("it did not happen within 5 s");
        await new Promise((done) => setImmediate(done));
      }
    },
    async restart() {
      await stop();
      return await startJoining({ ...given, store });
    },
    async close() {
      await stop();
      await store.close();
    },
  };
}
