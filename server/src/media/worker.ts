// One worker and its successors: the same ports, the same certificate, the same rooms.
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { joinAddress } from "./candidates.ts";
import { type Channel, openChannel, WorkerGone } from "./channel.ts";
import { createHeld, type Held } from "./held.ts";
import {
  lived_ms,
  missed_heartbeats_max,
  restart_delay_ms,
  restart_delay_ms_max,
  shutdown_timeout_ms,
  start_timeout_ms,
  successor_timeout_ms,
} from "./limits.ts";
import { mediaProblems } from "./problems.ts";
import type { SpawnWorker } from "./process.ts";
import type {
  Capabilities,
  Configure,
  Configured,
  EndpointId,
  Event,
  Reply,
  Request,
} from "./wire.ts";

/** What a worker's life tells the supervisor. */
export interface WorkerListener {
  event(event: Event): void;
  died(reason: string): void;
  /** A successor stands; these endpoints could not be taken over. */
  restored(lost: readonly EndpointId[]): void;
}

/** One place in the row of workers; who sits in it changes when one dies. */
export interface Worker {
  readonly index: number;
  readonly held: Held;
  state(): "starting" | "up" | "down";
  pid(): number | null;
  deaths(): number;
  /** Facts of the running worker; null before the first start. */
  configured(): Configured | null;
  capabilities(): Capabilities | null;
  /** Resolves when it is up. Errors: MEDIA_UNAVAILABLE. */
  start(): Promise<void>;
  /** Asks, across a death where need be: every request is harmless twice. Errors: WorkerRefusal, MEDIA_UNAVAILABLE. */
  request(request: Request): Promise<Reply>;
  /** Looks for a sign of life; to be called each `heartbeat_interval_ms`. */
  look(): void;
  close(): Promise<void>;
}

