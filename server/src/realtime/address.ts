// Whose connection it is: the address itself, or what trusted proxies say of it. Pure.
import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

// The names that the HTTP side knows, too.
const named: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.1/8", "::1/128"],
  linklocal: ["169.254.0.0/16", "fe80::/10"],
  uniquelocal: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
};

const plain = (address: string): string =>
  /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;

/** Makes the reader. From the right, each hop counts as long as the one that named it is trusted. */
export function createAddressOf(trusted: readonly string[]): (request: IncomingMessage) => string {
  const known = new BlockList();
  for (const one of trusted.flatMap((name) => named[name] ?? [name])) {
    const [address = "", bits] = one.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) known.addAddress(address, family);
    else known.addSubnet(address, Number(bits), family);
  }
  const isTrusted = (address: string): boolean =>
    isIP(address) !== 0 && known.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  return (request) => {
    let address = plain(request.socket.remoteAddress ?? "");
    const forwarded = String(request.headers["x-forwarded-for"] ?? "");
    const hops = forwarded.split(",").map((hop) => plain(hop.trim()));
    while (isTrusted(address)) {
      const hop = hops.pop();
      if (!hop) break;
      address = hop;
    }
    return address;
  };
}
