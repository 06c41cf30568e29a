// The media worker: given, prebuilt, built before, or built now.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { Refusal, say } from "./say.mjs";
import { hashOf } from "./stamp.mjs";
import { requirePrograms } from "./system.mjs";

const store = join(".cache", "worker");
const program = "parley-worker";
// Builds of branches that are gone back and forth between.
const kept_max = 4;

/** Path of the worker's program. Refuses when it cannot be built. */
export async function ensureWorker({ is_system_allowed }) {
  const given = process.env.PARLEY_MEDIA_WORKER_BIN;
  if (given) {
    if (existsSync(given)) return resolve(given);
    throw new Refusal(`PARLEY_MEDIA_WORKER_BIN: ${given} is not there`);
  }
  const prebuilt = join(
    "node_modules",
    "@parley",
    `worker-${process.platform}-${process.arch}`,
    "bin",
    program,
  );
  if (existsSync(prebuilt)) return resolve(prebuilt);
  const mark = hashOf(
    ["worker"],
    ["target", "fuzz", "tests", "benches", "examples", "README.md"],
  ).slice(0, 16);
  const built = join(store, `${program}-${mark}`);
  if (!existsSync(built)) build(built, is_system_allowed);
  pointAt(built);
  return resolve(built);
}

function build(built, is_system_allowed) {
  requirePrograms(["build"], is_system_allowed);
  say("building the media worker (a few minutes the first time)");
  const began = Date.now();
  const { status, error } = spawnSync(
    "cargo",
    ["build", "--release", "--locked", "--package", "parley-worker", "--bin", program],
    { cwd: "worker", stdio: ["ignore", 2, 2], env: cargoEnvironment() },
  );
  if (error?.code === "ENOENT")
    throw new Refusal("cargo is missing: tools/setup-system installs it");
  if (error) throw error;
  if (status !== 0) throw new Refusal("the media worker could not be built; the reason is above");
  const target = process.env.CARGO_TARGET_DIR ?? join("worker", "target");
  mkdirSync(store, { recursive: true });
  // Copied aside and moved, so that a worker that runs is never written into.
  const making = `${built}.new`;
  copyFileSync(join(target, "release", program), making);
  renameSync(making, built);
  forgetOldest();
  say(`built the media worker in ${Math.round((Date.now() - began) / 1000)} s`);
}

// A server that is started without the launcher finds the last build by this name.
function pointAt(built) {
  const link = join(store, "current");
  const target = basename(built);
  if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) {
    if (readlinkSync(link) === target) return;
    rmSync(link);
  }
  symlinkSync(target, link);
}

function forgetOldest() {
  const builds = readdirSync(store)
    .filter((name) => name.startsWith(`${program}-`))
    .map((name) => join(store, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const path of builds.slice(kept_max)) rmSync(path);
}

/** The environment with cargo's own folder on the path, where rustup puts it without telling running shells. */
export function cargoEnvironment() {
  const folder = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "bin");
  return { ...process.env, PATH: `${process.env.PATH}:${folder}` };
}
