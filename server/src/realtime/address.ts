// Whose connection it is: the address itself, or what trusted proxies say of it. Pure.
import type { IncomingMessage } from "node:http";
import { plainAddress, readNetworks } from "../kernel/address.ts";

// The names that the HTTP side knows, too.
const named: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.1/8", "::1/128"],
  linklocal: ["169.254.0.0/16", "fe80::/10"],
  uniquelocal: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
};

/** Makes the reader. From the right, each hop counts as long as the one that named it is trusted. */
export function createAddressOf(trusted: readonly string[]): (request: IncomingMessage) => string {
  const known = readNetworks(trusted.flatMap((name) => named[name] ?? [name]));
  return (request) => {
    let address = plainAddress(request.socket.remoteAddress ?? "");
    const forwarded = String(request.headers["x-forwarded-for"] ?? "");
    const hops = forwarded.split(",").map((hop) => plainAddress(hop.trim()));
    while (known.has(address)) {
      const hop = hops.pop();
      if (!hop) break;
      address = hop;
    }
    return address;
  };
}
