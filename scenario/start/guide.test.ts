// The guides as an operator follows them: their commands are read from the pages and run as they stand.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { connect } from "node:tls";
import { Client } from "pg";
import { startSystemPostgres } from "../../tools/system-postgres.ts";
import { password } from "../harness/parley.ts";
import { refusal, without_mounts } from "./refused.ts";

const root = join(import.meta.dirname, "../..");
const guide = (name: string): string => readFileSync(join(root, `docs/guide/${name}.md`), "utf8");

/** The shell blocks below a heading, in their order. */
function blocks(page: string, heading: string): string[] {
  const section = guide(page)
    .split(/^## /m)
    .find((part) => part.startsWith(`${heading}\n`));
  assert.ok(section, `${page}.md has no "${heading}"`);
  const found = [...section.matchAll(/^( *)```sh\n([\s\S]*?)^ *```/gm)];
  return found.map(([, indent = "", text = ""]) =>
    text.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  );
}

function shell(script: string, cwd: string, env: Record<string, string>): string {
  const { status, stdout, stderr } = spawnSync("sh", ["-eu", "-c", script], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  assert.equal(status, 0, `${script}\n${stdout}${stderr}`);
  return stdout;
}

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "parley-guide-"));
  // The private database of root's server runs as somebody else.
  chmodSync(path, 0o711);
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

interface Running {
  readonly url: string;
  readonly printed: readonly string[];
  logIn(secret?: string): Promise<string>;
  create(token: string, name: string): Promise<void>;
  names(token: string): Promise<string[]>;
  stop(): Promise<void>;
}

