// Passwords are hashed a few at a time, those who were here before first: each takes a core for 20 ms and 19 MiB.
import type { Clock } from "../../kernel/clock.ts";
import { type Problem, problems } from "../../kernel/problem.ts";
import { createHashThreads } from "./hash-threads.ts";

/** For whom something is hashed. */
export interface HashFor {
  /** Where it comes from: an address, or a customer. */
  readonly source: string;
  /** The user name, where there is one. */
  readonly name: string | null;
  /** Whether this source has logged in with this name before: it has places of its own, and goes first. */
  readonly is_known: boolean;
}

/** The queue. */
export interface Hashing {
  /** Derives the line that is stored for a password, when it is its turn. Errors: RATE_LIMIT_EXCEEDED where too many wait, or it waits for too long. */
  derive(given: HashFor, password: string, recipe: string): Promise<string>;
}

/** Bounds of the queue (`limits.*`). */
export interface HashLimits {
  /** That are hashed at once. */
  readonly password_checks_max: number;
  /** That wait, of sources that are not known; and as many of those that are. */
  readonly password_checks_waiting_max: number;
  /** That wait, of one source and of one user name. */
  readonly password_checks_waiting_per_address_max: number;
  readonly password_checks_waiting_per_username_max: number;
  /** Milliseconds that one waits, at most. */
  readonly password_checks_wait_ms: number;
}

interface Waiting extends HashFor {
  readonly begin: () => void;
}

/** Seconds after which a refused one may find a place. */
const retry_after_s = 2;

/** Makes it. */
export function createHashing(clock: Pick<Clock, "after">, limits: HashLimits): Hashing {
  const threads = createHashThreads();
  const lanes: { known: Waiting[]; others: Waiting[] } = { known: [], others: [] };
  let running = 0;

  const next = (): void => {
    if (running >= limits.password_checks_max) return;
    const first = lanes.known.shift() ?? lanes.others.shift();
    if (!first) return;
    running += 1;
    first.begin();
  };

  const tooMany = (limited_by: string): Problem =>
    problems.RATE_LIMIT_EXCEEDED({
      message: "too many passwords are being checked",
      retry_after_s,
      details: [{ limited_by }],
    });

  return {
    async derive(given, password, recipe) {
      const lane = given.is_known ? lanes.known : lanes.others;
      const count = (fits: (one: Waiting) => boolean): number => lane.filter(fits).length;
      const {
        password_checks_waiting_per_address_max: address_max,
        password_checks_waiting_per_username_max: name_max,
      } = limits;
      if (count(({ source }) => source === given.source) >= address_max) throw tooMany("ip");
      const { name } = given;
      if (name !== null && count((one) => one.name === name) >= name_max) {
        throw tooMany("username");
      }
      if (lane.length >= limits.password_checks_waiting_max) throw tooMany("server");
      await new Promise<void>((begin, reject) => {
        const one: Waiting = {
          ...given,
          begin() {
            late.cancel();
            begin();
          },
        };
        // Whoever asked has their own patience, and so has every proxy in between.
        const late = clock.after(limits.password_checks_wait_ms, () => {
          lane.splice(lane.indexOf(one), 1);
          reject(tooMany("server"));
        });
        lane.push(one);
        next();
      });
      try {
        return await threads.derive(password, recipe);
      } finally {
        running -= 1;
        next();
      }
    },
  };
}
