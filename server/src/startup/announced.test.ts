import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../kernel/clock.ts";
import { readConfig } from "../kernel/config.ts";
import { silentLog } from "../kernel/log.ts";
import { createAnnounced } from "./announced.ts";

const stage = (announced_address: string, host: string, ...answers: (string[] | Error)[]) => {
  const clock = createManualClock();
  const argv = ["--media.host", host, "--media.announced_address", announced_address];
  const { config } = readConfig({ argv, env: {}, file: () => null });
  const asked: string[] = [];
  const resolve = async (name: string) => {
    asked.push(name);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return (answer ?? []).map((address) => ({ address }));
  };
  const made = createAnnounced(config, { clock, log: silentLog(), resolve });
  return { made, clock, asked };
};
const gone = Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });
const [four, other, six] = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];

test("an_address_is_told_as_it_stands_and_none_leaves_the_machine_its_own", async () => {
  for (const [given, told] of [
    ["", []],
    [four, [four]],
    [six, [six]],
  ] as const) {
    const { made, asked } = stage(given, "0.0.0.0");
    assert.deepEqual((await made).addresses(), told);
    assert.deepEqual(asked, []);
  }
});

test("a_name_is_told_as_all_its_addresses_that_the_workers_receive_on", async () => {
  const found = ["fe80::1", six, four, other, four];
  for (const [host, told] of [
    ["0.0.0.0", [four, other]],
    ["127.0.0.1", [four, other]],
    ["::", [six, four, other]],
    ["::1", [six]],
  ] as const) {
    assert.deepEqual((await stage("meet.example.org", host, found).made).addresses(), told, host);
  }
  const many = Array.from({ length: 20 }, (_, index) => `192.0.2.${index + 1}`);
  assert.equal((await stage("many.example.org", "0.0.0.0", many).made).addresses().length, 8);
});

test("a_name_that_leads_nowhere_stops_the_start", async () => {
  await assert.rejects(stage("x.example.org", "0.0.0.0", gone).made, /cannot be resolved \(ENOTF/);
  await assert.rejects(stage("x.example.org", "0.0.0.0", [six]).made, /no address of the kind of/);
});

test("a_name_that_leads_elsewhere_is_followed_and_one_that_is_gone_keeps_its_last_addresses", async () => {
  const { made, clock } = stage("x.example.org", "0.0.0.0", [four], [other], gone, [], [four]);
  const announced = await made;
  const after_a_minute = async () => {
    await clock.advance(60_000);
    return announced.addresses();
  };
  assert.deepEqual(announced.addresses(), [four]);
  assert.deepEqual(await after_a_minute(), [other]);
  assert.deepEqual(await after_a_minute(), [other]);
  assert.deepEqual(await after_a_minute(), [other]);
  assert.deepEqual(await after_a_minute(), [four]);
  announced.close();
});
