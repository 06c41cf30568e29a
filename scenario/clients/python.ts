// Pythons with the programs in them: the pinned packages of PyPI in a folder of their own, and the system's.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "python");
const requirements = join(folder, "requirements.txt");
const lock = readFileSync(requirements);

/** Debian's packages belong to Debian's Python, whichever other comes first on the path. */
export const system_python = process.env["AIORTC_PYTHON"] ?? "/usr/bin/python3";

/** Path of one of our programs in Python. */
export const script = (name: string): string => join(folder, name);

/** Whether that Python runs these lines. */
export const can = (python: string, ...lines: string[]): boolean =>
  spawnSync(python, ["-c", lines.join("\n")]).status === 0;

/** Version of a package as requirements.txt pins it. */
export function pinned(name: string): string {
  const found = new RegExp(`^${name}==(\\S+)`, "m").exec(lock.toString())?.[1];
  if (found === undefined) throw new Error(`${name} is not in ${requirements}`);
  return found;
}

/** Why the pinned packages cannot be installed here, or null. */
export const packages_missing = can(
  "python3",
  "import ensurepip, sys; assert sys.version_info >= (3, 11)",
)
  ? null
  : "python3 of 3.11 or newer with venv is not installed: tools/setup-system installs it";

const cache = join(import.meta.dirname, "../../.cache");
const mark = createHash("sha256").update(lock).digest("hex").slice(0, 16);
const home = join(cache, `python-${mark}`);
/** Python with the pinned packages; there after `preparePackages`. */
export const packages_python = join(home, "bin", "python");

/** Installs the pinned packages unless they are there. */
export async function preparePackages(): Promise<void> {
  const complete = join(home, "complete");
  if (existsSync(complete)) return;
  rmSync(home, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  await run("python3", "-m", "venv", home);
  await run(
    packages_python,
    "-m",
    "pip",
    "install",
    "--quiet",
    "--require-hashes",
    "-r",
    requirements,
  );
  writeFileSync(complete, "");
}

async function run(program: string, ...words: string[]): Promise<void> {
  const child = spawn(program, words, { stdio: ["ignore", "inherit", "inherit"] });
  const code = await new Promise((resolve, reject) =>
    child.once("error", reject).once("exit", resolve),
  );
  if (code !== 0) throw new Error(`${program} ${words.join(" ")} ended with ${code}`);
}
