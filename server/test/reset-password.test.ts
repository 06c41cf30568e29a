// The command that sets a password anew, on the private database and on one of a server.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeDatabase, openStoreOn } from "./database.ts";
import { startRest } from "./rest.ts";

const password = "correct horse battery staple";

const run = (args: readonly string[], url: string, input = "") =>
  new Promise<{ code: number | null; out: string; err: string }>((resolve, reject) => {
    const child = spawn(process.execPath, ["server/src/reset-password.ts", ...args], {
      env: {
        ...process.env,
        PARLEY_DATABASE_URL: url,
        PARLEY_AUTH_SECRET: "x".repeat(40),
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let [out, err] = ["", ""];
    child.stdout.on("data", (data) => (out += String(data)));
    child.stderr.on("data", (data) => (err += String(data)));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out, err }));
    child.stdin.end(input);
  });

test("a_password_is_set_anew_by_a_command_and_every_log_in_of_before_is_over", async () => {
  const { url, drop } = await makeDatabase();
  const first = await startRest({ store: await openStoreOn(url) });
  const old = first.token;
  const busy = await run(["admin"], url);
  assert.equal(busy.code, 1, "while a server runs nothing is changed");
  assert.match(busy.err, /another Parley server/);
  await first.close();
  const made = await run(["admin"], url);
  assert.equal(made.code, 0, made.err);
  const fresh = /^password {2}(\S+) /m.exec(made.out)?.[1] ?? "";
  assert.ok(fresh.length >= 8);
  const given = await run(["admin", "--stdin"], url, "a password that was typed\n");
  assert.equal(given.code, 0, given.err);
  assert.doesNotMatch(given.out, /password {2}/);
  assert.equal((await run(["nobody"], url)).code, 2);
  assert.equal((await run([], url)).code, 2);
  assert.equal((await run(["admin", "--stdin"], url, "short\n")).code, 2);

  // The administrator's name is taken, so that nothing is made or set at this start.
  const store = await openStoreOn(url);
  const again = await startRest({ store, admin_password: null });
  const login = (secret: string) =>
    again.ask("POST", "/auth/login", {
      body: { username: "admin", password: secret },
      token: null,
    });
  assert.equal((await login(password)).status, 401);
  assert.equal((await login(fresh)).status, 401);
  assert.equal((await login("a password that was typed")).status, 200);
  const late = await again.ask("GET", "/v1.0/customer", { token: old });
  assert.equal(late.body.error.reason, "TOKEN_REVOKED");
  await again.close();
  await drop();
});

test("a_reset_that_cannot_be_made_says_why_in_one_line_as_a_start_does", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "parley-reset-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // As the server makes its own: passable for whom the database runs as.
  chmodSync(folder, 0o711);
  const refused = async (code: 1 | 2, args: readonly string[], url = "", input = "") => {
    const { code: status, out, err } = await run(["admin", ...args], url, input);
    assert.equal(status, code, err);
    assert.equal(out, "");
    const lines = err.trim().split("\n");
    assert.equal(lines.length, 1, err);
    assert.match(lines[0] ?? "", /^parley: /);
    return lines[0] ?? "";
  };
  const absent = join(folder, "absent");
  const none = await refused(1, ["--data_dir", absent]);
  assert.match(none, /data_dir: there is no database in .*absent\. Name the server's own folder/);
  assert.ok(!existsSync(absent), "a mistyped folder is not made");
  const file = join(folder, "file");
  writeFileSync(file, "");
  assert.match(await refused(1, ["--data_dir", file]), /data_dir: .*not a folder/);
  const old = join(folder, "old");
  const cluster = join(old, "postgres/cluster");
  mkdirSync(cluster, { recursive: true, mode: 0o711 });
  writeFileSync(join(cluster, "PG_VERSION"), "17\n");
  if (process.getuid?.() === 0) {
    for (const path of [cluster, join(cluster, "..")]) chownSync(path, 65_534, 65_534);
  }
  assert.match(await refused(1, ["--data_dir", old]), /made by PostgreSQL 17.*pg_dump/);
  const nowhere = await refused(1, [], "postgres://u:geheim@/d?host=/nonexistent");
  assert.match(nowhere, /database\.url: .*no such socket/);
  assert.doesNotMatch(nowhere, /geheim/);
  assert.match(await refused(2, ["--data_dri", absent]), /--data_dri: .*did you mean data_dir/);
  assert.match(await refused(2, ["--stdin"], "", "short\n"), /8 characters or more/);
  assert.match(await refused(2, ["another"]), /one user name, not two/);
  assert.match(await refused(2, ["--customer", "x"]), /--customer wants the id/);
  const { code, err } = await run([], "");
  assert.equal(code, 2);
  assert.match(err, /^npm run reset-password -- <user name>/);
});
