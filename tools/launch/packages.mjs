// npm packages, as the lock file says.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { Refusal, say } from "./say.mjs";
import { isFresh, stamp } from "./stamp.mjs";

/** Installs the packages when those that are here are not those of the lock file. */
export async function ensurePackages() {
  const lock = readFileSync("package-lock.json", "utf8");
  const mark = createHash("sha256")
    .update(`${process.platform} ${process.arch}\n${lock}`)
    .digest("hex");
  if (isFresh("packages", mark, "node_modules/.package-lock.json")) return;
  if (isInstalled(JSON.parse(lock))) return stamp("packages", mark);
  say("installing packages");
  install(lock);
  if (!isInstalled(JSON.parse(lock))) {
    throw new Refusal("what npm installed is not what package-lock.json says; npm says why above");
  }
  stamp("packages", mark);
}

// Not `npm ci`: it refuses a lock file that lacks optional packages of other platforms, which a registry need not carry. An install
// takes versions and hashes from the lock file as well; what it would add to that file is put back.
function install(lock) {
  const by_npm = process.env.npm_execpath;
  const [program, ...first] = by_npm ? [process.execPath, by_npm] : ["npm"];
  const args = [...first, "install", "--no-audit", "--no-fund", "--include=dev"];
  // Its report is for people; standard output belongs to the program that is run afterwards.
  const { status, error } = spawnSync(program, args, { stdio: ["ignore", 2, 2] });
  if (readFileSync("package-lock.json", "utf8") !== lock) writeFileSync("package-lock.json", lock);
  if (error?.code === "ENOENT") {
    throw new Refusal("npm is missing: it comes with Node, https://nodejs.org");
  }
  if (error) throw error;
  if (status !== 0) throw new Refusal("the packages could not be installed; npm says why above");
}

// npm writes what it installed beside the packages; an install by hand counts as well.
function isInstalled({ packages }) {
  let installed;
  try {
    installed = JSON.parse(readFileSync("node_modules/.package-lock.json", "utf8")).packages;
  } catch (reason) {
    if (reason.code === "ENOENT") return false;
    throw reason;
  }
  const fits = (list, value) => !list || [list].flat().includes(value);
  const same = (path, wanted) => installed[path]?.version === wanted.version;
  return Object.entries(packages).every(
    ([path, wanted]) =>
      path === "" ||
      wanted.link ||
      same(path, wanted) ||
      (wanted.optional && !(fits(wanted.os, process.platform) && fits(wanted.cpu, process.arch))) ||
      (wanted.optional && !wanted.os && !wanted.cpu) ||
      (wanted.optional && wanted.libc && !fits(wanted.libc, "glibc")),
  );
}
