// How long a credential shall be good for, under either of its names.
import { problems } from "./problem.ts";

/** Seconds that were asked for; undefined where nothing was said. Errors: INVALID_ARGUMENT where both names say different things. */
export function lifetimeOf(input: {
  readonly expires_in?: number;
  readonly expire?: number;
}): number | undefined {
  const { expires_in, expire } = input;
  if (expires_in !== undefined && expire !== undefined && expires_in !== expire) {
    throw problems.INVALID_ARGUMENT({
      message: "expire is another name of expires_in, and they differ",
      details: [{ field: "expire" }],
    });
  }
  return expires_in ?? expire;
}
