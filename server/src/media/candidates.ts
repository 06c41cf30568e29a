// Addresses under which a worker is reached, as ICE host candidates.
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import type { MediaCandidate } from "./port.ts";
import type { Configured } from "./wire.ts";

/** Addresses of this machine, as the system lists them. */
export type ListAddresses = () => readonly { address: string; is_loopback: boolean }[];

/** The machine's own addresses; those that need a zone (fe80::) cannot stand in SDP. */
export const listAddresses: ListAddresses = () =>
  Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? [])
      .filter(({ address }) => !address.toLowerCase().startsWith("fe80"))
      .map(({ address, internal }) => ({ address, is_loopback: internal })),
  );

/** Splits `127.0.0.1:4000` or `[::1]:4000`. */
export function splitAddress(text: string): { address: string; port: number } {
  const at = text.lastIndexOf(":");
  return { address: text.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(text.slice(at + 1)) };
}

/** Joins an address and a port as the worker reads them. */
export const joinAddress = (address: string, port: number): string =>
  isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;

// Type preferences of RFC 8445 section 5.1.2.2; TCP stays below UDP (RFC 6544 section 4.2).
const udp_preference = 126;
const tcp_preference = 90;
// RFC 6544 section 4.2: direction preference of passive host candidates.
const tcp_passive = 4;

/** Candidates of a worker, best first: UDP, then passive TCP. Those of `announced`, else this machine's own, loopback last. */
export function makeCandidates(
  configured: Pick<Configured, "udp" | "tcp">,
  announced: readonly string[],
  list: ListAddresses = listAddresses,
): MediaCandidate[] {
  const udp = splitAddress(configured.udp);
  const addresses = announced.length === 0 ? reachable(udp.address, list) : announced;
  const candidates = addresses.map((address, position): MediaCandidate => {
    const local_preference = 65_535 - position;
    return {
      transport: "udp",
      address,
      port: udp.port,
      priority: udp_preference * 2 ** 24 + local_preference * 2 ** 8 + 255,
      foundation: `${position + 1}`,
    };
  });
  if (configured.tcp === null) return candidates;
  const { port } = splitAddress(configured.tcp);
  const passive = addresses.map((address, position): MediaCandidate => {
    const local_preference = tcp_passive * 2 ** 13 + (8_191 - position);
    return {
      transport: "tcp",
      address,
      port,
      priority: tcp_preference * 2 ** 24 + local_preference * 2 ** 8 + 255,
      foundation: `${addresses.length + position + 1}`,
    };
  });
  return [...candidates, ...passive];
}

function reachable(bound: string, list: ListAddresses): string[] {
  if (bound !== "0.0.0.0" && bound !== "::") return [bound];
  const all = list().filter(({ address }) => bound === "::" || !isIPv6(address));
  const outside = all.filter(({ is_loopback }) => !is_loopback);
  const loopback = all.filter(({ is_loopback }) => is_loopback);
  return [...outside, ...loopback].map(({ address }) => address);
}
