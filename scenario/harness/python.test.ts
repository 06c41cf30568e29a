// Environments of Python when several want the same one at the same time, and when the making of one was broken off.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { until } from "./parley.ts";
import { needs_python, type PythonEnvironment, pythonEnvironment } from "./python.ts";

const store = mkdtempSync(join(tmpdir(), "parley-python-"));
after(() => rmSync(store, { recursive: true, force: true }));

/** One that needs nothing of the registry; each call stands for a process that wants it. */
function environment(requirements: string): PythonEnvironment {
  const path = join(store, "requirements.txt");
  writeFileSync(path, requirements);
  return pythonEnvironment("program", path, store);
}
const isWhole = ({ python }: PythonEnvironment): boolean =>
  spawnSync(python, ["-m", "pip", "--version"]).status === 0;

test(
  "all_who_want_an_environment_at_the_same_time_get_one_that_is_whole",
  needs_python,
  async () => {
    const one = environment("# nothing\n");
    const folder = dirname(one.bin);
    mkdirSync(one.bin, { recursive: true });
    const left = join(one.bin, "left by one whose making was broken off");
    writeFileSync(left, "");
    const first = one.prepare();
    assert.equal(one.prepare(), first);
    await until("it is being made", () => existsSync(join(folder, "pyvenv.cfg")), 30_000);
    const made = await Promise.all([
      first.then(() => statSync(folder).ino),
      environment("# nothing\n")
        .prepare()
        .then(() => statSync(folder).ino),
    ]);
    assert.equal(made[0], made[1]);
    assert.ok(isWhole(one));
    assert.ok(!existsSync(left));
  },
);

test("what_cannot_be_installed_is_said_and_leaves_no_environment", needs_python, async () => {
  const old = dirname(environment("# nothing\n").bin);
  mkdirSync(old, { recursive: true });
  const missing = environment("--no-index\nparley-has-no-such-package==1\n");
  await assert.rejects(missing.prepare(), /No matching distribution.*parley-has-no-such-package/);
  assert.ok(!existsSync(join(dirname(missing.bin), "complete")));
  assert.ok(!existsSync(old), "an older one takes room");
});