async function start(t: TestContext, ...settings: string[]): Promise<Running> {
  const common = ["--http.port", "0", "--media.port", "0", "--media.worker_count", "1"];
  const server = spawn(process.execPath, ["server/src/main.ts", ...common, ...settings], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PARLEY_ADMIN_USERNAME: "admin", NODE_TLS_REJECT_UNAUTHORIZED: "0" },
  });
  const printed: string[] = [];
  createInterface({ input: server.stderr }).on("line", (line) => printed.push(line));
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  t.after(async () => {
    server.kill("SIGKILL");
    await ended;
  });
  let url = "";
  for await (const line of createInterface({ input: server.stdout })) {
    printed.push(line);
    if (!line.startsWith("ready ")) continue;
    url = (JSON.parse(line.slice("ready ".length)) as { http: string }).http;
    break;
  }
  assert.notEqual(url, "", printed.join("\n"));
  server.stdout.resume();
  const ask = async (method: string, path: string, token: string | null, body?: object) => {
    const reply = await fetch(`${url}${path}`, {
      method,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    assert.equal(reply.status, 200, `${method} ${path}`);
    return (await reply.json()) as Record<string, unknown>;
  };
  return {
    url,
    printed,
    async logIn(secret = password) {
      const login = { username: "admin", password: secret };
      return String((await ask("POST", "/auth/login", null, login))["token"]);
    },
    async create(token, name) {
      await ask("POST", "/v1.0/conferences", token, { type: "conference", name });
    },
    async names(token) {
      const { result } = await ask("GET", "/v1.0/conferences", token);
      return (result as { name: string }[]).map(({ name }) => name).sort();
    },
    async stop() {
      server.kill("SIGTERM");
      await ended;
    },
  };
}

// What the guide says that a start says, which begins so.
function sign(begin: string): string {
  const found = new RegExp(`^\\| \`(${begin}[^\`]*)\``, "m").exec(guide("operations"))?.[1];
  assert.ok(found, `the guide has no sign that begins with "${begin}"`);
  return found;
}

const admin = ["--admin.password", password];

test("a_backup_of_the_data_folder_brings_back_what_was_there", async (t) => {
  const folder = scratch(t);
  const DATA = join(folder, "data");
  const settings = ["--data_dir", DATA, ...admin];
  const [copy = "", restore = ""] = blocks("operations", "Backups");
  const first = await start(t, ...settings);
  const token = await first.logIn();
  await first.create(token, "kept");
  await first.stop();
  shell(copy, folder, { DATA });
  const second = await start(t, ...settings);
  await second.create(token, "made after the backup");
  await second.stop();
  shell(restore, folder, { DATA });
  const third = await start(t, ...settings);
  assert.deepEqual(await third.names(token), ["kept"], "and nobody had to log in again");
  await third.stop();
});

const hasTools = ["pg_dump", "pg_restore"].every(
  (program) => spawnSync(program, ["--version"]).status === 0,
);

async function serverWith(t: TestContext, ...databases: string[]): Promise<string[] | null> {
  const server = hasTools ? await startSystemPostgres() : null;
  if (server === null) {
    t.skip("needs the system's PostgreSQL with pg_dump");
    return null;
  }
  t.after(() => server.stop());
  const client = new Client(server.url);
  await client.connect();
  for (const name of databases) await client.query(`create database ${name}`);
  await client.end();
  return databases.map((name) => server.url.replace(/\/\w*\?/, `/${name}?`));
}

test("a_dump_of_a_database_server_brings_back_what_was_there", async (t) => {
  const urls = await serverWith(t, "used", "fresh");
  if (urls === null) return;
  const [used = "", fresh = ""] = urls;
  const folder = scratch(t);
  const settings = ["--data_dir", join(folder, "data"), ...admin];
  const [, , dump = "", restore = ""] = blocks("operations", "Backups");
  const first = await start(t, ...settings, "--database.url", used);
  const token = await first.logIn();
  await first.create(token, "kept");
  shell(dump, folder, { PARLEY_DATABASE_URL: used });
  await first.create(token, "made after the dump");
  const second_on_it = await refusal(t, ["--database.url", used], 1);
  assert.ok(second_on_it.includes(sign("another Parley server")), second_on_it);
  await first.stop();
  shell(restore, folder, { PARLEY_DATABASE_URL: fresh });
  const second = await start(t, ...settings, "--database.url", fresh);
  assert.deepEqual(await second.names(token), ["kept"]);
  await second.stop();
});

test("the_private_database_moves_to_a_server_as_the_guide_says", async (t) => {
  const folder = scratch(t);
  const DATA = join(folder, "data");
  const [dump = "", restore = ""] = blocks("operations", "Another release of PostgreSQL");
  const first = await start(t, "--data_dir", DATA, ...admin);
  const token = await first.logIn();
  await first.create(token, "kept");
  // What the guide exports opens the private database.
  const exported = dump.replaceAll(/^pg_dump.*$/gm, "");
  assert.notEqual(exported, dump);
  const [host = "", user = "", secret = ""] = shell(
    `${exported}\nprintf '%s\\n' "$PGHOST" "$PGUSER" "$PGPASSWORD"`,
    folder,
    { DATA },
  ).split("\n");
  const client = new Client({ host, user, password: secret, database: "postgres" });
  await client.connect();
  const { rows } = await client.query("select name from conferences");
  const release = await client.query("show server_version_num");
  await client.end();
  assert.deepEqual(rows, [{ name: "kept" }]);
  const major = Math.floor(Number(release.rows[0]?.server_version_num) / 10_000);
  const { stdout } = spawnSync("pg_dump", ["--version"], { encoding: "utf8" });
  if (Number(/ (\d+)/.exec(stdout ?? "")?.[1] ?? 0) < major) {
    await first.stop();
    t.diagnostic(`the move itself was not tried: it needs pg_dump ${major} or later`);
    return;
  }
  const urls = await serverWith(t, "moved");
  if (urls === null) return;
  const [moved = ""] = urls;
  shell(dump, folder, { DATA });
  await first.stop();
  shell(restore, folder, {
    DATA,
    PARLEY_DATABASE_URL: moved,
    PGHOST: "",
    PGUSER: "",
    PGPASSWORD: "",
  });
  const second = await start(t, "--data_dir", DATA, ...admin, "--database.url", moved);
  assert.deepEqual(await second.names(token), ["kept"]);
  await second.stop();
});

test("files_of_the_data_folder_and_the_certificate_are_as_the_table_says", async (t) => {
  const data_dir = join(scratch(t), "data");
  const https = ["--http.tls", "self-signed", "--http.public_url", "https://meet.example.org"];
  const server = await start(t, "--data_dir", data_dir, ...admin, ...https);
  const table = /\| Path in the data directory[\s\S]*?\n\n/.exec(guide("operations"))?.[0] ?? "";
  const named = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
  );
  const patterns = named.map((name) => new RegExp(`^${name.replace("/", "").replace("…", ".+")}$`));
  const found = readdirSync(data_dir);
  assert.ok(named.length >= 4);
  for (const [index, pattern] of patterns.entries()) {
    assert.ok(
      found.some((name) => pattern.test(name)),
      `${named[index]} is not there: ${found.join(", ")}`,
    );
  }
  for (const name of found) {
    assert.ok(
      patterns.some((pattern) => pattern.test(name)),
      `the guide does not name ${name}`,
    );
  }
  const { hostname, port } = new URL(server.url);
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
  await new Promise<void>((done) => socket.once("secureConnect", done));
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  for (const name of ["meet.example.org", "localhost"]) {
    assert.ok(certificate?.checkHost(name), `the certificate is not for ${name}`);
  }
  assert.ok(certificate?.checkIP("127.0.0.1"));
  await server.stop();
});

