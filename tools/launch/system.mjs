// System programs: which are missing, and installing them where that is allowed.
import { spawnSync } from "node:child_process";
import { readSync } from "node:fs";
import { Refusal } from "./say.mjs";

const setup = "tools/setup-system";

/** Programs that are missing for these purposes (`build`, `test`), each with the reason it is needed. */
export function missingPrograms(purposes) {
  const { stdout, error } = spawnSync("sh", [setup, "--missing", ...purposes], {
    encoding: "utf8",
  });
  if (error) throw error;
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [program, why] = line.split("\t");
      return { program, why };
    });
}

/** Installs what is missing, as root or after a yes at the terminal. False when that is not allowed or did not succeed. */
export function setUpSystem(purposes, is_allowed) {
  if (!is_allowed || !(process.getuid?.() === 0 || isAgreed(purposes))) return false;
  const { status } = spawnSync("sh", [setup, ...purposes], { stdio: ["ignore", 2, 2] });
  return status === 0;
}

/** Goes on only when nothing is missing for these purposes. */
export function requirePrograms(purposes, is_allowed) {
  if (missingPrograms(purposes).length === 0) return;
  const is_tried = setUpSystem(purposes, is_allowed);
  const missing = missingPrograms(purposes);
  if (missing.length === 0) return;
  const names = missing.map(({ program, why }) => `${program} (${why})`).join(", ");
  const verb = missing.length === 1 ? "is" : "are";
  const way = is_tried
    ? `${setup} could not install ${missing.length === 1 ? "it" : "them"}, the reason is above`
    : `install with: ${setup} ${purposes.join(" ")}`;
  throw new Refusal(
    `${names} ${verb} missing; ${way}. Or name a built worker by PARLEY_MEDIA_WORKER_BIN`,
  );
}

function isAgreed(purposes) {
  if (!process.stdin.isTTY || process.env.CI === "true") return false;
  process.stderr.write(`parley: run \`${setup} ${purposes.join(" ")}\` now? [y/N] `);
  const answer = Buffer.alloc(100);
  const length = readSync(0, answer);
  return /^y/i.test(answer.toString("utf8", 0, length));
}
