// JSON log lines on standard error. Tokens never reach them; personal data only where the operator asked for it.
import { inspect } from "node:util";
import { type DestinationStream, type Logger, pino } from "pino";

/** Where a part writes what happened: constant message, facts in fields. */
export type Log = Logger;

/** Personal data in a log line: prints `***` unless `log.personal` is set. Put it in a field of its own. */
export class Pii {
  readonly #value: unknown;
  constructor(value: unknown) {
    this.#value = value;
  }
  /** The value itself. */
  reveal(): unknown {
    return this.#value;
  }
  toString(): string {
    return "***";
  }
  toJSON(): string {
    return "***";
  }
  [inspect.custom](): string {
    return "***";
  }
}

// A credential in a URL, in any line: pino's own redaction sees fields, not inside a text.
const credential = /\b(token|accesskey|password|resume_key)=[^&\s"'\\#]+/gi;
// A compact JWT or an access key of ours, wherever it stands.
const bare = /\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*|\bvb_[\w-]{16,}/g;

/** The text with every credential struck out. */
export const strikeCredentials = (text: string): string =>
  text.replace(credential, "$1=***").replace(bare, "***");

/** Makes the log. Lines go to standard error, or to `destination`. */
export function createLog(
  settings: { level: string; personal?: boolean },
  destination: DestinationStream = batched(),
): Log {
  const shown = (value: unknown): unknown => (value instanceof Pii ? value.reveal() : value);
  return pino(
    {
      level: settings.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        // Personal data hides itself; only to show it must every field be looked at.
        ...(settings.personal
          ? {
              log: (fields: Record<string, unknown>) =>
                Object.fromEntries(
                  Object.entries(fields).map(([key, value]) => [key, shown(value)]),
                ),
            }
          : {}),
      },
      serializers: { err: (thrown: unknown) => showError(thrown, 0) },
      hooks: { streamWrite: strikeCredentials },
    },
    destination,
  );
}

const batch_bytes = 8 * 1024;
const batch_ms = 100;

// A write for each line costs more than the line. What is fatal, and the end of the process, write at once.
function batched(): DestinationStream {
  const lines = pino.destination({ dest: 2, sync: false, minLength: batch_bytes });
  setInterval(() => lines.flush(), batch_ms).unref();
  return lines;
}

const causes_max = 5;

// Not every field that a library hangs on an error: those of a database driver hold its whole connection, keys included.
function showError(thrown: unknown, depth: number): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const { name, message, stack, cause } = thrown;
  const { code, reason } = thrown as { code?: unknown; reason?: unknown };
  return {
    type: name,
    message,
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(typeof reason === "string" ? { reason } : {}),
    stack,
    ...(cause === undefined || depth >= causes_max ? {} : { cause: showError(cause, depth + 1) }),
  };
}

/** A log that says nothing; for tests that look elsewhere. */
export const silentLog = (): Log => pino({ level: "silent" });
