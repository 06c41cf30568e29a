// Nobody fills the server's memory by not reading, and nobody's socket is crowded out by strangers.
import assert from "node:assert/strict";
import { connect as connectTcp, type Socket } from "node:net";
import { after, before, test } from "node:test";
import type { ConferenceId } from "../src/kernel/id.ts";
import { close_codes, socket_limits } from "../src/realtime/limits.ts";
import { type Client, connect, type LiveRig, startLiveRig } from "./live-rig.ts";

const customer_bytes_max = 4 * 1024 * 1024;
let rig: LiveRig;
before(async () => {
  rig = await startLiveRig({
    limits: {
      sockets_customer_bytes_max: customer_bytes_max,
      sockets_unproven_max: 12,
      sockets_unproven_per_address_max: 6,
    },
    trusted_proxies: ["127.0.0.1"],
  });
});
after(() => rig?.close());

const opened = (client: Client): Promise<void> =>
  new Promise((done, fail) => {
    client.socket.once("open", done);
    client.socket.once("error", fail);
  });
const until = async (what: string, seen: () => boolean): Promise<void> => {
  const late = performance.now() + 15_000;
  while (!seen()) {
    if (performance.now() > late) throw new Error(`it did not happen: ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
};
const grow = async (id: ConferenceId, count: number, seen: () => void = () => undefined) => {
  const data = { text: "x".repeat(60_000) };
  for (let one = 0; one < count; one += 1) {
    await rig.conferences.update(rig.admin.caller, id, { data });
    seen();
  }
};

test("readers_that_do_not_read_are_closed_with_4413_before_they_hold_more_than_a_customer_may", async () => {
  const id = await rig.conference();
  const others = rig.events(rig.other.token);
  others.send({ type: "subscribe", topics: ["conference"] });
  await others.next((frame) => frame.type === "subscribed");
  const slow: Client[] = [];
  for (let count = 0; count < 3; count += 1) {
    const events = rig.events(rig.admin.token);
    events.send({ type: "subscribe", topics: ["conference"] });
    await events.next((frame) => frame.type === "subscribed");
    const live = rig.live(id, { token: rig.admin.token });
    await live.next((frame) => frame.type === "snapshot");
    slow.push(events, live);
  }
  for (const { socket } of slow) socket.pause();
  let most = 0;
  await grow(id, 200, () => {
    most = Math.max(most, rig.realtime.waiting_bytes);
  });
  assert.ok(most > 100_000, "the readers were slow");
  assert.ok(most <= customer_bytes_max, `${most} bytes were waiting`);
  await until("the fullest are gone", () => rig.realtime.count < 1 + slow.length);
  assert.equal(others.socket.readyState, others.socket.OPEN, "another customer's stays");
  for (const { socket } of [...slow, others]) socket.terminate();
});

test("a_reader_that_begins_to_read_again_is_told_that_it_was_too_slow", async () => {
  const id = await rig.conference();
  const client = rig.events(rig.admin.token);
  client.send({ type: "subscribe", topics: ["conference"] });
  await client.next((frame) => frame.type === "subscribed");
  client.socket.pause();
  let most = 0;
  while (most < 1_000_000 || rig.realtime.waiting_bytes > most / 2) {
    await grow(id, 1);
    most = Math.max(most, rig.realtime.waiting_bytes);
  }
  client.socket.resume();
  assert.equal(await client.closed, close_codes.too_slow);
  assert.equal(client.reason, "reader too slow");
});

test("who_asks_without_reading_the_answers_is_not_answered_further", async () => {
  const topics = Array.from({ length: 250 }, () => `conference:${rig.ids.next()}`);
  const client = rig.events(rig.admin.token);
  await opened(client);
  client.socket.pause();
  for (let count = 0; count < 3_000; count += 1)
    client.send({ id: count, type: "subscribe", topics });
  let most = 0;
  for (let look = 0; look < 100; look += 1) {
    most = Math.max(most, rig.realtime.waiting_bytes);
    await new Promise((done) => setTimeout(done, 10));
  }
  assert.ok(most < 2 * socket_limits.outgoing_low_bytes, `${most} bytes were waiting`);
  client.socket.terminate();
  await until("what it held is free", () => rig.realtime.waiting_bytes === 0);
});

test("live_commands_with_large_answers_wait_for_their_reader", async () => {
  const id = await rig.conference();
  for (let count = 0; count < 100; count += 1) {
    await rig.talk.post(rig.admin.caller, id, { text: "x".repeat(4_000) });
  }
  const live = rig.live(id, { token: rig.admin.token });
  await live.next((frame) => frame.type === "snapshot");
  live.socket.pause();
  for (let count = 0; count < 90; count += 1) live.send({ id: count + 1, type: "messages" });
  let most = 0;
  for (let look = 0; look < 80; look += 1) {
    most = Math.max(most, rig.realtime.waiting_bytes);
    await new Promise((done) => setTimeout(done, 10));
  }
  assert.ok(most < 2 * 1024 * 1024, `${most} bytes were waiting`);
  live.socket.resume();
  await live.next((frame) => frame.id === 90);
  live.socket.terminate();
});

test("a_resume_of_many_large_events_reaches_a_reader_that_reads", async () => {
  const id = await rig.conference();
  const live = rig.events(rig.admin.token);
  live.send({ type: "subscribe", topics: ["conference"] });
  await live.next((frame) => frame.type === "subscribed");
  await grow(id, 1);
  const { event_id } = await live.next((frame) => frame.type === "conference_updated");
  await grow(id, 300);
  live.socket.terminate();
  const again = rig.events(rig.admin.token);
  again.send({ type: "subscribe", topics: ["conference"], event_id });
  let seen = 0;
  while (seen < 300) {
    await again.next((frame) => frame.type === "conference_updated");
    seen += 1;
  }
  again.socket.terminate();
});

/** An upgrade that says nothing more and answers nothing. */
const idle = (path: string, address: string): Promise<{ socket: Socket; status: string }> =>
  new Promise((resolve, reject) => {
    const { port } = new URL(rig.url);
    const socket = connectTcp(Number(port), "127.0.0.1", () => {
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Forwarded-For: ${address}\r\n\r\n`,
      );
    });
    socket.once("data", (data) => resolve({ socket, status: data.toString().slice(9, 12) }));
    socket.once("error", reject);
  });