test("a_forgotten_password_is_set_anew_by_the_command_of_the_guide", async (t) => {
  const folder = scratch(t);
  const data_dir = join(folder, "data");
  const first = await start(t, "--data_dir", data_dir);
  const made = /^password {2}(\S+) /m.exec(first.printed.join("\n"))?.[1] ?? "";
  const token = await first.logIn(made);
  const command = /`(npm run reset-password) -- <user name>`/.exec(guide("operations"))?.[1] ?? "?";
  const reset = `${command} --silent -- admin --data_dir "${data_dir}"`;
  const busy = spawnSync("sh", ["-c", reset], { cwd: root, encoding: "utf8" });
  assert.equal(busy.status, 1, "the server must be stopped");
  assert.ok(busy.stderr.includes(sign("another Parley uses")), busy.stderr);
  assert.doesNotMatch(busy.stderr, /\n\s+at /);
  await first.stop();
  const fresh = /^password {2}(\S+) /m.exec(shell(reset, root, {}))?.[1] ?? "";
  const second = await start(t, "--data_dir", data_dir);
  assert.notEqual(await second.logIn(fresh), "");
  const old = await fetch(`${second.url}/v1.0/customer`, {
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(old.status, 401, "every log-in of before is over");
  await second.stop();
});

test("the_commands_that_make_a_service_run_as_they_stand", {
  skip: process.getuid?.() === 0 ? without_mounts : "needs root",
}, (t) => {
  const folder = scratch(t);
  const record = join(folder, "record");
  const bin = join(folder, "bin");
  // What would change the machine is written down instead.
  const shims = ["useradd", "chown", "chmod", "systemctl", "journalctl"];
  const shim = `#!/bin/sh\necho "$(basename "$0") $*" >>"${record}"\n`;
  spawnSync("mkdir", [bin]);
  for (const name of shims) {
    writeFileSync(join(bin, name), shim);
    chmodSync(join(bin, name), 0o755);
  }
  const [install = ""] = blocks("deploy", "Install");
  const [begin = ""] = blocks("deploy", "Start");
  const units = "/etc/systemd/system";
  assert.ok(existsSync(units), "a system with systemd's folders");
  const script = `mount -t tmpfs none ${units}\n${install}\n${begin}\ncat ${units}/parley.service`;
  const { status, stdout, stderr } = spawnSync("unshare", ["-m", "sh", "-eu", "-c", script], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` },
  });
  assert.equal(status, 0, stdout + stderr);
  assert.ok(stdout.endsWith(readFileSync(join(root, "deploy/parley.service"), "utf8")));
  const ran = readFileSync(record, "utf8").trim().split("\n");
  assert.match(ran[0] ?? "", /^useradd --system .* parley$/);
  assert.deepEqual(ran.slice(-3), [
    "systemctl daemon-reload",
    "systemctl enable --now parley",
    "journalctl -u parley",
  ]);
  assert.match(readFileSync(join(root, ".cache/commit"), "utf8"), /^[0-9a-f]{40}\n$/);
});
