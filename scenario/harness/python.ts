// Programs from PyPI, each in an environment of its own under .cache/, made once for what its requirements say.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const python = process.env["PARLEY_TEST_PYTHON"] ?? "python3";
const has_python =
  spawnSync(python, ["-c", "import sys, ensurepip; sys.exit(sys.version_info < (3, 10))"])
    .status === 0;

/** Skips what needs Python where there is none; in CI it has to be there. */
export const needs_python = {
  skip:
    !has_python && process.env["CI"] !== "true"
      ? "Python 3.10 or newer with venv is not installed: tools/setup-system installs it"
      : false,
};

const store = join(import.meta.dirname, "../../.cache/python");

/**
 * The folder of the programs of `requirements`, a file of pip's with fixed versions.
 * Errors: Python or the registry cannot be had; what pip says is in the message.
 */
export async function pythonPrograms(name: string, requirements: string): Promise<string> {
  const wanted = readFileSync(requirements, "utf8");
  const version = spawnSync(python, ["-V"], { encoding: "utf8" }).stdout;
  const mark = createHash("sha256").update(wanted).update(version).digest("hex").slice(0, 12);
  const folder = join(store, `${name}-${mark}`);
  const bin = join(folder, "bin");
  const stamp = join(folder, "complete");
  if (existsSync(stamp)) return bin;
  mkdirSync(store, { recursive: true });
  // Older ones, and one whose making was broken off.
  for (const other of readdirSync(store).filter((one) => one.startsWith(`${name}-`))) {
    rmSync(join(store, other), { recursive: true, force: true });
  }
  await run(python, ["-m", "venv", folder]);
  await run(join(bin, "python"), [
    ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
    ...["--requirement", requirements],
  ]);
  writeFileSync(stamp, "");
  return bin;
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let told = "";
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding("utf8").on("data", (text: string) => {
      told += text;
    });
  }
  const code = await new Promise<number | null>((done, fail) => {
    child.once("error", fail).once("close", done);
  });
  if (code !== 0)
    throw new Error(`${basename(program)} ${args.join(" ")} ended with ${code}:\n${told}`);
}
