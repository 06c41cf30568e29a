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
  if (error?.code === "ENOENT") {
    throw new Refusal(`sh is missing, which ${setup} needs: put the folder of the shell on PATH`);
  }
  if (error) throw error;
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [program, why] = line.split("\t");
      return { program, why };
    });
}

/** Installs what is missing, as root or after a yes at the terminal. False when that is not allowed; what is missing afterwards tells how far it came. */
export function setUpSystem(purposes, is_allowed) {
  if (!is_allowed || !(process.getuid?.() === 0 || isAgreed(purposes))) return false;
  spawnSync("sh", [setup, ...purposes], { stdio: ["ignore", 2, 2] });
  return true;
}

/** Goes on only when nothing is missing for these purposes; refuses with a line for each program that is. */
export function requirePrograms(purposes, is_allowed) {
  if (missingPrograms(purposes).length === 0) return;
  const is_tried = setUpSystem(purposes, is_allowed);
  const cure = is_tried
    ? `${setup} could not install it, the reason is above; install it by hand`
    : `Install it with \`${setup} ${purposes.join(" ")}\``;
  const lines = missingPrograms(purposes).map(
    ({ program, why }) =>
      `${program} is missing: ${why}. ${cure}, or name a built worker by PARLEY_MEDIA_WORKER_BIN`,
  );
  if (lines.length > 0) throw new Refusal(lines.join("\n"));
}

function isAgreed(purposes) {
  if (!process.stdin.isTTY || process.env.CI === "true") return false;
  process.stderr.write(`parley: run \`${setup} ${purposes.join(" ")}\` now? [y/N] `);
  const answer = Buffer.alloc(100);
  const length = readSync(0, answer);
  return /^y/i.test(answer.toString("utf8", 0, length));
}
