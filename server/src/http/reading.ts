// Lists are read from the database as many at a time as memory has room for, each at its largest until its size is known: what waits for its reader is counted in outgoing.ts.
import type { Clock } from "../kernel/clock.ts";
import { limits } from "../kernel/limits.ts";
import { problems } from "../kernel/problem.ts";

/** How many bytes may be reserved (`limits.*`). */
export interface ReadingLimits {
  readonly http_reading_bytes_max: number;
  readonly http_reading_bytes_per_customer_max: number;
}

/** See each. */
export interface Reading {
  /**
   * Reserves {@link limits.list_bytes_max} for one list of a customer, when it is its turn; the result gives them back, once.
   * Errors: RATE_LIMIT_EXCEEDED where too many of this customer wait, or it takes longer than {@link limits.read_wait_ms}.
   */
  begin(customer: string): Promise<() => void>;
}

interface Waiting {
  readonly customer: string;
  readonly start: () => void;
}

/** Makes it. One list is read however small the bounds are. */
export function createReading(ports: {
  readonly clock: Clock;
  readonly limits: ReadingLimits;
}): Reading {
  const places = (bytes: number): number => Math.max(1, Math.floor(bytes / limits.list_bytes_max));
  const places_max = places(ports.limits.http_reading_bytes_max);
  const of_customer_max = places(ports.limits.http_reading_bytes_per_customer_max);
  const taken = new Map<string, number>();
  let total = 0;
  const waiting: Waiting[] = [];

  const isFree = (customer: string): boolean =>
    total < places_max && (taken.get(customer) ?? 0) < of_customer_max;
  const add = (customer: string, by: 1 | -1): void => {
    total += by;
    const now = (taken.get(customer) ?? 0) + by;
    if (now > 0) taken.set(customer, now);
    else taken.delete(customer);
  };
  const take = (customer: string): (() => void) => {
    add(customer, 1);
    let is_taken = true;
    return () => {
      if (!is_taken) return;
      is_taken = false;
      add(customer, -1);
      next();
    };
  };
  // The oldest whose customer has a place left: who asks for many waits for their own, others do not.
  const next = (): void => {
    while (total < places_max) {
      const at = waiting.findIndex(({ customer }) => isFree(customer));
      if (at < 0) return;
      waiting.splice(at, 1)[0]?.start();
    }
  };
  const refuse = (customer: string) =>
    problems.RATE_LIMIT_EXCEEDED({
      message: "too many lists are being read",
      retry_after_s: 1,
      details: [
        { limited_by: (taken.get(customer) ?? 0) >= of_customer_max ? "customer" : "server" },
      ],
    });

  return {
    async begin(customer) {
      if (isFree(customer)) return take(customer);
      if (waiting.filter((one) => one.customer === customer).length >= limits.reads_waiting_max) {
        throw refuse(customer);
      }
      return await new Promise<() => void>((resolve, reject) => {
        const one: Waiting = {
          customer,
          start() {
            late.cancel();
            resolve(take(customer));
          },
        };
        const late = ports.clock.after(limits.read_wait_ms, () => {
          waiting.splice(waiting.indexOf(one), 1);
          reject(refuse(customer));
        });
        waiting.push(one);
      });
    },
  };
}
