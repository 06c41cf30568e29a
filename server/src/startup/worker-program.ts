// Which program the media workers are.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigError } from "../kernel/config.ts";

const root = resolve(import.meta.dirname, "../../..");
// Where the launcher leaves what it built last, and where cargo does.
const built = [".cache/worker/current", "worker/target/release/parley-worker"];

/** Path of the media worker's program. Errors: ConfigError when there is none. */
export function workerProgram(configured: string): string {
  if (configured !== "") {
    if (existsSync(configured)) return resolve(configured);
    throw new ConfigError(`media.worker_bin: ${configured} is not there`);
  }
  const found = built.map((path) => resolve(root, path)).find((path) => existsSync(path));
  if (found) return found;
  throw new ConfigError(
    "the media worker is not built: `npm start` builds it, or set media.worker_bin",
  );
}
