// A browser's own network, made of namespaces, in which UDP can be taken away without a word, as some offices and hotels do.
//
//   server's machine ── veth ── router (drops, silently) ── veth ── browser
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const is_root = process.getuid?.() === 0;
const has_ip = spawnSync("ip", ["-V"]).status === 0;

/** Options for tests that make networks: skipped by name where that is not allowed, failed with CI=true. */
export const needs_network = {
  skip:
    process.env["CI"] === "true" || (is_root && has_ip)
      ? false
      : is_root
        ? "iproute2 is not installed: tools/setup-system installs it"
        : "networks can only be made by root",
} as const;

/** A network with one browser in it. */
export interface Network {
  /** Where the server must listen so that the browser can reach it. */
  readonly server_address: string;
  /** Makes an executable that runs `program` inside. */
  inside(program: string): string;
  /** From now on every UDP packet vanishes, both ways, and nobody is told. */
  dropUdp(): void;
  allowUdp(): void;
  /** Takes the namespaces and their links away. */
  close(): void;
}

const ip = (...words: string[]): void => {
  const { status, stderr, error } = spawnSync("ip", words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${words.join(" ")}: ${error?.message ?? stderr}`);
};

/** Makes the network. Its names and addresses come from the process id, so that two tests may have one each. */
export function makeNetwork(): Network {
  const number = process.pid % 16_384;
  const router = `parley-r${number}`;
  const room = `parley-b${number}`;
  const [outer, outer_peer] = [`pr${number}`, `ps${number}`];
  const [inner, inner_peer] = [`pb${number}`, `pc${number}`];
  // 198.18.0.0/15 is set aside for tests (RFC 2544): a network of eight addresses for each process id.
  const offset = number * 8;
  const address = (host: number): string =>
    `198.${18 + (offset >> 16)}.${(offset >> 8) & 255}.${(offset & 255) + host}`;
  const server_address = address(1);
  const folder = mkdtempSync(join(tmpdir(), "parley-network-"));
  const close = (): void => {
    // What is plugged into a namespace goes with it.
    for (const name of [room, router]) spawnSync("ip", ["netns", "del", name]);
    spawnSync("ip", ["link", "del", outer]);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    ip("netns", "add", router);
    ip("netns", "add", room);
    ip("link", "add", outer, "type", "veth", "peer", "name", outer_peer, "netns", router);
    ip(
      "-n",
      router,
      "link",
      "add",
      inner,
      "type",
      "veth",
      "peer",
      "name",
      inner_peer,
      "netns",
      room,
    );
    ip("addr", "add", `${server_address}/30`, "dev", outer);
    ip("-n", router, "addr", "add", `${address(2)}/30`, "dev", outer_peer);
    ip("-n", router, "addr", "add", `${address(5)}/30`, "dev", inner);
    ip("-n", room, "addr", "add", `${address(6)}/30`, "dev", inner_peer);
    for (const [name, link] of [
      [router, outer_peer],
      [router, inner],
      [room, inner_peer],
      [room, "lo"],
    ] as const) {
      ip("-n", name, "link", "set", link, "up");
    }
    ip("link", "set", outer, "up");
    ip("route", "add", `${address(4)}/30`, "via", address(2));
    ip("-n", room, "route", "add", "default", "via", address(5));
    ip("netns", "exec", router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
  } catch (error) {
    close();
    throw error;
  }
  return {
    server_address,
    inside(program) {
      const path = join(folder, "run");
      writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${room} '${program}' "$@"\n`, {
        mode: 0o755,
      });
      return path;
    },
    dropUdp: () => ip("-n", router, "rule", "add", "pref", "1", "ipproto", "udp", "blackhole"),
    allowUdp: () => ip("-n", router, "rule", "del", "pref", "1"),
    close,
  };
}
