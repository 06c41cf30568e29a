// What a start warns of although it goes on.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ended, folder } from "./refused.ts";

const root = join(import.meta.dirname, "../..");
const range = "/proc/sys/net/ipv4/ip_local_port_range";

interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

test("a_port_that_the_system_gives_away_and_a_disk_that_fills_are_warned_of", {
  skip: process.platform === "linux" ? false : "the range is read from /proc",
}, async (t) => {
  const [first = 0, last = 0] = readFileSync(range, "utf8").trim().split(/\s+/).map(Number);
  // Such a port can be taken at any moment, which is what the warning is for: then another one.
  for (let tries = 0; ; tries += 1) {
    const port = randomInt(first, last + 1);
    const settings = ["--http.port", "0", "--media.port", String(port), "--data_dir", folder(t)];
    const limits = ["--media.worker_count", "1", "--limits.disk_free_warn", "2147483647"];
    const child = spawn(process.execPath, ["server/src/main.ts", ...settings, ...limits], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PARLEY_LOG_LEVEL: "info" },
    });
    const { status, out, err } = await ended(child);
    if (/port \d+ .*is taken/.test(err) && tries < 5) continue;
    assert.equal(status, 0, out + err);
    assert.match(out, /^ready /m);
    const lines = err
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Line);
    const ports = lines.filter(({ setting }) => setting === "media.port");
    assert.equal(ports.length, 1, "http.port 0 is warned of by nobody");
    assert.match(ports[0]?.msg ?? "", /media\.port lies where .*outgoing connections.*outside/);
    assert.deepEqual(
      [ports[0]?.["port"], ports[0]?.["outgoing_first"], ports[0]?.["outgoing_last"]],
      [port, first, last],
    );
    const [space] = lines.filter(({ warn_below_mib }) => warn_below_mib === 2 ** 31 - 1);
    assert.match(space?.msg ?? "", /little room left/);
    assert.ok(Number(space?.["free_mib"]) > 0);
    return;
  }
});

test("the_default_ports_lie_outside_the_range_that_linux_gives_away", () => {
  const config = JSON.parse(readFileSync(join(root, "contract/config.json"), "utf8")) as Record<
    string,
    { default: string }
  >;
  // As the kernel has it where nobody changed it (Documentation/networking/ip-sysctl.rst, ip_local_port_range).
  const first = 32_768;
  // A worker for each core takes the next port.
  const workers_max = 256;
  assert.ok(Number(config["media.port"]?.default) + workers_max < first);
  assert.ok(Number(config["http.port"]?.default) < first);
});
