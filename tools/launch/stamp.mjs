// Remembers under .cache/ what was made from what, so that nothing is made twice.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const path = (name) => join(".cache", `${name}.stamp`);

/** Whether `name` was made from what `mark` stands for, and its result is still there. */
export function isFresh(name, mark, result) {
  return existsSync(result) && existsSync(path(name)) && readFileSync(path(name), "utf8") === mark;
}

/** Notes that `name` was made from what `mark` stands for. */
export function stamp(name, mark) {
  mkdirSync(".cache", { recursive: true });
  writeFileSync(path(name), mark);
}

/** A hash of the files' names and contents; folders are walked, except those named in `without`. */
export function hashOf(entries, without = []) {
  const hash = createHash("sha256");
  const walk = (entry) => {
    if (!existsSync(entry)) return;
    if (statSync(entry).isDirectory()) {
      for (const name of readdirSync(entry).sort()) {
        if (!without.includes(name)) walk(join(entry, name));
      }
      return;
    }
    const content = readFileSync(entry);
    hash.update(`${entry}\0${content.length}\0`).update(content);
  };
  entries.forEach(walk);
  return hash.digest("hex");
}

/** Notes the commit that this is built from, for `--version` in a folder that is copied without its `.git`. */
export function noteCommit() {
  const { status, stdout } = spawnSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" });
  if (status !== 0) return;
  mkdirSync(".cache", { recursive: true });
  writeFileSync(join(".cache", "commit"), stdout);
}
