// One worker and its successors: the same ports, the same certificate, the same rooms. Whatever keeps a successor from
// coming up (no descriptor, no port, a refusal, silence) is tried again for as long as the server lives.
import type { Clock, Timer } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { joinAddress } from "./candidates.ts";
import { type Channel, openChannel, WorkerGone, WorkerRefusal } from "./channel.ts";
import { createHeld, type Held } from "./held.ts";
import {
  abandon_timeout_ms,
  lived_ms,
  missed_heartbeats_max,
  restart_delay_ms,
  restart_delay_ms_max,
  shutdown_timeout_ms,
  start_timeout_ms,
  successor_timeout_ms,
} from "./limits.ts";
import { mediaProblems, WorkerStartFailure } from "./problems.ts";
import type { SpawnWorker, WorkerProcess } from "./process.ts";
import type { Suspects } from "./suspects.ts";
import type {
  Capabilities,
  Configure,
  Configured,
  EndpointId,
  Event,
  Reply,
  Request,
  RoomId,
} from "./wire.ts";

/** What a worker's life tells the supervisor. */
export interface WorkerListener {
  event(event: Event): void;
  died(reason: string): void;
  /** These endpoints could not be taken over; they are forgotten. */
  lost(endpoints: readonly EndpointId[]): void;
  /** This room ended its worker again and again. It is still held. */
  killed(room: RoomId): void;
}

/** One place in the row of workers; who sits in it changes when one dies. */
export interface Worker {
  readonly index: number;
  readonly held: Held;
  state(): "starting" | "up" | "down";
  pid(): number | null;
  deaths(): number;
  /** Why it is not up; null while it is. */
  failure(): string | null;
  /** Facts of the running worker; null before the first start. */
  configured(): Configured | null;
  capabilities(): Capabilities | null;
  /** Resolves when it is up. Only this first start is not tried again. Errors: {@link WorkerStartFailure}. */
  start(): Promise<void>;
  /** Asks, across a death where need be: every request is harmless twice. Errors: WorkerRefusal, MEDIA_UNAVAILABLE. */
  request(request: Request): Promise<Reply>;
  /** Looks for a sign of life; to be called each `heartbeat_interval_ms`. */
  look(): void;
  close(): Promise<void>;
}

