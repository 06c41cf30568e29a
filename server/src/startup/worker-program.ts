// Which program the media workers are.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Config, ConfigError } from "../kernel/config.ts";
import { explainProgram, StartRefusal } from "../kernel/start-refusal.ts";
import { WorkerStartFailure } from "../media/index.ts";

const root = resolve(import.meta.dirname, "../../..");
// Where the launcher leaves what it built last, and where cargo does.
const built = [".cache/worker/current", "worker/target/release/parley-worker"];

/** Path of the media worker's program. Errors: ConfigError when there is none. */
export function workerProgram(configured: string): string {
  if (configured !== "") {
    if (existsSync(configured)) return resolve(configured);
    throw new ConfigError(
      `media.worker_bin: there is no file ${configured}. Correct the path, or leave it out to use the one that npm start builds`,
    );
  }
  const found = built.map((path) => resolve(root, path)).find((path) => existsSync(path));
  if (found) return found;
  throw new ConfigError(
    "the media worker is not built: `npm start` builds it, or set media.worker_bin",
  );
}

const trial_timeout_ms = 3_000;

/** Why the workers did not start, as far as it can be told; the reason itself where it cannot. */
export function explainWorker(
  media: Pick<Config["media"], "host" | "port">,
  program: string,
  reason: unknown,
): unknown {
  const text = reason instanceof Error ? reason.message : String(reason);
  if (reason instanceof WorkerStartFailure && reason.what === "address") {
    return new StartRefusal(
      `media.port: ${text.replace(/^.*address_unavailable: /, "")}. End the program that has that UDP or TCP port (\`ss -lpn\` names it), or choose others with media.port (now ${media.port}) and media.host (now ${media.host})`,
      { cause: reason },
    );
  }
  // Started once more by itself, to hear what it says: with nothing to read it ends at once.
  const trial = spawnSync(program, [], { input: "", encoding: "utf8", timeout: trial_timeout_ms });
  if (trial.error) {
    const { code } = trial.error as NodeJS.ErrnoException;
    if (code !== "ETIMEDOUT") {
      return new StartRefusal(
        `media.worker_bin: ${program} cannot be run (${code}). It must be a program for this machine that user ${process.getuid?.() ?? "?"} may run; npm start builds one`,
        { cause: reason },
      );
    }
  }
  const told = explainProgram(program, trial.stderr, "data_dir");
  if (told !== null) return new StartRefusal(`media.worker_bin: ${told}`, { cause: reason });
  return new StartRefusal(
    `${text}. Is ${program} this version's media worker? npm start builds it; with log.level debug its own log is shown`,
    { cause: reason },
  );
}
