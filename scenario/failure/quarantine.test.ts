// A conference that is there each time its media worker dies is closed and named; the others on that worker go on.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chromium_offer } from "../../server/test/offers.ts";
import { startParley, until } from "../harness/parley.ts";

// Stands between server and worker: passes lines on, and ends the worker as soon as it was told of the room that $MARKER names.
const shim = (worker: string, folder: string): string => `#!/bin/sh
PATH=/usr/bin:/bin
commands="${folder}/commands-$$"
mkfifo "$commands"
exec 3<&0
"${worker}" <"$commands" 3<&- &
pid=$!
exec 5>"$commands"
rm "$commands"
(
  while IFS= read -r line <&3; do
    printf '%s\\n' "$line" >&5
    [ -e "${folder}/bad" ] || continue
    read -r bad <"${folder}/bad"
    case $line in
      *'"room_open"'*"$bad"* | *'"restore"'*"$bad"*) sleep 0.03; kill -9 $pid ;;
    esac
  done
) &
exec 3<&- 5>&-
wait $pid
status=$?
[ $status -le 128 ] || kill -9 $$
exit $status
`;

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // It ended while we looked.
    return "";
  }
};

interface Health {
  readonly parts: {
    readonly media: {
      readonly workers: readonly { readonly deaths: number; readonly state: string }[];
      readonly quarantined: readonly { readonly room: string; readonly message: string }[];
    };
  };
}

test("a_conference_that_ends_its_worker_three_times_is_closed_and_named_and_the_others_go_on", async (t) => {
  const worker = realpathSync(process.env["PARLEY_MEDIA_WORKER_BIN"] ?? "");
  const folder = mkdtempSync(join(tmpdir(), "parley-shim-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, "shim");
  writeFileSync(program, shim(worker, folder), { mode: 0o755 });
  const parley = await startParley({
    PARLEY_MEDIA_WORKER_COUNT: "1",
    PARLEY_MEDIA_WORKER_BIN: program,
  });
  t.after(() => parley.stop());
  const conference = async () =>
    (await parley.api<{ id: string }>("POST", "/v1.0/conferences", { type: "conference" })).id;
  const joinAs = async (id: string, name: string): Promise<string> => {
    const { token } = await parley.link(id, name);
    const reply = await fetch(`${parley.url}/v1.0/conferences/${id}/conferencecalls`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" },
      body: chromium_offer,
    });
    assert.equal(reply.status, 201, await reply.text());
    return reply.headers.get("location") ?? "";
  };
  const [bad, good] = [await conference(), await conference()];
  const bad_call = await joinAs(bad, "Cleo");
  const good_call = await joinAs(good, "Ada");
  const media = async () => (await parley.api<Health>("GET", "/health")).parts.media;

  // From here on each worker dies as soon as it has that conference, whatever else it has by then; the first one has it.
  writeFileSync(join(folder, "bad"), `${bad}\n`);
  const first = parley.children().find((pid) => commandOf(pid).startsWith(worker));
  assert.ok(first);
  process.kill(first, "SIGKILL");
  await until("it is closed", async () => (await media()).quarantined.length > 0, 60_000);

  const { quarantined } = await media();
  assert.deepEqual(
    quarantined.map(({ room }) => room),
    [bad],
  );
  assert.match(quarantined[0]?.message ?? "", /media worker died 3 times within 60 s/);
  assert.ok(parley.log.some((line) => line.includes(bad) && line.includes("is quarantined")));
  await until("the conference is over", async () => {
    const { status } = await parley.api<{ status: string }>("GET", `/v1.0/conferences/${bad}`);
    return status === "terminated";
  });
  const { result } = await parley.api<{
    result: { type: string; cause: string | null }[];
  }>("GET", `/v1.0/conferences/${bad}/events?after=0`);
  const causes = (type: string) =>
    result.filter((event) => event.type === type).map(({ cause }) => cause);
  assert.ok(causes("conference_updated").includes("room_failed"), JSON.stringify(result));
  assert.deepEqual(causes("conferencecall_leaved"), ["room_failed"]);
  const gone = await parley.api<{ leave_reason: string }>("GET", bad_call);
  assert.equal(gone.leave_reason, "room_failed");

  const living = await until("its worker lives", async () => {
    const [found] = (await media()).workers;
    return found?.state === "up" ? found : null;
  });
  t.diagnostic(`${living.deaths} deaths`);
  assert.ok(living.deaths >= 3);
  const { status } = await parley.api<{ status: string }>("GET", `/v1.0/conferences/${good}`);
  assert.equal(status, "progressing");
  const call = await parley.api<{ leave_reason: string }>("GET", good_call);
  assert.notEqual(call.leave_reason, "room_failed");
  // Its room takes people again.
  await joinAs(good, "Ben");
  await parley.api("DELETE", `/v1.0/conferences/${good}`);
});
