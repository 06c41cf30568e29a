// The disk of the private database is full: first by other files, then so that PostgreSQL itself ends. Reading and talking go on, and all of it heals when there is room.
// Runs alone: measures gaps in the sound.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { after, before, test } from "node:test";
import { Client } from "pg";
import type { Browser } from "playwright-core";
import { launchChromium, needs_chromium } from "../harness/chromium.ts";
import { chatTexts, say } from "../harness/meeting.ts";
import { type Parley, startParley, until } from "../harness/parley.ts";
import {
  agree,
  ask,
  assertAway,
  create,
  join,
  type Meeting,
  startMeeting,
  type Told,
} from "./outage.ts";

/** What a first start wants, and room for its log of writes. */
const disk_mib = 420;

// A file system of its own, which only root can have.
const folder = mkdtempSync(joinPath(tmpdir(), "parley-full-"));
const refused = mount();
function mount(): string | false {
  if (needs_chromium.skip) return needs_chromium.skip;
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${disk_mib}m,mode=0711`, "tmpfs", folder], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    return false;
  } catch (reason) {
    if (process.env["CI"] === "true") throw reason;
    return `a small file system cannot be mounted here (${String(reason).split("\n").at(-1)}): run it as root`;
  }
}
function unmount(): boolean {
  execFileSync("umount", [folder], { stdio: ["ignore", "ignore", "pipe"] });
  return true;
}
const needs_disk = { skip: refused };

let parley: Parley;
let browser: Browser;
let meeting: Meeting;
before(async () => {
  if (needs_disk.skip) return;
  parley = await startParley({ PARLEY_DATA_DIR: folder, PARLEY_MEDIA_WORKER_COUNT: "1" });
  browser = await launchChromium();
  meeting = await startMeeting(parley, browser);
});
after(async () => {
  await browser?.close();
  await parley?.stop();
  // What watched over the database ends a moment after it.
  if (!refused) await until("nobody uses it", unmount);
  rmdirSync(folder);
});

const ballast = joinPath(folder, "ballast");
/** Other files take all that is left. */
function fill(): void {
  const file = openSync(ballast, "a");
  try {
    for (let bytes = 1024 * 1024; bytes >= 4096; ) {
      try {
        writeSync(file, Buffer.alloc(bytes));
      } catch (reason) {
        if ((reason as NodeJS.ErrnoException).code !== "ENOSPC") throw reason;
        bytes /= 4;
      }
    }
  } finally {
    closeSync(file);
  }
}
const makeRoom = (): void => rmSync(ballast);

const assertFull = (all: readonly Told[]): void => {
  for (const { status, reason } of all) assert.equal(`${status} ${reason}`, "507 STORAGE_FULL");
};
const path = (): string => `/v1.0/conferences/${meeting.id}`;
const writes = (): Promise<Told[]> =>
  Promise.all([
    create(parley),
    create(parley, "again", "a-key"),
    join(parley, meeting.id),
    ask(parley, "PUT", path(), { name: "another name" }),
    ask(parley, "POST", `${path()}/join_tokens`, { name: "Cleo" }),
    ask(parley, "POST", "/v1.0/accesskeys", { name: "a key" }),
    ask(parley, "DELETE", path()),
  ]);
const reads = (): Promise<Told[]> =>
  Promise.all([
    ask(parley, "GET", path()),
    ask(parley, "GET", `${path()}/events`),
    ask(parley, "GET", "/v1.0/conferences?page_size=50"),
    ask(parley, "GET", "/v1.0/conferencecalls?page_size=50"),
    ask(parley, "POST", "/auth/login", {
      username: "admin",
      password: "correct horse battery staple",
    }),
  ]);

test(
  "a_full_disk_refuses_what_is_written_and_nothing_else_and_leaves_nothing_behind",
  needs_disk,
  async (t) => {
    fill();
    await until("it is noticed", async () => (await create(parley)).status === 507);
    for (let round = 0; round < 3; round += 1) {
      assertFull(await writes());
      for (const { status, body } of await reads()) assert.equal(status, 200, JSON.stringify(body));
    }
    const health = await ask(parley, "GET", "/health");
    assert.equal(health.status, 200);
    // What was refused left no room and no endpoint.
    await agree(parley);
    const [ada, ben] = meeting.both;
    await say(ada.page, "said on a full disk");
    makeRoom();
    await until("it is written again", async () => (await create(parley)).status === 200);
    assert.ok(!(await chatTexts(ben.page)).includes("said on a full disk"));
    await meeting.assertUntouched(t, "a full disk");
  },
);

test("a_database_that_ended_for_want_of_room_is_back_when_there_is_some", needs_disk, async (t) => {
  // Its log of writes goes on until there is no room for its next file, which PostgreSQL does not survive.
  const client = new Client({
    host: joinPath(folder, "postgres", "socket"),
    user: "parley",
    password: readFileSync(joinPath(folder, "postgres", "password"), "utf8").trim(),
    database: "postgres",
  });
  // Told more than once; `end` follows.
  client.on("error", () => undefined);
  const broken = new Promise<void>((resolve) => client.once("end", resolve));
  await client.connect();
  fill();
  const flood = async (): Promise<void> => {
    for (;;) {
      await client.query("select pg_logical_emit_message(false, 'flood', repeat('x', 1000000))");
    }
  };
  await assert.rejects(flood());
  await broken;
  const told = await until("nobody can be answered", async () => {
    const all = [create(parley), ask(parley, "GET", "/v1.0/conferences")];
    const answers = await Promise.all(all);
    return answers.every(({ status }) => status === 503) ? answers : null;
  });
  assertAway(told);
  await until("it is said why", () =>
    parley.log.some((line) =>
      line.includes("the disk is full, the private database waits for room"),
    ),
  );
  makeRoom();
  const began = performance.now();
  await until("it is written again", async () => (await create(parley)).status === 200);
  t.diagnostic(`back ${Math.round(performance.now() - began)} ms after there is room`);
  await agree(parley);
  await meeting.assertUntouched(t, "the end of the database");
});
