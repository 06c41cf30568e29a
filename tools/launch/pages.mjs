// The meeting page and the console, built when their sources changed.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { Refusal, say } from "./say.mjs";
import { hashOf, isFresh, stamp } from "./stamp.mjs";

/** Builds web/dist when it is stale. */
export async function ensurePages(node) {
  if (!existsSync("web/vite.config.ts")) return;
  const mark = hashOf(
    ["web", "client/src", "client/package.json", "package-lock.json"],
    ["dist", "node_modules"],
  );
  if (isFresh("pages", mark, "web/dist/index.html")) return;
  say("building the pages");
  const { status, error } = spawnSync(
    node,
    ["node_modules/vite/bin/vite.js", "build", "--logLevel", "warn", "web"],
    { stdio: ["ignore", 2, 2] },
  );
  if (error) throw error;
  if (status !== 0) throw new Refusal("the pages could not be built; the reason is above");
  stamp("pages", mark);
}
