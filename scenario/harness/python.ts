// The tests' Pythons: environments of programs from PyPI, made once for what their requirements say, and the system's own.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const python = process.env["PARLEY_TEST_PYTHON"] ?? "python3";
const python_version = spawnSync(
  python,
  ["-c", "import sys, ensurepip; assert sys.version_info >= (3, 11); print(sys.version)"],
  { encoding: "utf8" },
);

/** Why no environment can be made here, or null. */
export const python_missing =
  python_version.status === 0
    ? null
    : "Python 3.11 or newer with venv is not installed: tools/setup-system installs it";

/** Skips what needs an environment where none can be made; in CI it has to be there. */
export const needs_python = { skip: (process.env["CI"] !== "true" && python_missing) || false };

/** Debian's packages belong to Debian's Python, whichever other comes first on the path. */
export const system_python = process.env["AIORTC_PYTHON"] ?? "/usr/bin/python3";

/** Whether that Python runs these lines. */
export const can = (program: string, ...lines: string[]): boolean =>
  spawnSync(program, ["-c", lines.join("\n")]).status === 0;

/** Programs from PyPI in a folder of their own. */
export interface PythonEnvironment {
  /** Folder of the programs; there after `prepare`, as is `python`. */
  readonly bin: string;
  readonly python: string;
  /**
   * Makes it unless it is there, once, however many tests and processes ask at the same time.
   * Errors: Python or the registry cannot be had; what pip says is in the message.
   */
  prepare(): Promise<void>;
}

const cache = join(import.meta.dirname, "../../.cache/python");

/** The environment called `name` with what `requirements` says, a file of pip's with fixed versions. */
export function pythonEnvironment(
  name: string,
  requirements: string,
  store = cache,
): PythonEnvironment {
  const mark = createHash("sha256")
    .update(readFileSync(requirements))
    .update(python_version.stdout ?? "")
    .digest("hex")
    .slice(0, 12);
  const folder = join(store, `${name}-${mark}`);
  const bin = join(folder, "bin");
  let making: Promise<void> | undefined;
  return {
    bin,
    python: join(bin, "python"),
    prepare() {
      making ??= existsSync(join(folder, "complete"))
        ? Promise.resolve()
        : run(join(import.meta.dirname, "python_environment.py"), store, name, mark, requirements);
      return making;
    },
  };
}

async function run(...args: readonly string[]): Promise<void> {
  const child = spawn(python, args, { stdio: ["ignore", "pipe", "pipe"] });
  let told = "";
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding("utf8").on("data", (text: string) => {
      told += text;
    });
  }
  const code = await new Promise<number | null>((done, fail) => {
    child.once("error", fail).once("close", done);
  });
  if (code !== 0) throw new Error(`${python} ${args.join(" ")} ended with ${code}:\n${told}`);
}
