// A start that cannot make ready what it needs says so in a line for each thing: what, why, and what to do.
import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

const root = join(import.meta.dirname, "../..");
const skip = process.platform === "win32" ? "needs a POSIX shell" : false;
const shell = ["sh", "sed", "dirname", "uname", "id"];
const builders = ["cc", "make", "cmake", "cargo"];

/** A checkout in which nothing is built yet, whose launcher finds these programs only. */
interface Checkout {
  readonly folder: string;
  start(programs: readonly string[], ...args: string[]): SpawnSyncReturns<string>;
}

function checkout(t: TestContext): Checkout {
  const folder = mkdtempSync(join(tmpdir(), "parley-checkout-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // The launcher finds its folder by its own path, so that it must be a copy.
  for (const name of ["tools", "package.json", "package-lock.json"]) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  mkdirSync(join(folder, "worker"));
  cpSync(join(root, "worker/Cargo.toml"), join(folder, "worker/Cargo.toml"));
  const go_module = "scenario/api/generated-clients/go";
  mkdirSync(join(folder, go_module), { recursive: true });
  cpSync(join(root, go_module, "go.mod"), join(folder, go_module, "go.mod"));
  for (const name of ["node_modules", "server", "contract"]) {
    symlinkSync(join(root, name), join(folder, name));
  }
  return {
    folder,
    start(programs, ...args) {
      const bin = mkdtempSync(join(folder, "bin-"));
      for (const name of shell) symlinkSync(where(name), join(bin, name));
      for (const name of programs) writeProgram(join(bin, name));
      const { PARLEY_MEDIA_WORKER_BIN: _, CI: __, ...env } = process.env;
      return spawnSync(process.execPath, ["tools/launch.mjs", "start", ...args], {
        cwd: folder,
        encoding: "utf8",
        env: { ...env, PATH: bin, CARGO_HOME: join(folder, "cargo"), PARLEY_LOG_LEVEL: "info" },
      });
    },
  };
}

const where = (name: string): string =>
  spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim();

// There, new enough, and of no use.
function writeProgram(path: string): void {
  const text = '#!/bin/sh\n[ "$1" = --version ] && echo "cargo 1.999.0" && exit\nexit 9\n';
  writeFileSync(path, text, { mode: 0o755 });
}

function linesOf({ status, stdout, stderr }: SpawnSyncReturns<string>): string[] {
  assert.equal(status, 1, stderr);
  assert.equal(stdout, "", "standard output is the server's own");
  assert.doesNotMatch(stderr, /\n\s+at |node:internal|Error: /);
  return stderr.trim().split("\n");
}

const reasons: Record<string, RegExp> = {
  cc: /^parley: cc is missing: a C compiler, for the media worker's codecs and cryptography\. /,
  make: /^parley: make is missing: for the media worker's codecs\. /,
  cmake: /^parley: cmake is missing: for the media worker's codecs\. /,
  cargo: /^parley: cargo is missing: Rust 1\.\d+ or newer, for the media worker\. /,
};

for (const [program, reason] of Object.entries(reasons)) {
  test(`a_missing_${program}_is_named_with_the_reason_and_the_cure`, { skip }, (t) => {
    const others = builders.filter((name) => name !== program);
    const [line = "", ...more] = linesOf(checkout(t).start(others, "--no-system"));
    assert.deepEqual(more, []);
    assert.match(line, reason);
    assert.match(line, /`tools\/setup-system build`.*PARLEY_MEDIA_WORKER_BIN$/);
  });
}

test("each_program_that_is_missing_has_its_line", { skip }, (t) => {
  const lines = linesOf(checkout(t).start([], "--no-system"));
  assert.equal(lines.length, builders.length, lines.join("\n"));
  for (const reason of Object.values(reasons)) assert.ok(lines.some((line) => reason.test(line)));
});

test("what_could_not_be_installed_is_said_after_the_attempt", {
  skip: process.getuid?.() === 0 ? skip : "only root installs without being asked",
}, (t) => {
  const lines = linesOf(checkout(t).start(["cc", "make", "cargo"]));
  assert.match(lines.join("\n"), /no known package manager; install by hand: cmake/);
  assert.match(lines.at(-1) ?? "", /^parley: cmake is missing: .*could not install it/);
});

test("a_worker_that_cannot_be_built_or_is_not_where_it_is_named_says_so", { skip }, (t) => {
  const { folder, start } = checkout(t);
  const [, failed = ""] = linesOf(start(builders, "--no-system"));
  assert.match(failed, /^parley: the media worker could not be built; the reason is above/);
  const named = spawnSync(process.execPath, ["tools/launch.mjs", "start"], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, PARLEY_MEDIA_WORKER_BIN: "/nowhere" },
  });
  assert.deepEqual(linesOf(named), ["parley: PARLEY_MEDIA_WORKER_BIN: /nowhere is not there"]);
});

test("a_fault_of_the_launcher_is_one_line_and_its_place_is_shown_when_asked", { skip }, (t) => {
  const { folder } = checkout(t);
  writeFileSync(join(folder, "package-lock.json"), "no JSON");
  const start = (level: string) =>
    spawnSync(process.execPath, ["tools/launch.mjs", "start"], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, PARLEY_LOG_LEVEL: level },
    });
  const lines = linesOf(start("info"));
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.match(lines[0] ?? "", /^parley: the launcher failed: .*JSON.*PARLEY_LOG_LEVEL=debug/);
  assert.match(start("debug").stderr, /\n.*\s+at /);
});

test("the_version_names_package_and_commit", { skip }, () => {
  const { stdout, status } = spawnSync("npm", ["start", "--silent", "--", "--version"], {
    cwd: root,
    encoding: "utf8",
  });
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    version: string;
  };
  const { stdout: head } = spawnSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8" });
  assert.equal(status, 0);
  const commit = head.slice(0, 12) || "[0-9a-f]{12}|unknown";
  assert.match(
    stdout,
    new RegExp(`^parley ${version.replaceAll(".", "\\.")} \\(commit (${commit})\\)\n$`),
  );
});
