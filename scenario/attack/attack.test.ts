// While the server is attacked two people go on talking, and another customer is answered as ever. PARLEY_TEST_ATTACK_MS: how long each attack lasts.
// Runs alone: measures gaps in the sound and the time of answers while the machine is under attack.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { WebSocket } from "ws";
import { launchChromium, needs_chromium } from "../harness/chromium.ts";
import {
  type Attendee,
  hearAndSee,
  joinMeeting,
  people,
  type Watch,
  watch,
} from "../harness/meeting.ts";
import { type Parley, startParley, until } from "../harness/parley.ts";
import {
  addBystander,
  askMeanwhile,
  assertUnharmed,
  type Bystander,
  type Noticed,
} from "./meanwhile.ts";
import * as attacks from "./programs.ts";

const duration_ms = Number(process.env["PARLEY_TEST_ATTACK_MS"] ?? 3_000);
const silence_ms_max = 200;
const grown_bytes_max = 400 * 1024 * 1024;

let parley: Parley;
let browser: Browser;
let both: [Attendee, Attendee];
let conference_id: string;
let other: Bystander;
let media_port: number;

before(async () => {
  if (needs_chromium.skip) return;
  parley = await startParley({
    PARLEY_HTTP_TRUSTED_PROXIES: "127.0.0.1",
    PARLEY_MEDIA_WORKER_COUNT: "1",
    PARLEY_LIMITS_AUTH_RATE: "0",
  });
  const ready = parley.log.find((line) => line.startsWith("ready ")) ?? "ready {}";
  ({ media_port } = JSON.parse(ready.slice(6)) as { media_port: number });
  browser = await launchChromium();
  conference_id = (
    await parley.api<{ id: string }>("POST", "/v1.0/conferences", { type: "conference" })
  ).id;
  both = [
    await joinMeeting(parley, browser, conference_id, people.ada),
    await joinMeeting(parley, browser, conference_id, people.ben),
  ];
  await hearAndSee(both, 30_000);
  other = await addBystander(parley);
});
after(async () => {
  await browser?.close();
  await parley?.stop();
});

interface Harm extends Noticed {
  readonly silence_ms: number;
}

/** Runs something while two people talk and a bystander asks; gives what they noticed. */
async function noticed(run: () => Promise<unknown>): Promise<Harm> {
  const watched: () => Promise<Watch> = await watch(both[0], both[1]);
  const times = await askMeanwhile(parley, other, run);
  return { silence_ms: (await watched()).longest_silence_ms, ...times };
}

const unharmed = (name: string, run: () => Promise<unknown>): void => {
  test(name, needs_chromium, async (t) => {
    const memory = attacks.residentBytes(parley);
    const harm = await noticed(run);
    const { silence_ms, p99_ms, file_p99_ms, machine_p99_ms } = harm;
    t.diagnostic(
      `longest silence ${Math.round(silence_ms)} ms; p99 of another customer ${Math.round(p99_ms)} ms, of a file ${Math.round(file_p99_ms)} ms, of a server that does nothing ${Math.round(machine_p99_ms)} ms`,
    );
    assert.ok(silence_ms < silence_ms_max, `silent for ${silence_ms} ms`);
    assertUnharmed(harm);
    const grown = attacks.residentBytes(parley) - memory;
    assert.ok(grown < grown_bytes_max, `the server grew by ${grown} bytes`);
  });
};

test("the_meeting_is_sound_before_anything_happens", needs_chromium, async () => {
  const { silence_ms } = await noticed(() => new Promise((done) => setTimeout(done, duration_ms)));
  assert.ok(silence_ms < silence_ms_max, `silent for ${silence_ms} ms`);
});

const target = () => ({ parley, duration_ms });

unharmed("readers_that_read_nothing_fill_no_memory_and_harm_nobody", () =>
  attacks.slowReaders(target()),
);

