// Addresses that browsers are told instead of the machine's own. A name is resolved here, since browsers resolve none in
// a candidate, and again from time to time, since the public address behind a NAT may change.
import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { isIP, isIPv6 } from "node:net";
import type { Clock, Timer } from "../kernel/clock.ts";
import { type Config, ConfigError } from "../kernel/config.ts";
import { limits } from "../kernel/limits.ts";
import type { Log } from "../kernel/log.ts";

/** What `media.announced_address` stands for. */
export interface Announced {
  /** Addresses, best first; none: the machine's own are told. */
  addresses(): readonly string[];
  close(): void;
}

/** Every address of a name, as the system resolves it. */
export type Resolve = (name: string) => Promise<readonly Pick<LookupAddress, "address">[]>;

const resolveBySystem: Resolve = (name) => lookup(name, { all: true });

/**
 * Resolves the setting, and a name again each `announced_refresh_ms`: what it leads to then is told to whoever joins from there on.
 * Errors: ConfigError where the name leads nowhere at the start; later the last known addresses stay.
 */
export async function createAnnounced(
  { media }: Pick<Config, "media">,
  { clock, log, resolve = resolveBySystem }: { clock: Clock; log: Log; resolve?: Resolve },
): Promise<Announced> {
  const name = media.announced_address;
  if (name === "") return fixed([]);
  if (isIP(name) !== 0) return fixed([name]);
  let known: readonly string[];
  try {
    known = usable(await resolve(name), media.host);
  } catch (reason) {
    const code = (reason as NodeJS.ErrnoException).code ?? String(reason);
    throw new ConfigError(
      `media.announced_address: the name ${name} cannot be resolved (${code}). Set it to the address under which browsers reach this machine`,
    );
  }
  if (known.length === 0) {
    throw new ConfigError(
      `media.announced_address: the name ${name} has no address of the kind of media.host (${media.host}), where the media workers receive. Give it one, set media.host to ::, or set media.announced_address to an address`,
    );
  }
  let is_failing = false;
  const refresh = async (): Promise<void> => {
    try {
      const fresh = usable(await resolve(name), media.host);
      if (fresh.length === 0) throw new Error("it has no usable address");
      if (fresh.toSorted().join() !== known.toSorted().join()) {
        log.info({ before: known, now: fresh }, "media.announced_address leads elsewhere now");
      }
      known = fresh;
      is_failing = false;
    } catch (err) {
      if (!is_failing) {
        log.warn({ err, known }, "media.announced_address: its name cannot be resolved any more");
      }
      is_failing = true;
    }
  };
  const timer: Timer = clock.every(limits.announced_refresh_ms, () => void refresh());
  return { addresses: () => known, close: () => timer.cancel() };
}

const fixed = (addresses: readonly string[]): Announced => ({
  addresses: () => addresses,
  close() {
    // Nothing runs.
  },
});

// Those under which the workers receive: `::` takes IPv4 as well. Addresses that need a zone (fe80::) cannot stand in SDP.
function usable(found: readonly { readonly address: string }[], host: string): readonly string[] {
  const fits = (address: string): boolean => host === "::" || isIPv6(address) === isIPv6(host);
  const all = found.map(({ address }) => address).filter((address) => !/^fe80/i.test(address));
  return [...new Set(all.filter(fits))].slice(0, limits.announced_addresses_max);
}
