// Which room ends its worker. A death blames the rooms that can have caused it; rooms that are to blame again and
// again are set up apart on the successor, so that the next death narrows it down to one (decision 0011).
import { probation_ms_first, probation_ms_max } from "./limits.ts";
import type { RoomId } from "./wire.ts";

/** The deaths of one worker's processes and who was there. */
export interface Suspects {
  /** A process died and one of these rooms may be why. The result is the room that is closed for it, mostly none. */
  died(blamed: readonly RoomId[], now_ms: number): RoomId | null;
  /** In which groups rooms are set up again: a group waits until the one before it has lived for {@link probation_ms}. */
  stages(rooms: readonly RoomId[], now_ms: number): RoomId[][];
  /** Milliseconds after which a group counts as harmless. Longer each time that a death came later than that. */
  probation_ms(): number;
  /** The room is gone. */
  forget(room: RoomId): void;
}

interface Death {
  readonly at_ms: number;
  readonly blamed: Set<RoomId>;
}

/** Makes it. A room that alone is to blame for the last of `deaths_max` deaths within `window_ms` is closed. */
export function createSuspects(given: { deaths_max: number; window_ms: number }): Suspects {
  let deaths: Death[] = [];
  let probation_ms = probation_ms_first;

  const expire = (now_ms: number): void => {
    deaths = deaths.filter(
      ({ at_ms, blamed }) => now_ms - at_ms < given.window_ms && blamed.size > 0,
    );
    if (deaths.length === 0) probation_ms = probation_ms_first;
  };
  const count = (room: RoomId): number => deaths.filter(({ blamed }) => blamed.has(room)).length;

  return {
    died(blamed, now_ms) {
      expire(now_ms);
      const before = deaths.at(-1);
      deaths.push({ at_ms: now_ms, blamed: new Set(blamed) });
      const [only] = blamed;
      if (only === undefined || Math.max(...blamed.map(count)) < given.deaths_max) return null;
      if (blamed.length > 1) {
        // Nothing was narrowed: it kills later than the groups were apart.
        const is_narrower = before === undefined || blamed.length < before.blamed.size;
        if (!is_narrower) probation_ms = Math.min(probation_ms * 4, probation_ms_max);
        return null;
      }
      // The deaths that it explains speak against nobody else.
      deaths = deaths.filter((death) => !death.blamed.has(only));
      probation_ms = probation_ms_first;
      return only;
    },
    stages(rooms, now_ms) {
      expire(now_ms);
      const counts = new Map(rooms.map((room) => [room, count(room)]));
      const most = Math.max(0, ...counts.values());
      if (most < 2 || rooms.length < 2) return [[...rooms]];
      const suspects = rooms.filter((room) => counts.get(room) === most);
      const half = suspects.slice(0, Math.ceil(suspects.length / 2));
      const first = new Set(half);
      const others = rooms.filter((room) => !first.has(room));
      return others.length === 0 ? [half] : [half, others];
    },
    probation_ms: () => probation_ms,
    forget(room) {
      for (const { blamed } of deaths) blamed.delete(room);
    },
  };
}
