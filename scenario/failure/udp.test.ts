// Networks that let no UDP through: from the start, and from the middle of a meeting on.
// Runs alone: makes networks of its own and measures how long a way round takes.
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import type { Browser } from "playwright-core";
import { launchChromium, needs_chromium } from "../harness/chromium.ts";
import {
  type Attendee,
  hearAndSee,
  joinIds,
  joinMeeting,
  people,
  watch,
} from "../harness/meeting.ts";
import { makeNetwork, type Network, needs_network } from "../harness/network.ts";
import { type Parley, startParley, until } from "../harness/parley.ts";

const needs = { skip: needs_chromium.skip || needs_network.skip };

let network: Network;
let parley: Parley;
let browser: Browser;
before(async () => {
  if (needs.skip) return;
  network = makeNetwork();
  const host = network.server_address;
  parley = await startParley({ PARLEY_HTTP_HOST: host, PARLEY_MEDIA_HOST: host });
  browser = await launchChromium({ executable: network.inside, secure_origin: parley.url });
});
after(async () => {
  await browser?.close();
  await parley?.stop();
  network?.close();
});

async function twoJoin(): Promise<{ id: string; both: [Attendee, Attendee] }> {
  const { id } = await parley.api<{ id: string }>("POST", "/v1.0/conferences", {
    type: "conference",
  });
  const ada = await joinMeeting(parley, browser, id, people.ada);
  const ben = await joinMeeting(parley, browser, id, people.ben);
  return { id, both: [ada, ben] };
}

function dropUdp(t: TestContext): void {
  network.dropUdp();
  t.after(network.allowUdp);
}

/** What the media of a page goes over now: "udp" or "tcp". */
const protocol = ({ page }: Attendee): Promise<string> =>
  page.evaluate(async () => {
    const { connections } = (window as unknown as { probes: { connections: RTCPeerConnection[] } })
      .probes;
    for (const connection of connections) {
      if (connection.connectionState !== "connected") continue;
      const stats = await connection.getStats();
      for (const entry of stats.values()) {
        if (entry.type !== "transport") continue;
        const pair = stats.get(entry.selectedCandidatePairId);
        return stats.get(pair?.localCandidateId)?.protocol ?? "none";
      }
    }
    return "none";
  });
const protocols = (both: readonly Attendee[]): Promise<string[]> => Promise.all(both.map(protocol));

test("a_meeting_whose_udp_dies_goes_on_over_tcp_under_the_same_ids", needs, async (t) => {
  const { id, both } = await twoJoin();
  await hearAndSee(both, 20_000);
  assert.deepEqual(await protocols(both), ["udp", "udp"]);
  const ids = await joinIds(parley, id);
  const watched = await Promise.all([watch(both[0], both[1]), watch(both[1], both[0])]);
  dropUdp(t);
  const cut = performance.now();
  await until("both are on TCP", async () => String(await protocols(both)) === "tcp,tcp", 30_000);
  t.diagnostic(`on TCP ${Math.round(performance.now() - cut)} ms after the cut`);
  await hearAndSee(both, 10_000);
  assert.equal(await joinIds(parley, id), ids);
  for (const report of watched) {
    const { longest_silence_ms, longest_freeze_ms } = await report();
    t.diagnostic(
      `longest silence ${Math.round(longest_silence_ms)} ms, freeze ${Math.round(longest_freeze_ms)} ms`,
    );
  }
  for (const { page, faults } of both) {
    assert.deepEqual(faults, []);
    await page.context().close();
  }
});

test("a_network_without_udp_is_joined_over_tcp", needs, async (t) => {
  dropUdp(t);
  const began = performance.now();
  const { both } = await twoJoin();
  await hearAndSee(both, 20_000);
  t.diagnostic(
    `both hear and see ${Math.round(performance.now() - began)} ms after the first came`,
  );
  assert.deepEqual(await protocols(both), ["tcp", "tcp"]);
  for (const { page, faults } of both) {
    assert.deepEqual(faults, []);
    await page.context().close();
  }
});
