// Nothing that hangs holds up `npm test`: it fails with its name.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { testFlags } from "./test-flags.ts";

const root = join(import.meta.dirname, "..");

// Runs a file as `npm test` runs each, with shorter times.
function runFile(t: TestContext, body: string, times: { test_ms: number; file_ms: number }) {
  const folder = mkdtempSync(join(tmpdir(), "parley-hangs-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "hangs.test.ts");
  writeFileSync(path, `import { test } from "node:test";\n${body}`);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const began = performance.now();
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [...testFlags(times.test_ms), path],
    {
      cwd: root,
      encoding: "utf8",
      env: { ...env, PARLEY_TEST_FILE_TIMEOUT_MS: String(times.file_ms) },
      timeout: 100_000,
    },
  );
  return { path, status, signal, said: stdout + stderr, took_ms: performance.now() - began };
}

test("a_test_that_waits_for_ever_fails_with_its_name_and_the_others_are_run", (t) => {
  const body = `
test("one_that_waits_for_ever", () => new Promise((resolve) => setInterval(() => resolve, 50)));
test("one_after_it", () => undefined);
`;
  const { status, said, took_ms } = runFile(t, body, { test_ms: 1_000, file_ms: 90_000 });
  assert.equal(status, 1, said);
  assert.match(said, /(✖|not ok \d+ -) one_that_waits_for_ever/);
  assert.match(said, /(✔|ok \d+ -) one_after_it/);
  assert.match(said, /timed out after 1000ms/);
  assert.ok(took_ms < 80_000, "what it left open is no reason to wait");
});

test("a_file_that_never_comes_back_is_ended_and_named", (t) => {
  const body = `test("one_that_loops", () => { for (;;); });\n`;
  const { path, status, signal, said } = runFile(t, body, { test_ms: 1_000, file_ms: 3_000 });
  assert.deepEqual([status, signal], [null, "SIGKILL"], said);
  assert.ok(said.includes(`${path} did not end within 3000 ms`), said);
});
