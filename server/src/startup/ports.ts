// Every port that the settings name, tried before anything is started: what is taken is said at once and together.
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer, isIPv6 } from "node:net";
import { availableParallelism } from "node:os";
import type { Clock } from "../kernel/clock.ts";
import { type Config, ConfigError } from "../kernel/config.ts";
import type { Log } from "../kernel/log.ts";
import { StartRefusal } from "../kernel/start-refusal.ts";
import { StartRefusals } from "./refusal.ts";

interface Wanted {
  readonly setting: "http" | "media";
  readonly transport: "TCP" | "UDP";
  readonly host: string;
  readonly port: number;
  /** Further words for whom the port is. */
  readonly whom: string;
}

// The workers of a server that was killed hold theirs until they have noticed.
const let_go_ms = 1_500;
const retry_ms = 50;
const port_max = 65_535;

/** Errors: ConfigError or StartRefusal, one for each port that cannot be had. Warns of those that the system may give away. */
export async function checkPorts(
  config: Pick<Config, "http" | "media">,
  ports: { clock: Clock; log: Log; outgoing?: () => Range | null },
): Promise<void> {
  const wanted = wantedPorts(config);
  checkTogether(config, wanted);
  const deadline = ports.clock.monotonic_ms() + let_go_ms;
  let left = wanted;
  let refusals: Error[] = [];
  for (;;) {
    const results = await Promise.all(
      left.map(async (one) => ({ one, reason: await attempt(one) })),
    );
    const failed = results.filter(({ reason }) => reason !== null);
    refusals = failed.map(({ one, reason }) => explainPort(one, reason));
    left = failed.map(({ one }) => one);
    const may_pass = failed.some(({ reason }) => codeOf(reason) === "EADDRINUSE");
    if (!may_pass || ports.clock.monotonic_ms() > deadline) break;
    await ports.clock.sleep(retry_ms);
  }
  if (refusals.length > 0) throw new StartRefusals(refusals);
  warnOfOutgoing(wanted, (ports.outgoing ?? outgoingRange)(), ports.log);
}

/** The sentence for a port that could not be opened after all. */
export function explainListening(
  config: Pick<Config, "http">,
  reason: unknown,
): StartRefusal | ConfigError | null {
  const { host, port } = config.http;
  if (codeOf(reason) === null) return null;
  return explainPort({ setting: "http", transport: "TCP", host, port, whom: "" }, reason);
}

function wantedPorts({ http, media }: Pick<Config, "http" | "media">): Wanted[] {
  const count = media.worker_count === 0 ? availableParallelism() : media.worker_count;
  const workers = media.port === 0 ? 1 : count;
  return [
    { setting: "http", transport: "TCP", host: http.host, port: http.port, whom: "" },
    ...Array.from({ length: workers }, (_, index) =>
      (["UDP", "TCP"] as const).map(
        (transport): Wanted => ({
          setting: "media",
          transport,
          host: media.host,
          port: media.port === 0 ? 0 : media.port + index,
          whom: workers > 1 ? ` (media worker ${index + 1} of ${workers})` : "",
        }),
      ),
    ).flat(),
  ];
}

function checkTogether({ http, media }: Pick<Config, "http" | "media">, wanted: Wanted[]): void {
  const last = Math.max(...wanted.map(({ port }) => port));
  if (last > port_max) {
    throw new ConfigError(
      `media.port: ${media.port} leaves too few ports for the media workers: each takes one, the last would be ${last}. Set media.port lower, or media.worker_count`,
    );
  }
  const meets = wanted.find(
    ({ setting, transport, port }) =>
      setting === "media" && transport === "TCP" && port !== 0 && port === http.port,
  );
  if (meets) {
    throw new ConfigError(
      `http.port and media.port: both would use TCP port ${http.port}${meets.whom}. Set one of them to another number`,
    );
  }
}

function attempt({ transport, host, port }: Wanted): Promise<unknown> {
  return new Promise((resolve) => {
    if (transport === "UDP") {
      const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4" });
      socket.once("error", (reason) => {
        socket.close();
        resolve(reason);
      });
      socket.bind({ address: host, port, exclusive: true }, () =>
        socket.close(() => resolve(null)),
      );
      return;
    }
    const server = createServer();
    server.once("error", resolve);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

const codeOf = (reason: unknown): string | null =>
  reason instanceof Error && typeof (reason as NodeJS.ErrnoException).code === "string"
    ? ((reason as NodeJS.ErrnoException).code ?? null)
    : null;

function explainPort(wanted: Wanted, reason: unknown): StartRefusal | ConfigError {
  const { setting, transport, host, port, whom } = wanted;
  const code = codeOf(reason);
  switch (code) {
    case "EADDRINUSE":
      return new StartRefusal(
        `${setting}.port: ${transport} port ${port} of ${host} is taken by another program${whom}. End that program (\`ss -lpn sport = :${port}\` names it), or choose another port with ${setting}.port`,
      );
    case "EACCES":
    case "EPERM":
      return new StartRefusal(
        `${setting}.port: user ${process.getuid?.() ?? "?"} may not open ${transport} port ${port}${whom}. Choose one above 1023 with ${setting}.port, or let the program have it (AmbientCapabilities=CAP_NET_BIND_SERVICE in a unit)`,
      );
    case "EADDRNOTAVAIL":
      return new ConfigError(
        `${setting}.host: ${host} is no address of this machine. Set ${setting}.host to one of its own, or to 0.0.0.0 for all`,
      );
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new ConfigError(
        `${setting}.host: the name ${host} cannot be resolved (${code}). Set ${setting}.host to an address of this machine`,
      );
    case "EAFNOSUPPORT":
    case "EINVAL":
      return new ConfigError(
        `${setting}.host: this machine cannot use the address ${host} (${code}). Set ${setting}.host to another one`,
      );
    default:
      return new StartRefusal(
        `${setting}.port: ${transport} port ${port} of ${host} cannot be opened${whom}: ${reason instanceof Error ? reason.message : String(reason)}. Choose another one with ${setting}.port or ${setting}.host`,
      );
  }
}

/** First and last port that the system gives to outgoing connections. */
type Range = readonly [first: number, last: number];

function outgoingRange(): Range | null {
  try {
    const text = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
    const [first, last] = text.trim().split(/\s+/).map(Number);
    return first !== undefined && last !== undefined ? [first, last] : null;
  } catch (reason) {
    // Other systems say it elsewhere; the warning is all that is lost.
    if (codeOf(reason) !== null) return null;
    throw reason;
  }
}

function warnOfOutgoing(wanted: readonly Wanted[], range: Range | null, log: Log): void {
  if (range === null) return;
  const [first, last] = range;
  for (const setting of ["http", "media"] as const) {
    const inside = wanted.find(
      (one) => one.setting === setting && one.port >= first && one.port <= last,
    );
    if (!inside) continue;
    log.warn(
      { setting: `${setting}.port`, port: inside.port, outgoing_first: first, outgoing_last: last },
      `${setting}.port lies where the system takes ports for outgoing connections: now and then a start will find it taken; choose one outside`,
    );
  }
}
