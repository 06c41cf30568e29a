// What a start that fails says: one line for each reason, and an exit code.
import { ConfigError } from "../kernel/config.ts";
import type { Log } from "../kernel/log.ts";
import { explainFile, StartRefusal } from "../kernel/start-refusal.ts";

/** Several reasons at once; each gets its line. */
export class StartRefusals extends Error {
  override readonly name = "StartRefusals";
  readonly reasons: readonly unknown[];
  constructor(reasons: readonly unknown[]) {
    super("the server cannot start");
    this.reasons = reasons;
  }
}

/** Waits for all; throws what failed, together where it is more than one. */
export async function allOrRefusals<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === "fulfilled" && second.status === "fulfilled") {
    return [first.value, second.value];
  }
  const reasons = [first, second].flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  throw reasons.length === 1 ? reasons[0] : new StartRefusals(reasons);
}

/** Lines for people and the exit code: 2 where the settings are wrong, 1 for anything else. `what` begins what has no words of its own. */
function explainStart(reason: unknown, what: string): { lines: readonly string[]; code: 1 | 2 } {
  if (reason instanceof StartRefusals) {
    const each = reason.reasons.map((one) => explainStart(one, what));
    return {
      lines: [...new Set(each.flatMap(({ lines }) => lines))],
      code: each.every(({ code }) => code === 2) ? 2 : 1,
    };
  }
  if (reason instanceof ConfigError) return { lines: reason.message.split("\n"), code: 2 };
  if (reason instanceof StartRefusal) return { lines: [oneLine(reason.message)], code: 1 };
  const file = explainFile(reason, "data_dir");
  if (file !== null) return { lines: [file], code: 1 };
  const text = reason instanceof Error ? reason.message : String(reason);
  return {
    lines: [`${what}: ${oneLine(text)}. With log.level debug the log says where`],
    code: 1,
  };
}

const oneLine = (text: string): string => text.trim().replace(/\s*\n\s*/g, " ");

/** Writes the lines; the log has the error itself at `debug`. */
export function refuseStart(
  reason: unknown,
  log: Log | null,
  what = "the server did not start",
): 1 | 2 {
  const { lines, code } = explainStart(reason, what);
  log?.debug({ err: reason }, what);
  log?.flush();
  for (const line of lines) process.stderr.write(`parley: ${line}\n`);
  return code;
}
