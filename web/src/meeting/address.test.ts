import assert from "node:assert/strict";
import { test } from "node:test";
import { readMeetingAddress } from "./address.ts";

const id = "019a41d2-8e0b-7c40-9f3e-5b2c7f1ad210";

test("a_complete_link_names_conference_token_and_mode", () => {
  assert.deepEqual(readMeetingAddress({ pathname: `/meet/${id}`, hash: "#token=a.b.c" }), {
    conference_id: id,
    token: "a.b.c",
    mode: "voices",
  });
  assert.equal(
    readMeetingAddress({ pathname: `/meet/${id.toUpperCase()}/`, hash: "#token=t&audio=mix" })
      ?.mode,
    "mix",
  );
});

test("a_link_without_token_or_with_a_broken_id_is_not_complete", () => {
  assert.equal(readMeetingAddress({ pathname: `/meet/${id}`, hash: "" }), null);
  assert.equal(readMeetingAddress({ pathname: `/meet/${id}`, hash: "#token=" }), null);
  assert.equal(readMeetingAddress({ pathname: "/meet/12", hash: "#token=t" }), null);
  assert.equal(readMeetingAddress({ pathname: `/meet/${id}/x`, hash: "#token=t" }), null);
});
