// What the launcher tells, and how it gives up.

/** Writes a line for people to standard error. */
export function say(text) {
  process.stderr.write(`parley: ${text}\n`);
}

/** A reason not to go on that is not a fault of ours; its message says what to do. */
export class Refusal extends Error {}
