// What addresses stand for. Pure.
import { BlockList, isIP } from "node:net";

/** An address as it is written elsewhere: an IPv4 one without the IPv6 around it (RFC 4291 section 2.5.5.2). */
export const plainAddress = (address: string): string =>
  /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;

/** Some addresses and networks. */
export interface Networks {
  /** Whether this address, however it is written, is one of them. */
  has(address: string): boolean;
}

/** Reads addresses and networks (`10.0.0.0/8`). Throws a sentence. */
export function readNetworks(given: readonly string[]): Networks {
  const list = new BlockList();
  for (const one of given) {
    const [address = "", prefix] = one.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    const bits = prefix === undefined ? (family === "ipv6" ? 128 : 32) : Number(prefix);
    if (isIP(address) === 0 || !Number.isInteger(bits)) {
      throw new Error(`${one} is neither an address nor a network`);
    }
    list.addSubnet(address, bits, family);
  }
  return {
    has(address) {
      const plain = plainAddress(address);
      const version = isIP(plain);
      return version !== 0 && list.check(plain, version === 6 ? "ipv6" : "ipv4");
    },
  };
}

/** Whom an address stands for: an IPv4 address itself, an IPv6 address its /64, which one customer of a network has. */
export function rateAddress(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  while (groups.length + rest.length < 8) groups.push("0");
  return [...groups, ...rest].slice(0, 4).join(":");
}
