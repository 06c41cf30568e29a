// What is made on the first start and kept in the data folder, so that a restart changes nothing for anybody.
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Text of a file that only we may read; made by `make` where it is not there yet. */
export function keptFile(data_dir: string, name: string, make: () => string): string {
  const path = join(data_dir, name);
  try {
    return readFileSync(path, "utf8");
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code !== "ENOENT") throw reason;
  }
  const text = make();
  mkdirSync(dirname(path), { recursive: true });
  // Moved into place, so that a start that is cut short leaves no half of a secret.
  const making = `${path}.new`;
  writeFileSync(making, text, { mode: 0o600 });
  chmodSync(making, 0o600);
  renameSync(making, path);
  return text;
}
