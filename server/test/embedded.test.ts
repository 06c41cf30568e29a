import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { createSystemClock } from "../src/kernel/clock.ts";
import { Secret } from "../src/kernel/config.ts";
import { type ConferenceId, createIds } from "../src/kernel/id.ts";
import { silentLog } from "../src/kernel/log.ts";
import { openStore, type Store } from "../src/store/index.ts";
import { usual_limits } from "./database.ts";

const clock = createSystemClock();
const ids = createIds(() => clock.now() / 1000);
const root = await mkdtemp(join(tmpdir(), "parley-embedded-"));
// A database that root starts runs as somebody else, who must get at its files.
await chmod(root, 0o711);
after(() => rm(root, { recursive: true, force: true }));

let count = 0;
const folder = (): string => join(root, `data-${count++}`);

const open = (data_dir: string): Promise<Store> =>
  openStore(
    { url: new Secret(""), data_dir, connections_max: 4, limits: usual_limits },
    {
      clock,
      ids,
      log: silentLog(),
      onLost(reason) {
        throw reason;
      },
    },
  );

const postmaster = (data_dir: string): number => {
  const file = join(data_dir, "postgres/cluster/postmaster.pid");
  return Number(readFileSync(file, "utf8").split("\n")[0]);
};

// Whether another one than `pid` has written its file down to the line that says it takes connections.
const successor = (data_dir: string, pid: number): boolean => {
  try {
    const lines = readFileSync(join(data_dir, "postgres/cluster/postmaster.pid"), "utf8").split(
      "\n",
    );
    return Number(lines[0]) !== pid && lines[7]?.trim() === "ready";
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === "ENOENT") return false; // between the two
    throw reason;
  }
};

const isRunning = (pid: number): boolean => {
  try {
    // A zombie has ended, whoever has not asked yet.
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (reason) {
    if (process.platform !== "linux") return process.kill(pid, 0);
    return !["ENOENT", "ESRCH"].includes((reason as NodeJS.ErrnoException).code ?? "");
  }
};

const until = async (what: string, is_so: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = clock.monotonic_ms() + 20_000;
  while (!(await is_so())) {
    assert.ok(clock.monotonic_ms() < deadline, `waited too long for: ${what}`);
    await clock.sleep(10);
  }
};

// Everything below a process, the youngest last.
const below = (pid: number): number[] => {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        return [
          { pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(")")).split(" ")[2]) },
        ];
      } catch {
        return [];
      }
    });
  const children = parents.filter(({ parent }) => parent === pid).map((one) => one.pid);
  return children.flatMap((child) => [child, ...below(child)]);
};

interface Writer {
  readonly process: ChildProcess;
  readonly acknowledged: string[];
  /** Resolves when everything it printed has been read. */
  readonly ended: Promise<void>;
}

const startWriter = async (
  data_dir: string,
  mode: string,
  ...conferences: string[]
): Promise<Writer> => {
  const script = join(import.meta.dirname, "store-writer.ts");
  const child = spawn(process.execPath, [script, data_dir, mode, ...conferences], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const acknowledged: string[] = [];
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>();
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => (line === "open" ? resolve() : acknowledged.push(line)));
  const ended = new Promise<void>((done) => lines.once("close", done));
  child.once("exit", () => reject(new Error("the writer ended before it had the database")));
  await opened;
  return { process: child, acknowledged, ended };
};

test("kill_of_everything_in_the_middle_of_writes_loses_no_acknowledged_write_and_leaves_no_gap", async (t) => {
  if (process.platform !== "linux") return t.skip("finds the processes in /proc");
  const data_dir = folder();
  const conferences = Array.from({ length: 4 }, () => ids.next<ConferenceId>());
  const all: string[] = [];
  for (let round = 1; round <= 4; round += 1) {
    const writer = await startWriter(data_dir, "write", ...conferences);
    await until("writes", () => writer.acknowledged.length > 50 * round);
    const victims = below(writer.process.pid ?? 0);
    writer.process.kill("SIGKILL");
    for (const pid of victims) {
      try {
        process.kill(pid, "SIGKILL");
      } catch (reason) {
        assert.equal((reason as NodeJS.ErrnoException).code, "ESRCH");
      }
    }
    await writer.ended;
    all.push(...writer.acknowledged);
    const since = clock.monotonic_ms();
    const store = await open(data_dir);
    t.diagnostic(
      `round ${round}: ${all.length} writes, opened again in ${Math.round(clock.monotonic_ms() - since)} ms`,
    );
    const { rows } = await sql<{ id: string; conference_id: string; seq: number }>`
      select id, conference_id, seq from events order by conference_id, seq`.execute(store.db);
    const stored = new Set(rows.map((row) => row.id));
    assert.deepEqual(
      all.filter((id) => !stored.has(id)),
      [],
    );
    for (const conference_id of conferences) {
      const seqs = rows.filter((row) => row.conference_id === conference_id).map((row) => row.seq);
      assert.deepEqual(
        seqs,
        seqs.map((_, index) => index + 1),
      );
    }
    await store.close();
  }
});

