// `npm run bench`: runs every measurement under bench/, or those named, one after the other.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { basename } from "node:path";

const named = process.argv.slice(2);
const all = globSync("bench/*.ts").sort();
const chosen = all.filter((path) => named.length === 0 || named.includes(basename(path, ".ts")));
const unknown = named.filter((name) => !all.some((path) => basename(path, ".ts") === name));
if (unknown.length > 0) {
  console.error(`no such measurement: ${unknown.join(", ")}`);
  console.error(`there are: ${all.map((path) => basename(path, ".ts")).join(", ")}`);
  process.exit(2);
}
const failed: string[] = [];
for (const path of chosen) {
  console.log(`\n== ${basename(path, ".ts")}`);
  const { status } = spawnSync(process.execPath, [path], { stdio: "inherit" });
  if (status !== 0) failed.push(path);
}
console.log(failed.length === 0 ? "\nbench: done" : `\nbench: failed: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
