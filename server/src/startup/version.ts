// Which Parley this is: the version of the package, and the commit that it was made from.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");

/** `parley 1.2.3 (commit 0123456789ab)`. */
export function versionText(): string {
  return `parley ${version()} (commit ${commit().slice(0, 12)})`;
}

/** The package's version. */
export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(resolve(root, "package.json"), "utf8"));
  return (manifest as { version: string }).version;
}

/** The commit of the working tree; in a folder without one, the commit that `npm run build` noted; `unknown` where there is neither. */
export function commit(): string {
  return ofWorkingTree() ?? read(".cache/commit")?.trim() ?? "unknown";
}

function ofWorkingTree(): string | null {
  const pointer = /^gitdir: (?<folder>.+)$/m.exec(read(".git") ?? "")?.groups?.["folder"];
  const folder = pointer ?? ".git";
  const head = read(`${folder}/HEAD`)?.trim();
  if (head === undefined) return null;
  const ref = /^ref: (?<name>.+)$/.exec(head)?.groups?.["name"];
  if (ref === undefined) return head;
  // A working tree beside the first one keeps its branches there.
  const shared = resolve(root, folder, read(`${folder}/commondir`)?.trim() ?? ".");
  const packed = read(`${shared}/packed-refs`)
    ?.split("\n")
    .find((line) => line.endsWith(` ${ref}`));
  return read(`${shared}/${ref}`)?.trim() ?? packed?.split(" ")[0] ?? null;
}

function read(path: string): string | null {
  try {
    return readFileSync(resolve(root, path), "utf8");
  } catch (reason) {
    const { code } = reason as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "EISDIR" || code === "ENOTDIR" || code === "EACCES") {
      return null;
    }
    throw reason;
  }
}