test("strangers_have_few_places_per_address_and_in_all_and_customers_come_in_beside_them", async () => {
  const ask = (address: string, token = "nonsense") => idle(`/v1.0/ws?token=${token}`, address);
  const first = await Promise.all(Array.from({ length: 9 }, () => ask("198.51.100.1")));
  assert.equal(first.filter(({ status }) => status === "101").length, 6);
  assert.equal(first.filter(({ status }) => status === "503").length, 3);
  const second = await Promise.all(
    Array.from({ length: 9 }, (_, count) => idle("/v1.0/ws", `198.51.100.${count + 2}`)),
  );
  assert.equal(second.filter(({ status }) => status === "101").length, 6, "twelve in all");
  const client = connect(`${rig.url}/v1.0/ws?token=${rig.admin.token}`);
  await opened(client);
  client.send({ type: "subscribe", topics: ["conference"] });
  await client.next((frame) => frame.type === "subscribed");
  client.socket.terminate();
  await until("strangers are gone though they answer nothing", () => rig.realtime.unproven === 0);
  for (const { socket } of [...first, ...second]) socket.destroy();
});

test("a_socket_that_is_refused_is_told_why", async () => {
  const none = connect(`${rig.url}/v1.0/ws`);
  assert.equal(await none.closed, close_codes.credential);
  const bad = connect(`${rig.url}/v1.0/ws?token=nonsense`);
  assert.equal(await bad.closed, close_codes.credential);
  assert.equal(bad.reason, "INVALID_CREDENTIALS");
});
