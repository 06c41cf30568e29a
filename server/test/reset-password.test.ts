// The command that sets a password anew, on the private database and on one of a server.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
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
