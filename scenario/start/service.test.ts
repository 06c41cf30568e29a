// Parley as a service: its own user, an install folder that this user cannot write, the unit file.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");
const has = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;
const nobody = 65_534;

test("a_server_runs_as_a_user_of_its_own_from_a_folder_that_it_cannot_write", {
  skip: process.getuid?.() === 0 && has("setpriv") ? false : "needs root and setpriv",
}, async (t) => {
  const data_dir = mkdtempSync(join(tmpdir(), "parley-service-"));
  t.after(() => rmSync(data_dir, { recursive: true, force: true }));
  chownSync(data_dir, nobody, nobody);
  chmodSync(data_dir, 0o700);
  const ids = [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", "--no-new-privs"];
  const settings = ["--http.port", "0", "--media.port", "0", "--data_dir", data_dir];
  // The checkout may lie in a home that others may not enter: it is shown at another place, where nobody at all can write.
  const install = mkdtempSync(join(tmpdir(), "parley-install-"));
  t.after(() => rmdirSync(install));
  const there = (path: string): string => path.replace(root, install);
  const worker = there(realpathSync(process.env["PARLEY_MEDIA_WORKER_BIN"] ?? ""));
  const command = [there(process.execPath), "server/src/main.ts", ...settings];
  const show =
    'mount --bind "$0" "$1" && mount -o remount,bind,ro "$1" && cd "$1" && shift && exec "$@"';
  const drop = ["setpriv", ...ids, "--inh-caps=-all"];
  const server = spawn("unshare", ["-m", "sh", "-c", show, root, install, ...drop, ...command], {
    env: { PATH: process.env["PATH"], PARLEY_MEDIA_WORKER_BIN: worker },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed: string[] = [];
  createInterface({ input: server.stderr }).on("line", (line) => printed.push(line));
  const ended = new Promise<number | null>((resolve) => server.once("exit", resolve));
  let is_ready = false;
  for await (const line of createInterface({ input: server.stdout })) {
    printed.push(line);
    is_ready = line.startsWith("ready ");
    if (is_ready) break;
  }
  assert.ok(is_ready, printed.join("\n"));
  const uids = (pid: number): string =>
    /^Uid:\t(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
  assert.equal(uids(server.pid ?? 0), Array(4).fill(nobody).join("\t"));
  server.stdout.resume();
  server.kill("SIGTERM");
  assert.equal(await ended, 0, printed.join("\n"));
});

test("systemd_finds_nothing_wrong_with_the_unit", {
  skip: has("systemd-analyze") ? false : "systemd-analyze is not installed",
}, () => {
  const unit = join(root, "deploy/parley.service");
  const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", unit], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout + stderr);
  assert.doesNotMatch(stderr, /parley\.service/);
});

test("the_unit_says_what_the_guide_says", () => {
  const unit = readFileSync(join(root, "deploy/parley.service"), "utf8");
  const guide = readFileSync(join(root, "docs/guide/deploy.md"), "utf8");
  for (const word of [
    "/opt/parley",
    "/var/lib/parley",
    "/etc/parley/parley.env",
    "tools/launch.mjs start",
  ]) {
    assert.ok(unit.includes(word) && guide.includes(word), word);
  }
  const stop_s = Number(/TimeoutStopSec=(\d+)/.exec(unit)?.[1]);
  const config = JSON.parse(readFileSync(join(root, "contract/config.json"), "utf8")) as Record<
    string,
    { default: string }
  >;
  assert.ok(
    stop_s * 1_000 > Number(config["drain_timeout_ms"]?.default),
    "calls may end by themselves",
  );
});
