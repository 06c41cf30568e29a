import assert from "node:assert/strict";
import { test } from "node:test";
import { endedBy } from "./ended-by.ts";
import { unreachable } from "./problem.ts";
import type { JournalEvent } from "./wire.ts";

const event = (type: string, data: object, actor: object, cause: string | null = null) =>
  ({ id: "e", type, data, actor, cause, tm: "2026-01-01 10:00:00.000000" }) as JournalEvent;
const people = [{ id: "ada", name: "Ada" }];
const ada = { type: "conferencecall", id: "ada" };

test("a_removal_names_who_did_it_and_only_mine_counts", () => {
  const kicked = event("conferencecall_leaving", { id: "me", leave_reason: "kicked" }, ada);
  assert.equal(endedBy(kicked, "me", people)?.name, "Ada");
  assert.equal(endedBy(kicked, "other", people), null);
  const left = event("conferencecall_leaving", { id: "me", leave_reason: "left" }, ada);
  assert.equal(endedBy(left, "me", people), null);
});

test("an_end_names_its_author_and_its_cause", () => {
  const over = { type: "system", id: null };
  const ended = event("conference_updated", { status: "terminating" }, over, "timeout");
  const by = endedBy(ended, null, people);
  assert.deepEqual([by?.type, by?.name, by?.cause], ["system", "", "timeout"]);
  assert.equal(
    endedBy(event("conference_updated", { status: "progressing" }, ada), null, people),
    null,
  );
});

test("a_page_of_another_origin_is_told_what_to_allow_and_ones_own_is_not", () => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "location");
  Object.defineProperty(globalThis, "location", {
    value: { origin: "https://app.example" },
    configurable: true,
  });
  try {
    const problem = unreachable("https://meet.example");
    assert.match(problem.message, /CORS.*"https:\/\/app\.example".*http\.allowed_origins/);
    assert.equal(problem.reason, "SERVER_UNREACHABLE");
    assert.equal(unreachable("https://app.example").message, "The server does not answer");
  } finally {
    if (before) Object.defineProperty(globalThis, "location", before);
    else Reflect.deleteProperty(globalThis, "location");
  }
});
