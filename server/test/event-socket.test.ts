// The event socket GET /v1.0/ws as programs see it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Client, connect, type LiveRig, startLiveRig } from "./live-rig.ts";

let rig: LiveRig;
before(async () => {
  rig = await startLiveRig();
});
after(() => rig.close());

const scope = () => `customer_id:${rig.admin.caller.customer_id}`;

const subscribed = async (client: Client, topics: string[], more: object = {}) => {
  client.send({ type: "subscribe", topics, ...more });
  return await client.next((frame) => frame.type === "subscribed");
};
const isEvent = (frame: { event_id?: string }) => frame.event_id !== undefined;

test("a_subscriber_gets_each_event_once_with_type_data_topic_and_event_id", async () => {
  const client = rig.events(rig.admin.token);
  const answer = await subscribed(client, [scope(), `${scope()}:conference`]);
  assert.deepEqual(answer.topics, [scope(), `${scope()}:conference`]);
  const id = await rig.conference();
  const created = await client.next((frame) => frame.type === "conference_created");
  assert.equal(created.data.id, id);
  assert.equal(created.topic, `${scope()}:conference:${id}`);
  const [stored] = await rig.store.journal.read(id, 0, 1);
  assert.equal(created.event_id, stored?.id);
  await rig.join(await rig.guest(id, "member", "Ada"));
  await client.next((frame) => frame.type === "conferencecall_joined");
  assert.equal(client.frames.filter((frame) => frame.type === "conference_created").length, 1);
});

test("a_conferences_topic_brings_its_joins_and_messages_and_no_other_conferences", async () => {
  const [mine, other] = [await rig.conference(), await rig.conference()];
  const client = rig.events(rig.admin.token);
  await subscribed(client, [`${scope()}:conference:${mine}`]);
  await rig.join(await rig.guest(other, "member", "Eve"));
  await rig.join(await rig.guest(mine, "member", "Ada"));
  await rig.talk.post(rig.admin.caller, mine, { text: "hello" });
  await client.next((frame) => frame.type === "conference_message_created");
  const types = client.frames.filter(isEvent).map((frame) => frame.type);
  assert.deepEqual(types, [
    "conferencecall_joining",
    "conferencecall_joined",
    "conference_updated",
    "conference_message_created",
  ]);
});

test("unsubscribed_topics_are_silent", async () => {
  const client = rig.events(rig.admin.token);
  await subscribed(client, [scope()]);
  client.send({ type: "unsubscribe", topics: [scope()] });
  await client.next((frame) => frame.type === "unsubscribed");
  await rig.conference();
  const mark = await rig.conference();
  await subscribed(client, [`${scope()}:conference:${mark}`]);
  await rig.conferences.end(rig.admin.caller, mark);
  await client.next((frame) => frame.type === "conference_deleted");
  assert.ok(!client.frames.some((frame) => frame.type === "conference_created"));
});

test("who_resumes_from_an_event_gets_everything_after_it_once_and_then_goes_on", async () => {
  const first = rig.events(rig.admin.token);
  await subscribed(first, [scope()]);
  const id = await rig.conference();
  const { event_id } = await first.next((frame) => frame.data?.id === id);
  first.socket.terminate();
  await first.closed;
  for (const text of ["one", "two", "three"]) {
    await rig.talk.post(rig.admin.caller, id, { text });
  }
  const again = rig.events(rig.admin.token);
  const resuming = subscribed(again, [scope()], { event_id });
  // Written while the past is read.
  await rig.talk.post(rig.admin.caller, id, { text: "four" });
  await resuming;
  await rig.talk.post(rig.admin.caller, id, { text: "five" });
  await again.next((frame) => frame.data?.text === "five");
  assert.deepEqual(
    again.frames.filter(isEvent).map((frame) => frame.data.text),
    ["one", "two", "three", "four", "five"],
  );
});

test("an_event_that_is_not_known_is_a_gap_and_the_socket_goes_on", async () => {
  const client = rig.events(rig.admin.token);
  await subscribed(client, [scope()], { event_id: rig.ids.next() });
  await client.next((frame) => frame.type === "gap");
  const id = await rig.conference();
  await client.next((frame) => frame.data?.id === id);
});

test("another_customers_topic_is_refused_and_its_events_never_come", async () => {
  const client = rig.events(rig.other.token);
  client.send({ id: "a", type: "subscribe", topics: [scope()] });
  const refused = await client.next((frame) => frame.type === "error");
  assert.equal(refused.id, "a");
  assert.equal(refused.error.reason, "PERMISSION_DENIED");
  await subscribed(client, [`customer_id:${rig.other.caller.customer_id}`]);
  await rig.conference();
  const own = await rig.conferences.create(rig.other.caller, { type: "conference" });
  await client.next((frame) => frame.data?.id === own.id);
  assert.equal(client.frames.filter(isEvent).length, 1);
});

test("bad_frames_and_credentials_are_closed_with_their_codes", async () => {
  assert.equal(await connect(`${rig.url}/v1.0/ws`).closed, 4401);
  const guest = await rig.guest(await rig.conference(), "host", "Ada");
  assert.equal(await rig.events(guest.token).closed, 4403);
  const client = rig.events(rig.admin.token);
  client.send("nonsense");
  assert.equal(await client.closed, 4400);
  const other = rig.events(rig.admin.token);
  other.send({ type: "dance" });
  const { error } = await other.next((frame) => frame.type === "error");
  assert.equal(error.reason, "INVALID_ARGUMENT");
});
