// Why a start cannot succeed although nothing of ours is broken: the machine, the settings or the database are not as they must be.

/** A reason not to start. The message is one line for people: what, why, and what to do. Ends the process with 1. */
export class StartRefusal extends Error {
  override readonly name = "StartRefusal";
}

/** The sentence for a failed use of a file or folder, null where the error is not one of the file system. `setting` says where another one is chosen. */
export function explainFile(reason: unknown, setting: string): string | null {
  if (!(reason instanceof Error)) return null;
  const { code, path, syscall } = reason as NodeJS.ErrnoException;
  const what = path ?? "a file";
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return `${what} cannot be written: the disk is full. Free some space, or choose another folder with ${setting}`;
    case "EROFS":
      return `${what} cannot be written: its file system is read-only. Mount it for writing, or choose another folder with ${setting}`;
    case "EACCES":
    case "EPERM":
      return `${what} cannot be used: user ${process.getuid?.() ?? "?"} may not ${syscall ?? "use"} it. Give it to that user (chown), run as its owner, or choose another folder with ${setting}`;
    case "ENOTDIR":
    case "EEXIST":
      return `${what} is not a folder, but should be one. Choose another one with ${setting}`;
    case "EISDIR":
      return `${what} is a folder, but should be a file. Move it away, or choose another folder with ${setting}`;
    case "EMFILE":
    case "ENFILE":
      return `${what} cannot be opened: too many files are open. Raise the limit (ulimit -n, LimitNOFILE= in a unit)`;
    case "EIO":
      return `${what} cannot be used: the disk fails (EIO). Look at the system's log, or choose another folder with ${setting}`;
    case "ENAMETOOLONG":
    case "ELOOP":
      return `${what} is no usable path (${code}). Choose another folder with ${setting}`;
    default:
      return null;
  }
}

/** The sentence for what a program said when it did not start, null where it says nothing known. */
export function explainProgram(program: string, said: string, setting: string): string | null {
  const library = /error while loading shared libraries: (?<name>[^:\s]+)/.exec(said)?.groups?.[
    "name"
  ];
  if (library !== undefined) {
    return `${program} cannot be started: the shared library ${library} is missing. Install the system's package that has it (\`ldd ${program}\` names all that are missing)`;
  }
  const version = /version `(?<name>[\w.]+)' not found/.exec(said)?.groups?.["name"];
  if (version !== undefined) {
    return `${program} cannot be started: the system's C library is too old, ${version} is needed. Use a newer system`;
  }
  if (/No space left on device|Disk quota exceeded/i.test(said)) {
    return `${program} cannot write: the disk is full. Free some space, or choose another folder with ${setting}`;
  }
  if (/Read-only file system/i.test(said)) {
    return `${program} cannot write: the file system is read-only. Mount it for writing, or choose another folder with ${setting}`;
  }
  return null;
}
