import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../kernel/clock.ts";
import { createRate, rateAddress } from "./rate.ts";

test("a_burst_is_let_through_and_then_as_many_as_the_rate_allows", async () => {
  const clock = createManualClock();
  const rate = createRate(clock, 10, 20);
  const take = (count: number): number =>
    Array.from({ length: count }, () => rate.take("a")).filter((wait) => wait === 0).length;
  assert.equal(take(50), 20);
  await clock.advance(1_000);
  assert.equal(take(50), 10);
  await clock.advance(60_000);
  assert.equal(take(50), 20, "never more than the burst");
});

test("the_wait_is_given_in_whole_seconds_rounded_up", () => {
  const rate = createRate(createManualClock(), 0.25, 1);
  assert.equal(rate.take("a"), 0);
  assert.equal(rate.take("a"), 4);
  assert.equal(rate.take("b"), 0, "keys do not share");
});

test("a_rate_of_zero_limits_nothing", () => {
  const rate = createRate(createManualClock(), 0, 0);
  for (let count = 0; count < 1_000; count += 1) assert.equal(rate.take("a"), 0);
});

test("one_network_cannot_grow_the_memory_of_a_limit_without_end", () => {
  const rate = createRate(createManualClock(), 1, 1);
  for (let count = 0; count < 200_000; count += 1) rate.take(String(count));
  assert.equal(rate.take("199999"), 1, "the newest is remembered");
});

test("an_ipv6_address_counts_as_its_64_bit_network", () => {
  assert.equal(rateAddress("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2");
  assert.equal(rateAddress("2001:db8:1:2::6"), "2001:db8:1:2");
  assert.equal(rateAddress("2001:db8::6"), "2001:db8:0:0");
  assert.equal(rateAddress("::1"), "0:0:0:0");
  assert.equal(rateAddress("::ffff:192.0.2.7"), "192.0.2.7");
  assert.equal(rateAddress("192.0.2.7"), "192.0.2.7");
});
