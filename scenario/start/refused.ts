// Runs a start that must be refused, and holds it to its promise: one line, an exit code, no stack trace.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

const root = join(import.meta.dirname, "../..");

/** How a start is made. */
export interface Start {
  readonly data_dir?: string;
  /** Run by a shell in a mount namespace of its own before the server; `$DATA` is the data folder. */
  readonly mounts?: string;
  readonly uid?: number;
  readonly env?: Record<string, string>;
}

/** A folder that is gone after the test. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "parley-start-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The one line that the start said. Fails where it started, said more, or showed a stack. */
export async function refusal(
  t: TestContext,
  settings: readonly string[],
  code: 1 | 2,
  given: Start = {},
): Promise<string> {
  const lines = await refusals(t, settings, code, given);
  assert.equal(lines.length, 1, lines.join("\n"));
  return lines[0] ?? "";
}

/** As {@link refusal}, where several reasons are told together. */
export async function refusals(
  t: TestContext,
  settings: readonly string[],
  code: 1 | 2,
  given: Start = {},
): Promise<string[]> {
  const data_dir = given.data_dir ?? folder(t);
  const server = ["server/src/main.ts", "--http.port", "0", "--media.port", "0"];
  const args = [...server, "--data_dir", data_dir, "--media.worker_count", "1", ...settings];
  const [program, ...rest] = given.mounts
    ? [...unshare, "sh", "-c", `set -e; ${given.mounts}; exec "$@"`, "sh", process.execPath]
    : [process.execPath];
  const child = spawn(program ?? "", [...rest, ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PARLEY_LOG_LEVEL: "info", DATA: data_dir, ...given.env },
    ...(given.uid === undefined ? {} : { uid: given.uid, gid: given.uid }),
  });
  const { status, out, err } = await ended(child);
  const all = `${out}\n${err}`;
  assert.equal(status, code, all);
  assert.ok(!out.includes("ready "), all);
  assert.doesNotMatch(err, /\n\s+at |"stack"|node:internal|Error: /);
  return err
    .split("\n")
    .filter((line) => line.startsWith("parley: "))
    .map((line) => line.slice("parley: ".length));
}

/** Collects what a process says until it ends; ends it where it does not. */
export async function ended(
  child: ChildProcess,
): Promise<{ status: number | null; out: string; err: string }> {
  let out = "";
  let err = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  child.stdout?.on("data", () => {
    // It was to be refused, and started.
    if (out.includes("\nready ")) child.kill("SIGTERM");
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { status, out, err };
}

const is_root = process.getuid?.() === 0;
const unshare = ["unshare", "-m", ...(is_root ? [] : ["-r"])];

/** Why file systems of its own cannot be given to a start here; false where they can. */
export const without_mounts: string | false =
  spawnSync(unshare[0] ?? "", [...unshare.slice(1), "true"]).status === 0
    ? false
    : "needs mount namespaces (unshare -m)";