test("a_server_that_is_killed_takes_its_database_along", async () => {
  const data_dir = folder();
  const writer = await startWriter(data_dir, "hold");
  const pid = postmaster(data_dir);
  assert.ok(isRunning(pid));
  writer.process.kill("SIGKILL");
  await until("the database to end", () => !isRunning(pid));
});

test("a_database_that_was_left_behind_is_ended_and_its_files_are_used_again", async (t) => {
  if (process.platform !== "linux") return t.skip("finds the guard in /proc");
  const data_dir = folder();
  const writer = await startWriter(data_dir, "hold");
  const pid = postmaster(data_dir);
  const [guard] = below(writer.process.pid ?? 0);
  assert.ok(guard);
  // Whoever would end the database goes first, with all that watches on its behalf.
  writer.process.kill("SIGSTOP");
  const watchers = below(guard).filter((one) => one !== pid && !below(pid).includes(one));
  for (const one of [guard, ...watchers]) process.kill(one, "SIGKILL");
  writer.process.kill("SIGKILL");
  await writer.ended;
  assert.ok(isRunning(pid));
  const store = await open(data_dir);
  assert.ok(!isRunning(pid));
  await store.close();
});

test("a_second_server_on_the_same_folder_is_refused_and_harms_nothing", async () => {
  const data_dir = folder();
  const store = await open(data_dir);
  await assert.rejects(open(data_dir), /another Parley uses this data folder/);
  assert.ok((await store.check()).ok);
  await store.close();
});

test("a_start_beside_a_server_that_is_just_ending_waits_for_its_end", async () => {
  const data_dir = folder();
  const ending = await open(data_dir);
  const next = open(data_dir);
  // The second one is on its way, and finds the folder taken, before the first begins to end.
  assert.equal(await Promise.race([next.then(() => "open"), sleep(200, "waiting")]), "waiting");
  await ending.close();
  const store = await next;
  assert.ok((await store.check()).ok);
  await store.close();
});

test("a_pid_file_that_names_another_program_does_not_stop_the_start", async () => {
  const data_dir = folder();
  await (await open(data_dir)).close();
  const cluster = join(data_dir, "postgres/cluster");
  for (const pid of [process.pid, 2 ** 22 - 1]) {
    await writeFile(join(cluster, "postmaster.pid"), `${pid}\n${cluster}\n1\n5432\n\n\n`);
    await (await open(data_dir)).close();
  }
});

test("a_start_that_was_cut_short_is_not_taken_for_a_database", async () => {
  const data_dir = folder();
  const making = join(data_dir, "postgres/cluster.new");
  await mkdir(making, { recursive: true });
  await writeFile(join(making, "PG_VERSION"), "18\n");
  await (await open(data_dir)).close();
});

test("a_database_that_dies_is_started_again_under_a_running_server", async () => {
  const data_dir = folder();
  const store = await open(data_dir);
  const pid = postmaster(data_dir);
  process.kill(pid, "SIGKILL");
  // Connections of the dead one may still answer for a moment; its successor starts only when they are gone.
  await until("its successor to run", () => successor(data_dir, pid));
  await until("the database to be back", async () => (await store.check()).ok);
  await store.transaction(async (tx) => void (await sql`select 1`.execute(tx.db)));
  await store.close();
});

test("a_path_longer_than_a_socket_may_have_works", async () => {
  const data_dir = join(root, "long-".repeat(30));
  const store = await open(data_dir);
  assert.ok((await store.check()).ok);
  await store.close();
});

test("a_folder_that_its_user_cannot_reach_is_replaced_by_a_link_or_refused", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("only root runs it as another user");
  const closed = join(root, "closed");
  await mkdir(closed, { mode: 0o700 });
  const data_dir = join(closed, "data");
  const home = join(data_dir, "postgres");
  await (await open(data_dir)).close();
  const elsewhere = await readlink(home);
  assert.match(elsewhere, /^\/var\/lib\/parley\//);
  await (await open(data_dir)).close();
  assert.equal(await readlink(home), elsewhere);
  await rm(elsewhere, { recursive: true });
  await rm(home);
  await mkdir(home);
  await assert.rejects(open(data_dir), /closed to others/);
});
