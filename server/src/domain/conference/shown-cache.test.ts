import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConferenceId, CustomerId } from "../../kernel/id.ts";
import { createShownCache } from "./shown-cache.ts";

const id = (text: string) => text as ConferenceId;
const own = "c" as CustomerId;
const shown = (text: string) => ({ customer_id: own, text });

test("what_was_read_is_given_again_until_it_is_forgotten", async () => {
  const cache = createShownCache(10);
  let loads = 0;
  const load = async () => shown(String(++loads));
  assert.equal((await cache.read(id("a"), own, load))?.text, "1");
  assert.equal(cache.get(id("a"), own)?.text, "1");
  cache.forget(id("a"));
  assert.equal(cache.get(id("a"), own), undefined);
  assert.equal((await cache.read(id("a"), own, load))?.text, "2");
});

test("a_read_that_a_write_overtook_is_given_but_not_kept", async () => {
  const cache = createShownCache(10);
  const { promise, resolve } = Promise.withResolvers<void>();
  const slow = cache.read(id("a"), own, async () => {
    await promise;
    return shown("old");
  });
  cache.forget(id("a"));
  resolve();
  assert.equal((await slow)?.text, "old");
  assert.equal(cache.get(id("a"), own), undefined);
});

test("one_reader_that_was_overtaken_does_not_spoil_the_next", async () => {
  const cache = createShownCache(10);
  const { promise, resolve } = Promise.withResolvers<void>();
  const overtaken = cache.read(id("a"), own, async () => {
    await promise;
    return shown("old");
  });
  cache.forget(id("a"));
  await cache.read(id("a"), own, async () => shown("new"));
  resolve();
  await overtaken;
  assert.equal(cache.get(id("a"), own)?.text, "new");
});

test("all_who_read_at_the_same_time_share_one_load", async () => {
  const cache = createShownCache(10);
  let loads = 0;
  const load = async () => shown(String(++loads));
  const read = await Promise.all(Array.from({ length: 100 }, () => cache.read(id("a"), own, load)));
  assert.deepEqual(new Set(read.map((one) => one?.text)), new Set(["1"]));
});

test("who_reads_after_a_write_does_not_get_what_was_read_before_it", async () => {
  const cache = createShownCache(10);
  const { promise, resolve } = Promise.withResolvers<void>();
  const slow = cache.read(id("a"), own, async () => {
    await promise;
    return shown("old");
  });
  cache.forget(id("a"));
  assert.equal((await cache.read(id("a"), own, async () => shown("new")))?.text, "new");
  resolve();
  await slow;
});

test("a_load_that_failed_is_tried_again", async () => {
  const cache = createShownCache(10);
  await assert.rejects(
    cache.read(id("a"), own, () => Promise.reject(new Error("away"))),
    /away/,
  );
  assert.equal((await cache.read(id("a"), own, async () => shown("back")))?.text, "back");
});

test("the_longest_unread_goes_first_when_it_is_full", async () => {
  const cache = createShownCache(2);
  for (const name of ["a", "b", "a", "c"]) {
    if (!cache.get(id(name), own)) await cache.read(id(name), own, async () => shown(name));
  }
  assert.ok(cache.get(id("a"), own) && cache.get(id("c"), own));
  assert.equal(cache.get(id("b"), own), undefined);
});

test("what_does_not_exist_is_not_kept", async () => {
  const cache = createShownCache(2);
  assert.equal(await cache.read(id("a"), own, async () => null), null);
  assert.equal((await cache.read(id("a"), own, async () => shown("now")))?.text, "now");
});

test("another_customer_finds_nothing_and_takes_nothing_from_whose_it_is", async () => {
  const cache = createShownCache(2);
  const other = "o" as CustomerId;
  const { promise, resolve } = Promise.withResolvers<void>();
  const theirs = cache.read(id("a"), other, async () => {
    await promise;
    return null;
  });
  assert.equal((await cache.read(id("a"), own, async () => shown("mine")))?.text, "mine");
  resolve();
  assert.equal(await theirs, null);
  assert.equal(cache.get(id("a"), own)?.text, "mine");
  assert.equal(cache.get(id("a"), other), undefined);
});