/** Makes a place for a worker; nothing runs before `start`. */
export function createWorker(
  ports: { clock: Clock; log: Log; spawn: SpawnWorker },
  given: Pick<Configure, "limits" | "confinement"> & {
    index: number;
    host: string;
    port: number;
  },
  listener: WorkerListener,
): Worker {
  const { clock, spawn } = ports;
  const log = ports.log.child({ worker: given.index });
  const held = createHeld();
  let channel: Channel | null = null;
  let pid: number | null = null;
  let configured: Configured | null = null;
  let capabilities: Capabilities | null = null;
  let state: "starting" | "up" | "down" = "down";
  let deaths = 0;
  let young_deaths = 0;
  let missed = 0;
  let is_closing = false;
  let up = Promise.withResolvers<void>();

  const openOne = async (): Promise<void> => {
    state = "starting";
    missed = 0;
    const born_ms = clock.monotonic_ms();
    const process = spawn(given.index);
    const line = openChannel({ process, clock, log, onEvent: (event) => take(event) });
    channel = line;
    pid = process.pid;
    void line.ended.then((reason) => lose(line, reason, clock.monotonic_ms() - born_ms));
    const hello = await line.hello;
    capabilities = hello.capabilities;
    const address = joinAddress(given.host, given.port);
    const reply = await line.request(
      {
        type: "configure",
        // The first one may have been given any port; its successors must have the same.
        udp: configured?.udp ?? address,
        tcp: configured ? configured.tcp : address,
        certificate: configured?.certificate ?? null,
        seed: null,
        limits: given.limits,
        confinement: given.confinement,
      },
      start_timeout_ms,
    );
    if (reply.type !== "configured") throw new WorkerGone(`it answered configure by ${reply.type}`);
    configured = reply;
    await takeOver(line);
    state = "up";
    up.resolve();
    log.info({ pid, udp: reply.udp, version: hello.worker_version }, "media worker is up");
  };

  const takeOver = async (line: Channel): Promise<void> => {
    const endpoints = held.restore();
    if (endpoints.length > 0) {
      const reply = await line.request({ type: "restore", endpoints }, start_timeout_ms);
      if (reply.type !== "restored") throw new WorkerGone(`it answered restore by ${reply.type}`);
      for (const endpoint of reply.lost) held.forget(endpoint);
      log.info(
        { resumed: reply.resumed.length, lost: reply.lost.length },
        "media worker took over",
      );
      listener.restored(reply.lost);
    }
    await Promise.all([...held.rooms].map((room) => line.request({ type: "room_open", room })));
  };

  const take = (event: Event): void => {
    if (event.type === "endpoint_ended") held.forget(event.endpoint);
    if (event.type === "room_failed") held.forgetRoom(event.room);
    if (event.type === "snapshot") for (const each of event.endpoints) held.snapshot(each);
    else if (event.type !== "heartbeat") listener.event(event);
  };

  // Called once for each channel, when its process is gone.
  const lose = (line: Channel, reason: string, age_ms: number): void => {
    if (channel !== line) return;
    channel = null;
    pid = null;
    if (state === "up") up = Promise.withResolvers();
    state = "down";
    if (is_closing) return;
    deaths += 1;
    young_deaths = age_ms < lived_ms ? young_deaths + 1 : 0;
    log.error({ reason, age_ms: Math.round(age_ms) }, "media worker died, starting its successor");
    listener.died(reason);
    const delay_ms =
      young_deaths <= 1
        ? 0
        : Math.min(restart_delay_ms * 2 ** (young_deaths - 2), restart_delay_ms_max);
    if (delay_ms === 0) void attempt();
    else clock.after(delay_ms, () => void attempt());
  };

  const attempt = async (): Promise<void> => {
    if (is_closing) return;
    try {
      await openOne();
    } catch (cause) {
      // The channel's end starts the next one; here only what it was is said.
      log.error({ err: cause }, "media worker did not come up");
      channel?.break(cause instanceof Error ? cause.message : "it did not come up");
    }
  };

  const untilUp = async (): Promise<Channel> => {
    if (state !== "up" || !channel) {
      const late = Promise.withResolvers<never>();
      const timer = clock.after(successor_timeout_ms, () =>
        late.reject(mediaProblems.MEDIA_UNAVAILABLE({ retry_after_s: 1 })),
      );
      await Promise.race([up.promise, late.promise]).finally(() => timer.cancel());
    }
    if (!channel) throw mediaProblems.MEDIA_UNAVAILABLE({ retry_after_s: 1 });
    return channel;
  };

  return {
    index: given.index,
    held,
    state: () => state,
    pid: () => pid,
    deaths: () => deaths,
    configured: () => configured,
    capabilities: () => capabilities,
    async start() {
      try {
        await openOne();
      } catch (cause) {
        channel?.break("it did not come up");
        throw mediaProblems.MEDIA_UNAVAILABLE({
          message: `media worker ${given.index} did not start: ${cause instanceof Error ? cause.message : "unknown"}`,
          cause,
        });
      }
    },
    async request(request) {
      for (let attempts_left = 2; ; attempts_left -= 1) {
        const line = await untilUp();
        try {
          return await line.request(request);
        } catch (cause) {
          if (!(cause instanceof WorkerGone)) throw cause;
          if (attempts_left === 0 || is_closing) {
            throw mediaProblems.MEDIA_UNAVAILABLE({ retry_after_s: 1, cause });
          }
          // Its end is on its way; asking before it arrived would meet the same broken line.
          await line.ended;
        }
      }
    },
    look() {
      if (state !== "up" || !channel) return;
      missed = channel.heard() ? 0 : missed + 1;
      // The count is of looks, not of time: when our own loop stalled, looks stalled with it.
      if (missed > missed_heartbeats_max) channel.break("no heartbeat: it hangs");
    },
    async close() {
      is_closing = true;
      const line = channel;
      if (!line) return;
      if (state === "up") {
        await line.request({ type: "shutdown" }, shutdown_timeout_ms).catch((cause: unknown) => {
          log.debug({ err: cause }, "media worker ended before it answered");
        });
        const late = clock.after(shutdown_timeout_ms, () => line.break("it did not end"));
        await line.ended;
        late.cancel();
      } else {
        line.break("the server stops");
        await line.ended;
      }
    },
  };
}
