// The SDK: its package (client/dist) and the one file that the server serves as /sdk.js.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Refusal, say } from "./say.mjs";
import { hashOf, isFresh, stamp } from "./stamp.mjs";

const dist = join("client", "dist");

/** Builds client/dist when it is stale. */
export async function ensureSdk(node) {
  if (!existsSync("client/vite.config.ts")) return;
  const mark = hashOf(
    ["client/src", "client/package.json", "client/tsconfig.json", "client/vite.config.ts"].concat(
      "package-lock.json",
      "tools/launch/sdk.mjs",
    ),
  );
  if (isFresh("sdk", mark, join(dist, "sdk.js"))) return;
  say("building the SDK");
  rmSync(dist, { recursive: true, force: true });
  build(node, ["node_modules/typescript/bin/tsc", "-p", "client/tsconfig.json"]);
  build(node, ["node_modules/vite/bin/vite.js", "build", "--logLevel", "warn", "client"]);
  for (const name of readdirSync(dist)) {
    if (!name.endsWith(".d.ts")) continue;
    // The compiler leaves these names as they are written, which only TypeScript 5.2 and later resolves.
    const path = join(dist, name);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replaceAll(/(from "|import\(")(\.[^"]+)\.ts"/g, '$1$2.js"'));
  }
  stamp("sdk", mark);
}

/** Makes the package that npm installs; prints its path on standard output. */
export function packSdk(folder) {
  const by_npm = process.env.npm_execpath;
  const [program, ...first] = by_npm ? [process.execPath, by_npm] : ["npm"];
  const args = [...first, "pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const { status, stdout, error } = spawnSync(program, [...args, "./client"], {
    stdio: ["ignore", "pipe", 2],
    encoding: "utf8",
  });
  if (error?.code === "ENOENT") throw new Refusal("npm is missing: it comes with Node");
  if (error) throw error;
  if (status !== 0) throw new Refusal("npm could not make the package; it says why above");
  const [packed] = Object.values(JSON.parse(stdout));
  return join(folder, packed.filename);
}

function build(node, args) {
  const { status, error } = spawnSync(node, args, { stdio: ["ignore", 2, 2] });
  if (error) throw error;
  if (status !== 0) throw new Refusal("the SDK could not be built; the reason is above");
}