unharmed("upgrades_of_strangers_keep_no_customer_from_opening_a_socket", () =>
  attacks.idleUpgrades(target(), async () => {
    const socket = new WebSocket(
      `${parley.url.replace(/^http/, "ws")}/v1.0/ws?token=${other.token}`,
    );
    await new Promise<void>((done, fail) => {
      socket.once("open", done);
      socket.once("error", fail);
    });
    socket.terminate();
  }),
);

unharmed("a_storm_of_log_ins_is_let_through_a_few_at_a_time", async () => {
  const statuses = await attacks.logInStorm(target(), (count) => `stranger-${count}`);
  assert.ok((statuses.get(429) ?? 0) > 0, String([...statuses]));
  assert.deepEqual(
    [...statuses.keys()].filter((status) => status !== 401 && status !== 429),
    [],
  );
});

unharmed("who_guesses_one_persons_password_gets_few_tries_and_the_owner_comes_in", async () => {
  const statuses = await attacks.logInStorm(target(), () => "admin");
  const tries_max = 6 + Math.ceil(Math.log2(duration_ms / 1000 + 1));
  assert.ok((statuses.get(401) ?? 0) <= tries_max, String([...statuses]));
  const reply = await fetch(`${parley.url}/auth/login`, {
    method: "POST",
    body: JSON.stringify({ username: "admin", password: "correct horse battery staple" }),
  });
  assert.equal(reply.status, 200, "from where they logged in before");
});

unharmed(
  "connections_that_never_finish_a_request_are_ended_and_their_descriptors_are_free",
  async () => {
    const before_it = attacks.descriptors(parley);
    await attacks.slowLoris(target());
    await until(
      "the descriptors are free",
      () => attacks.descriptors(parley) <= before_it + 20,
      30_000,
    );
  },
);

unharmed("forged_checks_of_ice_bring_back_no_more_than_was_sent", async () => {
  const { sent, got } = await attacks.stunSpoof(target(), media_port);
  assert.ok(got <= sent, `${got} bytes for ${sent}`);
});

unharmed("one_address_does_not_take_all_connections_of_ice_over_tcp", async () => {
  const { asked, kept } = await attacks.iceTcpHog(target(), media_port);
  assert.ok(kept < asked, `${kept} of ${asked} were left to it`);
});

unharmed("who_was_thrown_out_does_not_come_back", async () => {
  const { token } = await parley.link(conference_id, "Mallory", "member");
  const page = await joinMeeting(parley, browser, conference_id, people.cleo, {
    role: "member",
  });
  const calls = await parley.api<{ result: { id: string; name: string; status: string }[] }>(
    "GET",
    `/v1.0/conferencecalls?conference_id=${conference_id}&status=joined`,
  );
  const cleo = calls.result.find(({ name }) => name === people.cleo.name);
  assert.ok(cleo);
  const theirs = await page.page.evaluate(() => location.hash);
  await parley.api("DELETE", `/v1.0/conferencecalls/${cleo.id}`);
  await page.page.context().close();
  const banned = new URLSearchParams(theirs.slice(1)).get("token") ?? "";
  if (banned !== "") {
    const answers = await attacks.bannedToken(target(), conference_id, banned);
    assert.deepEqual([...answers], ["401 TOKEN_REVOKED"]);
  }
  const { result } = await parley.api<{ result: { id: string; name: string }[] }>(
    "GET",
    `/v1.0/conferences/${conference_id}/join_tokens`,
  );
  const mallory = result.find(({ name }) => name === "Mallory");
  await parley.api("DELETE", `/v1.0/conferences/${conference_id}/join_tokens/${mallory?.id}`);
  const answers = await attacks.bannedToken(target(), conference_id, token);
  assert.deepEqual([...answers], ["401 TOKEN_REVOKED"]);
});

unharmed("a_foreign_page_writes_nothing_with_the_cookie_of_a_browser", async () => {
  assert.deepEqual([...(await attacks.foreignPage(target()))], [403]);
});

unharmed("strangers_are_told_one_word_of_what_runs_here", async () => {
  const told = await attacks.strangers(target());
  assert.doesNotMatch(told, /postgres|version|pid|parley_|127\.0\.0\.1|worker/i);
});
