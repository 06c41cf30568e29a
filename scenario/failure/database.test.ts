// The database stops answering, or dies, under a running server: what requests get, and that all of it heals by itself.
// Runs alone: measures how soon requests are refused.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isAlive, type Parley, startParley, until } from "../harness/parley.ts";

const isDatabase = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("postgres");
  } catch {
    // It ended while we looked.
    return false;
  }
};
const databases = (parley: Parley): number[] => parley.children().filter(isDatabase);

const create = async (parley: Parley): Promise<{ status: number; retry: string | null }> => {
  const reply = await fetch(`${parley.url}/v1.0/conferences`, {
    method: "POST",
    headers: { authorization: `Bearer ${parley.token}` },
    body: JSON.stringify({ type: "conference" }),
  });
  await reply.text();
  return { status: reply.status, retry: reply.headers.get("retry-after") };
};

/** Rooms in the workers, and conferences that are open. */
async function agree(parley: Parley): Promise<boolean> {
  const { parts } = await (
    await fetch(`${parley.url}/health`, { headers: { authorization: `Bearer ${parley.token}` } })
  ).json();
  const rooms = parts.media.workers.reduce(
    (sum: number, worker: { rooms: number }) => sum + worker.rooms,
    0,
  );
  let open = 0;
  for (let token = ""; ; ) {
    const page = await parley.api<{ result: unknown[]; next_page_token: string }>(
      "GET",
      `/v1.0/conferences?page_size=100${token && `&page_token=${encodeURIComponent(token)}`}`,
    );
    open += page.result.length;
    token = page.next_page_token;
    if (token === "" || page.result.length === 0) break;
  }
  return rooms === open;
}

test("a_database_that_is_stopped_or_killed_is_answered_without_waiting_and_heals_by_itself", async (t) => {
  const parley = await startParley();
  try {
    for (let made = 0; made < 5; made += 1) assert.equal((await create(parley)).status, 200);
    const stopped = databases(parley);
    assert.ok(stopped.length > 1);
    for (const pid of stopped) process.kill(pid, "SIGSTOP");
    const first = await Promise.all(Array.from({ length: 30 }, () => create(parley)));
    const began = performance.now();
    const later = await Promise.all(Array.from({ length: 30 }, () => create(parley)));
    t.diagnostic(`thirty refusals took ${Math.round(performance.now() - began)} ms`);
    for (const { status, retry } of [...first, ...later]) {
      assert.equal(status, 503);
      assert.ok(Number(retry) >= 1);
    }
    assert.equal((await fetch(`${parley.url}/ping`)).status, 200);
    for (const pid of stopped) if (isAlive(pid)) process.kill(pid, "SIGCONT");
    await until("it is written again", async () => (await create(parley)).status === 200);
    await until("rooms are those of the rows", () => agree(parley));
    for (const pid of databases(parley)) if (isAlive(pid)) process.kill(pid, "SIGKILL");
    const outcomes = new Set<number>();
    await until("it is written again after the kill", async () => {
      const { status } = await create(parley);
      outcomes.add(status);
      return status === 200;
    });
    for (const status of outcomes) assert.ok(status === 200 || status === 503, `${status}`);
    await until("rooms are those of the rows after the kill", () => agree(parley));
  } finally {
    await parley.stop();
  }
});
