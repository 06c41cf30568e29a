// `media.announced_address` as a name: browsers are told addresses, since they resolve no name in a candidate.
import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import { chromium_offer } from "../../server/test/offers.ts";
import { startParley } from "../harness/parley.ts";

test("a_name_as_announced_address_becomes_candidates_of_its_addresses", async (t) => {
  const parley = await startParley({
    PARLEY_MEDIA_ANNOUNCED_ADDRESS: "localhost",
    PARLEY_MEDIA_WORKER_COUNT: "1",
  });
  t.after(() => parley.stop());
  const id = await parley.conference();
  const { token } = await parley.link(id, "Ada");
  const reply = await fetch(`${parley.url}/v1.0/conferences/${id}/conferencecalls`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" },
    body: chromium_offer,
  });
  const answer = await reply.text();
  assert.equal(reply.status, 201, answer);
  // The server would wait for the join that never connects.
  await parley.api("DELETE", `/v1.0/conferences/${id}`);
  const candidates = [...answer.matchAll(/^a=candidate:\S+ 1 (\S+) \d+ (\S+) (\d+) typ host/gm)];
  assert.deepEqual(new Set(candidates.map(([, transport]) => transport)), new Set(["udp", "tcp"]));
  for (const [line, , address = ""] of candidates) {
    assert.equal(isIP(address), 4, line);
    assert.ok(address.startsWith("127."), line);
  }
  assert.doesNotMatch(answer, /localhost/);
});
