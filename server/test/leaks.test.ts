// Whatever fails in a create or a join, wherever: the rooms and endpoints of the worker are those of the rows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem, problems } from "../src/kernel/problem.ts";
import type { Store } from "../src/store/index.ts";
import { openTestStore } from "./database.ts";
import { type Joining, startJoining } from "./joining.ts";
import { chromium_offer } from "./offers.ts";

interface Row {
  id: string;
  status: string;
  reference_id: string;
}

/** A store that fails at the chosen moment of the next transactions. */
function failing(store: Store): Store & { fail: string | null } {
  const made = {
    ...store,
    fail: null as string | null,
    async transaction<T>(run: (tx: never) => Promise<T>): Promise<T> {
      if (made.fail === "before") throw problems.SERVICE_UNAVAILABLE();
      const result = await store.transaction(async (tx) => {
        const inside = await run(tx as never);
        if (made.fail === "disk full at the end") throw problems.STORAGE_FULL();
        if (made.fail === "fault at the end") throw new Error("a fault");
        return inside;
      });
      if (made.fail === "after the commit") throw problems.SERVICE_UNAVAILABLE();
      return result;
    },
  };
  return made as Store & { fail: string | null };
}

const rows = async (rig: Joining, name: "conferences" | "conferencecalls"): Promise<Row[]> =>
  (await rig.store.db
    .withTables<Record<string, Row>>()
    .selectFrom(name)
    .selectAll()
    .execute()) as unknown as Row[];

async function agrees(rig: Joining): Promise<boolean> {
  const open = (await rows(rig, "conferences")).filter(({ status }) => status !== "terminated");
  const present = (await rows(rig, "conferencecalls")).filter(
    ({ status }) => status === "joined" || status === "joining",
  );
  const worker = rig.fakes.at(0);
  const held = rig.media.health()[0];
  const same = (a: Iterable<string>, b: Iterable<string>) =>
    [...a].toSorted().join() === [...b].toSorted().join();
  return (
    same(
      worker.rooms,
      open.map(({ id }) => id),
    ) &&
    [...worker.endpoints.keys()].every((id) => present.some((row) => row.reference_id === id)) &&
    held?.rooms === worker.rooms.size &&
    held.endpoints === worker.endpoints.size
  );
}

const store_failures = ["before", "disk full at the end", "fault at the end", "after the commit"];
const media_failures = ["room_open", "endpoint_open", "endpoint_close", "room_close"];

for (const failure of [...store_failures, ...media_failures]) {
  test(`nothing_leaks_when_create_and_join_fail: ${failure}`, async () => {
    const store = failing(await openTestStore());
    const rig = await startJoining({ store });
    const id = await rig.conference();
    const offer = chromium_offer;
    const outcomes: unknown[] = [];
    const attempt = async (run: () => Promise<unknown>) =>
      outcomes.push(await run().catch((cause: unknown) => cause));
    if (media_failures.includes(failure)) {
      rig.fakes.answer = (request) =>
        request.type === failure ? { code: "limit_reached" } : undefined;
    } else store.fail = failure;
    await attempt(() => rig.conferences.create(rig.admin, { type: "conference" }));
    await attempt(() => rig.joins.join(rig.person(id), id, { offer }));
    store.fail = null;
    rig.fakes.answer = () => undefined;
    await rig.until(() => agrees(rig));
    if (store_failures.includes(failure)) {
      assert.ok(outcomes.every((one) => one instanceof Error));
    }
    await rig.joins.join(rig.person(id), id, { offer });
    await rig.until(() => agrees(rig));
    await rig.close();
  });
}

for (const moment of ["before it is written", "after it is written"]) {
  test(`a_join_in_flight_when_the_conference_ends_is_a_conflict_and_its_room_stays_closed: ${moment}`, async () => {
    const inner = await openTestStore();
    let meanwhile: (() => Promise<unknown>) | null = null;
    const end = async (): Promise<void> => {
      const run = meanwhile;
      meanwhile = null;
      await run?.();
    };
    const store: Store = {
      ...inner,
      async transaction(run) {
        if (moment.startsWith("before")) await end();
        const result = await inner.transaction(run);
        if (moment.startsWith("after")) await end();
        return result;
      },
    };
    const rig = await startJoining({ store });
    const id = await rig.conference();
    meanwhile = () => rig.conferences.end(rig.admin, id);
    await assert.rejects(
      rig.joins.join(rig.person(id), id, { offer: chromium_offer }),
      (thrown: unknown) => thrown instanceof Problem && thrown.http === 409,
    );
    // They agree on the way, too, while the conference is still ending.
    await rig.until(async () => (await agrees(rig)) && rig.fakes.at(0).rooms.size === 0);
    await rig.close();
  });
}
