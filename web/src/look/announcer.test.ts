import assert from "node:assert/strict";
import { test } from "node:test";
import { createAnnouncer } from "./announcer.ts";

function listen() {
  let run: (() => void) | null = null;
  const announcer = createAnnouncer((_ms, next) => {
    run = next;
    return () => {
      run = null;
    };
  });
  const heard: string[] = [];
  const stop = announcer.listen((text) => heard.push(text));
  const pass = (): void => {
    const due = run;
    run = null;
    due?.();
  };
  return { announcer, heard, stop, pass, isWaiting: () => run !== null };
}

test("the_first_thing_is_said_at_once_and_what_comes_meanwhile_together_later", () => {
  const { announcer, heard, pass } = listen();
  announcer.say("joined", "Ada joined");
  announcer.say("joined", "Ben joined");
  announcer.say("hand", "Ada raised a hand");
  assert.deepEqual(heard, ["Ada joined"]);
  pass();
  assert.deepEqual(heard, ["Ada joined", "Ben joined. Ada raised a hand"]);
});

test("a_busy_topic_says_only_its_latest", () => {
  const { announcer, heard, pass } = listen();
  announcer.say("message", "1 new message");
  for (let count = 2; count < 100; count += 1) announcer.say("message", `${count} new messages`);
  pass();
  assert.deepEqual(heard, ["1 new message", "99 new messages"]);
});

test("nothing_is_said_after_the_end_and_nothing_keeps_running", () => {
  const { announcer, heard, stop, isWaiting } = listen();
  announcer.say("a", "one");
  stop();
  assert.equal(isWaiting(), false);
  announcer.say("a", "two");
  assert.deepEqual(heard, ["one"]);
});
