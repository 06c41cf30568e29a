// Runs dependency-cruiser and refuses a run that looked at fewer modules than there are: a parser that
// knows no newer TypeScript checks nothing and passes.
import { execFileSync, spawnSync } from "node:child_process";

const rooms = ["server/src", "client/src", "web/src"];
const files = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", ...rooms],
  {
    encoding: "utf8",
  },
)
  .split("\n")
  .filter((path) => /\.tsx?$/.test(path) && !path.endsWith(".d.ts"));

const run = spawnSync(
  process.execPath,
  [
    "node_modules/dependency-cruiser/bin/dependency-cruise.mjs",
    "--config",
    ".dependency-cruiser.cjs",
    "--output-type",
    "json",
    ...rooms,
  ],
  { encoding: "utf8", maxBuffer: 256 * 1024 * 1024 },
);
if (!run.stdout) throw new Error(`dependency-cruiser printed nothing: ${run.stderr}`);

interface Cruise {
  readonly modules: readonly { source: string }[];
  readonly summary: { violations: readonly { rule: { name: string }; from: string; to: string }[] };
}
const cruise = JSON.parse(run.stdout) as Cruise;
const seen = new Set(cruise.modules.map((module) => module.source));
const unseen = files.filter((path) => !seen.has(path));
for (const { rule, from, to } of cruise.summary.violations) {
  process.stdout.write(`${from}: ${rule.name}: must not import ${to}\n`);
}
if (unseen.length > 0) process.stdout.write(`not looked at: ${unseen.join(" ")}\n`);
process.stdout.write(
  `imports: ${files.length - unseen.length} of ${files.length} files looked at, ${cruise.summary.violations.length} violations\n`,
);
process.exitCode = cruise.summary.violations.length + unseen.length === 0 ? 0 : 1;
