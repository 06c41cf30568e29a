// The shell blocks of the README, the tutorial and the guide for clients, run as they stand by a shell: only the address, the password and the ids
// that a reader puts in are put in.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium_offer } from "../../server/test/offers.ts";
import { type Parley, password, startParley } from "../harness/parley.ts";

const address = "http://127.0.0.1:8080";
let parley: Parley;
let folder: string;
before(async () => {
  parley = await startParley();
  folder = mkdtempSync(join(tmpdir(), "parley-guides-"));
  writeFileSync(join(folder, "offer.sdp"), chromium_offer);
});
after(async () => {
  await parley.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The blocks of a chapter that are for a shell. */
function blocksOf(file: string, chapter: string): string[] {
  const text = readFileSync(file, "utf8");
  const found = text.split(/^## /m).find((one) => one.startsWith(`${chapter}\n`));
  assert.ok(found, `${file} has no chapter ${chapter}`);
  return [...found.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block as string);
}

/** Runs a block with what a reader fills in; gives what it printed. Any curl that is refused ends it. */
function run(block: string, filled: Readonly<Record<string, string>> = {}): string {
  let script = block.replaceAll(address, parley.url).replaceAll('"…"', `"${password}"`);
  for (const [blank, value] of Object.entries(filled)) {
    if (blank.startsWith("$")) continue;
    assert.ok(script.includes(blank), `there is no ${blank}`);
    script = script.replaceAll(blank, value);
  }
  const variables = Object.entries(filled)
    .filter(([blank]) => blank.startsWith("$"))
    .map(([blank, value]) => [blank.slice(1), value] as const);
  return execFileSync(
    "bash",
    [
      "--norc",
      "-euo",
      "pipefail",
      "-c",
      `curl() { command curl -sS --fail-with-body "$@"; }\n${script}`,
    ],
    {
      cwd: folder,
      encoding: "utf8",
      env: { PATH: process.env["PATH"] ?? "", ...Object.fromEntries(variables) },
    },
  );
}

const field = (printed: string, name: string): string => {
  const found = new RegExp(`"${name}":\\s*"([^"]*)"`).exec(printed)?.[1];
  assert.ok(found, `there is no ${name} in ${printed}`);
  return found;
};

async function newConference(): Promise<string> {
  const id = await parley.conference();
  return id;
}

async function newJoin(conference_id: string): Promise<string> {
  const { token } = await parley.link(conference_id, "Ada");
  const reply = await fetch(`${parley.url}/v1.0/conferences/${conference_id}/conferencecalls`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" },
    body: chromium_offer,
  });
  assert.equal(reply.status, 201);
  return (reply.headers.get("location") ?? "").split("/").at(-1) ?? "";
}

test("every_call_of_the_readme_works_word_for_word", async () => {
  const [block] = blocksOf("README.md", "The same with curl");
  assert.ok(block);
  const id = await newConference();
  const printed = run(block, {
    "<conference id>": id,
    "<conferencecall id>": await newJoin(id),
  });
  assert.match(printed, /"name":\s*"test conference"/);
  assert.match(printed, /"url":\s*"http[^"]*#token=/);
  assert.match(printed, /"leaving"|"leaved"/);
  assert.match(printed, /"type":\s*"conferencecall_joining"|"conferencecall_/);
});

test("every_call_of_the_tutorial_works_word_for_word", async () => {
  const file = "docs/guide/tutorial.md";
  const text = readFileSync(file, "utf8");
  const first = /```sh\n(.*?)```/s.exec(text)?.[1];
  assert.ok(first);
  const token = run(`${first}\necho "{\\"token\\": \\"$TOKEN\\"}"`);
  const known: Record<string, string> = { $P: parley.url, $TOKEN: field(token, "token") };
  const step = (chapter: string): string =>
    blocksOf(file, chapter)
      .map((block) => run(block, known))
      .join("\n");

  const created = step("Create a conference");
  assert.deepEqual(Object.keys(JSON.parse(created)).toSorted(), shownKeys(text));
  known["$ID"] = field(created, "id");
  assert.match(step("List, detail"), new RegExp(known["$ID"]));
  const [link, join_] = blocksOf(file, "Let people in");
  assert.ok(link && join_);
  known["$JOIN_TOKEN"] = field(run(link, known), "token");
  const joined = run(join_, known);
  assert.match(joined, /^HTTP\/1\.1 201/);
  const location = /^location: \/v1\.0\/conferencecalls\/(\S+)/im.exec(joined)?.[1];
  assert.ok(location);
  known["$CONFERENCECALL_ID"] = location;
  assert.match(step("Kick"), /"leaving"|"leaved"/);
  assert.match(step("Write, and read what was written"), /"text":\s*"Welcome"/);
  assert.match(step("What happened"), /conference_message_created/);
  assert.match(step("End it"), /"terminat/);
});

test("every_call_of_the_guide_for_clients_works_word_for_word", async () => {
  const file = "docs/guide/clients.md";
  const known: Record<string, string> = {
    $P: parley.url,
    $TOKEN: parley.token,
    $ID: await newConference(),
  };
  const [link] = blocksOf(file, "A token, and one address");
  const [mute] = blocksOf(file, "Muting");
  assert.ok(link && mute);
  known["$JOIN_TOKEN"] = field(run(link, known), "token");
  const reply = await fetch(`${parley.url}/v1.0/conferences/${known["$ID"]}/conferencecalls`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${known["$JOIN_TOKEN"]}`,
      "content-type": "application/sdp",
    },
    body: chromium_offer,
  });
  assert.equal(reply.status, 201, await reply.text());
  known["$LOCATION"] = reply.headers.get("location") ?? "";
  assert.match(run(mute, known), /"muted":\s*true/);
});

test("line_answers_as_the_tutorial_says", () => {
  const [block] = blocksOf("docs/guide/tutorial.md", "Set up a channel: line");
  assert.ok(block);
  let printed = "";
  assert.throws(
    () => run(block, { $P: parley.url, $TOKEN: parley.token }),
    (thrown: { stdout: string }) => {
      printed = thrown.stdout;
      return true;
    },
  );
  assert.match(printed, /CONVERSATION_ACCOUNT_NOT_CONFIGURED/);
});

// Names of the example answer.
function shownKeys(text: string): string[] {
  const example = /```json\n(.*?)```/s.exec(text)?.[1];
  assert.ok(example);
  return Object.keys(JSON.parse(example)).toSorted();
}
