// What the launcher tells, and how it gives up.

/** Writes for people to standard error, each line marked as ours. */
export function say(text) {
  process.stderr.write(`${text.replace(/^/gm, "parley: ")}\n`);
}

/** A reason not to go on that is not a fault of ours; its message says what to do, a line for each thing. */
export class Refusal extends Error {}

/** What a start that failed says: the reason in a line, and where asked (`log.level` debug) the stack. */
export function explain(reason, is_debug) {
  if (reason instanceof Refusal) return reason.message;
  const told = explainFile(reason);
  if (told !== null) return told;
  const { message, stack } = reason instanceof Error ? reason : new Error(String(reason));
  if (is_debug) return stack;
  return `the launcher failed: ${message.trim().replace(/\s*\n\s*/g, " ")}. PARLEY_LOG_LEVEL=debug shows where`;
}

/** The sentence for a file that the launcher could not use, null where the error is not one of the file system. */
function explainFile(reason) {
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
