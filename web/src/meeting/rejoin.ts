// Coming back by itself: who slept or stalled for so long that the seat was given up joins again as the same person.
import {
  type Devices,
  type Ending,
  type JoinedConference,
  joinConference,
  Problem,
} from "@parley/client";
import type { MeetingAddress } from "./address.ts";
import { endingFor } from "./ending.ts";

/** Bounds of coming back. */
const rejoin_limits = {
  pause_ms: 500,
  pause_ms_max: 5_000,
  /** A place that is lost again within this time counts as one of `in_a_row_max`. */
  steady_ms: 30_000,
  in_a_row_max: 5,
};

/** Who was away for longer does not expect to be heard and seen at once. */
export const silent_after_ms = 5 * 60_000;

/** Whether to try once more by itself, given when that was done before (`performance.now()`). */
export function mayRejoin(before_ms: readonly number[], now_ms: number): boolean {
  const recent = before_ms.filter((at) => now_ms - at < rejoin_limits.steady_ms);
  return recent.length < rejoin_limits.in_a_row_max;
}

/** Joins again with what one had; tries until the server answers. Gives the new join, or why there can be none. */
export async function rejoin(given: {
  readonly address: MeetingAddress;
  readonly old: JoinedConference;
  readonly devices: Devices;
  readonly is_silent: boolean;
  readonly signal: AbortSignal;
}): Promise<JoinedConference | Ending> {
  const { old, devices, is_silent, signal } = given;
  const me = old.view.people.find(({ is_me }) => is_me);
  const name = me?.name ?? old.view.you?.name ?? "";
  const was_on = (kind: "microphone" | "camera"): boolean =>
    !is_silent && old.own[kind].state === "live";
  const wish = { microphone: was_on("microphone"), camera: was_on("camera") };
  let pause_ms = rejoin_limits.pause_ms;
  for (;;) {
    try {
      const joined = await joinConference({
        ...given.address,
        ...(name === "" ? {} : { name }),
        ...wish,
        devices,
        signal,
      });
      if (me?.hand && !is_silent) await joined.setHand(true);
      return joined;
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      if (!isWorthRepeating(thrown)) return endingFor(thrown);
    }
    await wait(pause_ms);
    signal.throwIfAborted();
    pause_ms = Math.min(pause_ms * 2, rejoin_limits.pause_ms_max);
  }
}

const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

function isWorthRepeating(thrown: unknown): boolean {
  if (!(thrown instanceof Problem)) return false;
  return thrown.reason === "SERVER_UNREACHABLE" || thrown.http === 429 || thrown.http >= 500;
}
