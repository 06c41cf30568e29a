// `npm run check`: everything that guards the tree but needs no running Parley. Prints one line a step.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  readonly folder?: string;
}

const node = process.execPath;
const bin = (name: string): string => `node_modules/.bin/${name}`;

const steps: readonly Step[] = [
  { name: "format and lint", command: [bin("biome"), "check", "--error-on-warnings", "."] },
  { name: "types: server, tools", command: [bin("tsc"), "-p", "tsconfig.json"] },
  ...["client", "web", "scenario"]
    .filter((room) => existsSync(`${room}/tsconfig.json`))
    .map((room) => ({
      name: `types: ${room}`,
      command: [bin("tsc"), "-p", `${room}/tsconfig.json`, "--noEmit"],
    })),
  { name: "import directions", command: [node, "tools/check-imports.ts"] },
  { name: "unused code", command: [bin("knip")] },
  { name: "tidy", command: [node, "tools/tidy.ts"] },
  { name: "contracts unchanged", command: [node, "tools/contract.ts", "--check"] },
  { name: "worker: format", command: ["cargo", "fmt", "--check"], folder: "worker" },
  {
    name: "worker: clippy",
    command: [
      "cargo",
      "clippy",
      "--locked",
      "--workspace",
      "--all-targets",
      "--",
      "-D",
      "warnings",
    ],
    folder: "worker",
  },
];

const failed: string[] = [];
for (const { name, command, folder = "." } of steps) {
  const [program = "", ...args] = command;
  const began = performance.now();
  const run = spawnSync(program, args, { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 28 });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const good = run.status === 0;
  console.log(`${good ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
  if (!good) {
    failed.push(name);
    console.log(run.error ? String(run.error) : `${run.stdout}${run.stderr}`);
  }
}
console.log(failed.length === 0 ? "check: all good" : `check: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
