// What the launcher tells, and how it gives up.

/** Writes a line for people to standard error. */
export function say(text) {
  process.stderr.write(`parley: ${text}\n`);
}

/** A reason not to go on that is not a fault of ours; its message says what to do. */
export class Refusal extends Error {}

/** The sentence for a file that the launcher could not use, null where the error is not one of the file system. */
export function explainFile(reason) {
  const what = reason?.path ?? reason?.dest ?? "a file";
  switch (reason?.code) {
    case "ENOSPC":
    case "EDQUOT":
      return `${what} cannot be written: the disk is full. Free some space`;
    case "EROFS":
      return `${what} cannot be written: the folder is read-only. Run \`npm run build\` once where it can be written, or start the server itself as docs/guide/operations.md says`;
    case "EACCES":
    case "EPERM":
      return `${what} cannot be used: user ${process.getuid?.() ?? "?"} may not. Run \`npm run build\` once as the owner of the folder, or give that user the right to`;
    case "EMFILE":
    case "ENFILE":
      return `${what} cannot be opened: too many files are open. Raise the limit (ulimit -n)`;
    default:
      return null;
  }
}
