// Passwords are hashed one at a time: each takes a thread of the process for 20 ms, and the others have work of their own.
import { problems } from "../../kernel/problem.ts";

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
  /** Does it when it is its turn. Errors: RATE_LIMIT_EXCEEDED where too many wait. */
  run<T>(given: HashFor, work: () => Promise<T>): Promise<T>;
}

/** Bounds of the queue. */
export const hash_limits = {
  /** That run at once. */
  running_max: 1,
  /** That wait, of sources that are not known; and of those that are. About a second's work each. */
  waiting_max: 64,
  known_waiting_max: 64,
  /** That wait, of one source and of one user name. */
  waiting_per_source_max: 16,
  waiting_per_name_max: 4,
} as const;

interface Waiting extends HashFor {
  readonly begin: () => void;
}

/** Makes it. */
export function createHashing(): Hashing {
  const lanes: { known: Waiting[]; others: Waiting[] } = { known: [], others: [] };
  let running = 0;

  const next = (): void => {
    if (running >= hash_limits.running_max) return;
    const first = lanes.known.shift() ?? lanes.others.shift();
    if (!first) return;
    running += 1;
    first.begin();
  };

  const refuse = (limited_by: string): never => {
    throw problems.RATE_LIMIT_EXCEEDED({
      message: "too many passwords are being checked",
      retry_after_s: 2,
      details: [{ limited_by }],
    });
  };

  return {
    async run(given, work) {
      const lane = given.is_known ? lanes.known : lanes.others;
      const max = given.is_known ? hash_limits.known_waiting_max : hash_limits.waiting_max;
      const count = (fits: (one: Waiting) => boolean): number => lane.filter(fits).length;
      if (count(({ source }) => source === given.source) >= hash_limits.waiting_per_source_max) {
        refuse("ip");
      }
      const { name } = given;
      if (name !== null && count((one) => one.name === name) >= hash_limits.waiting_per_name_max) {
        refuse("username");
      }
      if (lane.length >= max) refuse("server");
      await new Promise<void>((begin) => {
        lane.push({ ...given, begin });
        next();
      });
      try {
        return await work();
      } finally {
        running -= 1;
        next();
      }
    },
  };
}
