import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../kernel/problem.ts";
import { hears, readTopic, topicOf } from "./topics.ts";

const customer_id = "7c4d2f3a-1b8e-4f5c-9a6d-3e2f1a0b4c5d";
const other_id = "8c4d2f3a-1b8e-4f5c-9a6d-3e2f1a0b4c5d";
const conference_id = "a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d";
const call_id = "b1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d";
const scope = `customer_id:${customer_id}`;

const event = (type: string, id = conference_id) => ({
  customer_id,
  conference_id,
  type,
  data: { id },
});

test("segments_match_whole_so_that_conference_does_not_mean_conferencecall", () => {
  const joined = event("conferencecall_joined", call_id);
  const updated = event("conference_updated");
  const cases: [string, object, boolean][] = [
    [scope, joined, true],
    [`${scope}:conference`, updated, true],
    [`${scope}:conference`, joined, false],
    [`${scope}:conferencecall`, joined, true],
    [`${scope}:conferencecall`, updated, false],
    [`${scope}:conference:${conference_id}`, updated, true],
    [`${scope}:conference:${conference_id}`, joined, true],
    [`${scope}:conferencecall:${call_id}`, joined, true],
    [`${scope}:conferencecall:${conference_id}`, joined, false],
    [`customer_id:${other_id}`, updated, false],
  ];
  for (const [topic, given, expected] of cases) {
    assert.equal(hears(new Set([topic]), given as typeof updated), expected, topic);
  }
});

test("a_message_goes_out_on_its_conferences_topic", () => {
  const message = event("conference_message_created", call_id);
  assert.equal(topicOf(message), `${scope}:conference:${conference_id}`);
});

test("topics_of_others_and_malformed_ones_are_refused", () => {
  const reason = (topic: unknown): string => {
    try {
      return readTopic(topic, customer_id);
    } catch (thrown) {
      assert.ok(thrown instanceof Problem);
      return thrown.reason;
    }
  };
  assert.equal(
    reason(`${scope}:conference:${conference_id}`),
    `${scope}:conference:${conference_id}`,
  );
  assert.equal(reason("conference"), `${scope}:conference`);
  assert.equal(reason(`customer_id:${other_id}`), "PERMISSION_DENIED");
  for (const bad of [
    "",
    7,
    null,
    "agent_id:1",
    `${scope}:conference:1`,
    `${scope}:conference:${conference_id}:x`,
    `${scope}:`,
    "x".repeat(301),
  ]) {
    assert.equal(reason(bad), "INVALID_ARGUMENT", String(bad));
  }
});