/** Makes a place for a worker; nothing runs before `start`. */
export function createWorker(
  ports: { clock: Clock; log: Log; spawn: SpawnWorker; suspects: Suspects },
  given: Pick<Configure, "limits" | "confinement"> & {
    index: number;
    host: string;
    port: number;
  },
  listener: WorkerListener,
): Worker {
  const { clock, spawn, suspects } = ports;
  const log = ports.log.child({ worker: given.index });
  const held = createHeld();
  const address = joinAddress(given.host, given.port);
  let channel: Channel | null = null;
  let pid: number | null = null;
  let configured: Configured | null = null;
  let capabilities: Capabilities | null = null;
  let state: "starting" | "up" | "down" = "down";
  let failure: string | null = "not started";
  let deaths = 0;
  // Processes that did not live long, and tries that made none, since the last that did.
  let young_ends = 0;
  let missed = 0;
  let is_closing = false;
  let up = Promise.withResolvers<void>();
  let abandoning: Timer | null = null;
  let retrying: Timer | null = null;
  // What the process is being told to set up, for blame: rooms before the last group, and since when that one is there.
  let harmless = new Set<RoomId>();
  let group: { rooms: Set<RoomId>; since_ms: number } | null = null;

  // One process from its spawn until it is up. Throws when it does not come so far; then it is gone, or as good as.
  const openOne = async (): Promise<void> => {
    state = "starting";
    missed = 0;
    harmless = new Set();
    group = null;
    const born_ms = clock.monotonic_ms();
    const process = spawn(given.index);
    const line = openLine(process);
    channel = line;
    pid = process.pid;
    try {
      const hello = await line.hello;
      capabilities = hello.capabilities;
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
      if (reply.type !== "configured") {
        throw new Error(`it answered configure by ${reply.type}`);
      }
      configured = reply;
      await takeOver(line);
      if (is_closing) throw new WorkerGone("the server stops");
      state = "up";
      failure = null;
      abandoning?.cancel();
      abandoning = null;
      up.resolve();
      log.info({ pid, udp: reply.udp, version: hello.worker_version }, "media worker is up");
    } catch (cause) {
      line.break(textOf(cause));
      await line.ended;
      // What the server itself ended, for a refusal, speaks against no room.
      if (!(cause instanceof WorkerGone)) group = null;
      gone(born_ms, textOf(cause), process.pid !== 0);
      throw cause;
    }
    void line.ended.then((reason) => {
      // Whoever asks from here on waits for the successor.
      up = Promise.withResolvers();
      gone(born_ms, reason, true);
      if (!is_closing) retry();
    });
  };

  const openLine = (process: WorkerProcess): Channel => {
    try {
      return openChannel({ process, clock, log, onEvent: (event) => take(event) });
    } catch (cause) {
      process.kill();
      throw cause;
    }
  };

  // Room by room: what a worker was not asked for yet cannot have ended it, and its snapshots stay ours.
  const takeOver = async (line: Channel): Promise<void> => {
    const told = new Set<RoomId>();
    const told_endpoints = new Set<EndpointId>();
    const stages = suspects.stages([...held.rooms], clock.monotonic_ms());
    for (const [position, rooms] of stages.entries()) {
      group = { rooms: new Set(), since_ms: clock.monotonic_ms() };
      for (const room of rooms) {
        if (!held.rooms.has(room)) continue;
        group.rooms.add(room);
        told.add(room);
        for (const id of await restore(line, room)) told_endpoints.add(id);
      }
      group.since_ms = clock.monotonic_ms();
      if (position === stages.length - 1) break;
      const waited = clock.sleep(suspects.probation_ms()).then(() => null);
      const reason = await Promise.race([waited, line.ended]);
      if (reason !== null) throw new WorkerGone(reason);
      for (const room of rooms) harmless.add(room);
    }
    // What was closed meanwhile, when nobody could tell it yet.
    for (const room of told) {
      if (!held.rooms.has(room)) await line.request({ type: "room_close", room });
    }
    for (const endpoint of told_endpoints) {
      if (!held.endpoints.has(endpoint)) await line.request({ type: "endpoint_close", endpoint });
    }
    // And what was opened: a room that was placed here while it was down.
    for (const room of held.rooms) {
      if (!told.has(room)) await line.request({ type: "room_open", room });
    }
  };

  const restore = async (line: Channel, room: RoomId): Promise<EndpointId[]> => {
    const { endpoints, refused } = held.restore(room);
    if (endpoints.length === 0) {
      await line.request({ type: "room_open", room });
      return [];
    }
    try {
      const reply = await line.request({ type: "restore", endpoints }, start_timeout_ms);
      if (reply.type !== "restored") throw new Error(`it answered restore by ${reply.type}`);
      for (const endpoint of reply.lost) held.forget(endpoint);
      log.info(
        { room, resumed: reply.resumed.length, lost: reply.lost.length },
        "media worker took over a room",
      );
      // A room all of whose endpoints were lost is open all the same.
      if (reply.resumed.length === 0) await line.request({ type: "room_open", room });
      if (reply.lost.length > 0) listener.lost(reply.lost);
      return reply.resumed;
    } catch (cause) {
      if (cause instanceof WorkerRefusal) refused();
      throw cause;
    }
  };

  const take = (event: Event): void => {
    if (event.type === "endpoint_ended") held.forget(event.endpoint);
    if (event.type === "room_failed") held.forgetRoom(event.room);
    if (event.type === "snapshot") for (const each of event.endpoints) held.snapshot(each);
    else if (event.type !== "heartbeat") listener.event(event);
  };

  // Called once for each process, when it is gone.
  const gone = (born_ms: number, reason: string, was_process: boolean): void => {
    const age_ms = clock.monotonic_ms() - born_ms;
    const was_up = state === "up";
    channel = null;
    pid = null;
    state = "down";
    failure = reason;
    if (is_closing) return;
    young_ends = age_ms < lived_ms ? young_ends + 1 : 1;
    abandoning ??= clock.after(abandon_timeout_ms, abandon);
    log.error({ reason, age_ms: Math.round(age_ms), attempt: young_ends }, "media worker died");
    if (was_process) {
      deaths += 1;
      listener.died(reason);
    }
    if (group !== null) blame(group, was_up);
  };

  // What was there for long enough is not to blame for a death right after something was added to it.
  const blame = (last: { rooms: ReadonlySet<RoomId>; since_ms: number }, was_up: boolean): void => {
    const now_ms = clock.monotonic_ms();
    const is_recent = now_ms - last.since_ms < suspects.probation_ms();
    const present = was_up ? [...held.rooms] : [...harmless, ...last.rooms];
    const blamed = present.filter(
      (room) => held.rooms.has(room) && !(is_recent && harmless.has(room)),
    );
    const killer = suspects.died(blamed, now_ms);
    if (killer !== null) listener.killed(killer);
  };

  // Snapshots are too old by now: people are told to join again rather than to wait.
  const abandon = (): void => {
    if (state === "starting" && group !== null) {
      // One is taking over at this moment; should it die, the time begins anew.
      abandoning = null;
      return;
    }
    const lost = [...held.endpoints.keys()];
    for (const endpoint of lost) held.forget(endpoint);
    if (lost.length === 0) return;
    log.error({ endpoints: lost.length }, "media worker has no successor, its endpoints are lost");
    listener.lost(lost);
  };

  // The first try comes at once.
  const retry = (): void => {
    if (is_closing) return;
    const delay_ms =
      young_ends <= 1
        ? 0
        : Math.min(restart_delay_ms * 2 ** Math.min(young_ends - 2, 16), restart_delay_ms_max);
    const attempt = (): void => {
      retrying = null;
      if (is_closing) return;
      openOne().catch((cause: unknown) => {
        if (is_closing) return;
        if (channel === null && state === "starting") {
          // It could not even be spawned.
          state = "down";
          young_ends += 1;
          failure = textOf(cause);
        }
        log.error({ err: cause }, "media worker did not come up, trying again");
        retry();
      });
    };
    if (delay_ms === 0) attempt();
    else retrying = clock.after(delay_ms, attempt);
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
    failure: () => failure,
    configured: () => configured,
    capabilities: () => capabilities,
    async start() {
      try {
        await openOne();
      } catch (cause) {
        const is_refused = cause instanceof WorkerRefusal && cause.code === "address_unavailable";
        const is_unspawned = capabilities === null && /could not be started/.test(failure ?? "");
        state = "down";
        throw new WorkerStartFailure({
          what: is_refused ? "address" : is_unspawned ? "program" : "other",
          worker: given.index,
          address,
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
      if (state === "down" || !channel || group === null) return;
      missed = channel.heard() ? 0 : missed + 1;
      // The count is of looks, not of time: when our own loop stalled, looks stalled with it.
      if (missed > missed_heartbeats_max) channel.break("no heartbeat: it hangs");
    },
    async close() {
      is_closing = true;
      abandoning?.cancel();
      retrying?.cancel();
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

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
