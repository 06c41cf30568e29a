// All workers behind one face: rooms are placed on the least loaded, requests find their worker,
// events go to whoever listens.
import { availableParallelism } from "node:os";
import type { Clock, Timer } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { type ListAddresses, makeCandidates } from "./candidates.ts";
import { WorkerRefusal } from "./channel.ts";
import {
  heartbeat_interval_ms,
  quarantined_shown_max,
  room_deaths_max,
  room_deaths_window_ms,
} from "./limits.ts";
import type { Media, MediaEvents } from "./port.ts";
import { mediaProblems } from "./problems.ts";
import type { SpawnWorker } from "./process.ts";
import { createSuspects } from "./suspects.ts";
import type { Capabilities, EndpointId, Event, Request, RoomId } from "./wire.ts";
import { createWorker, type Worker } from "./worker.ts";

/** The section `media` of the configuration. */
export interface MediaConfig {
  readonly host: string;
  /** First of one per worker; 0 = any. */
  readonly port: number;
  /** 0 = one per core. */
  readonly worker_count: number;
  /** User that workers become, where the server is root; 0: they stay root. */
  readonly worker_uid: number;
  /** Whether workers give up system calls that they do not need. */
  readonly worker_filter: boolean;
  /** Deaths of workers, or failures of its own, within `room_deaths_window_ms` that close a room; 3 in a minute by default. */
  readonly room_deaths_max?: number;
  readonly room_deaths_window_ms?: number;
}

/** The part of the section `limits` of the configuration that workers keep to. */
export interface MediaLimits {
  readonly media_unproven_bytes_max: number;
  readonly media_tcp_unconfirmed_max: number;
  readonly media_tcp_unconfirmed_per_address_max: number;
}

/** What the media port is made of. */
export interface MediaPorts {
  readonly config: MediaConfig;
  /** The part of the section `limits` that workers keep to. */
  readonly limits: MediaLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly spawn: SpawnWorker;
  /** Addresses that browsers are told at this moment, best first; none, and by default: those of this machine. */
  readonly announced?: () => readonly string[];
  /** Addresses of this machine; the system's own by default. */
  readonly addresses?: ListAddresses;
}

/** Makes the media port. `start` it before use. */
export function createMedia(ports: MediaPorts): Media {
  const { config, limits, clock, log } = ports;
  const listeners: { [Name in keyof MediaEvents]: Set<(event: MediaEvents[Name]) => void> } = {
    endpoint_connected: new Set(),
    endpoint_silent: new Set(),
    endpoint_back: new Set(),
    endpoint_ended: new Set(),
    voice_slots: new Set(),
    tiles: new Set(),
    publish_codec_wanted: new Set(),
    speakers: new Set(),
    room_failed: new Set(),
    room_quarantined: new Set(),
    endpoints_lost: new Set(),
    worker_died: new Set(),
  };
  const emit = <Name extends keyof MediaEvents>(name: Name, event: MediaEvents[Name]): void => {
    for (const listener of listeners[name]) {
      try {
        listener(event);
      } catch (err) {
        // Whatever it is, it must not keep a worker's successor from coming up.
        log.error({ err, event: name }, "a listener of the media side failed");
      }
    }
  };
  const count = config.worker_count === 0 ? availableParallelism() : config.worker_count;
  const bounds = {
    deaths_max: config.room_deaths_max ?? room_deaths_max,
    window_ms: config.room_deaths_window_ms ?? room_deaths_window_ms,
  };
  const suspects = createSuspects(bounds);
  const failures = createSuspects(bounds);
  const workers = Array.from({ length: count }, (_, index) => makeWorker(index));
  const placed = new Map<RoomId, Worker>();
  // Opening or open: the first who asks opens, others wait for the same.
  const opened = new Map<RoomId, Promise<void>>();
  const quarantined: { room: RoomId; message: string }[] = [];
  let watch: Timer | null = null;

  function makeWorker(index: number): Worker {
    const worker: Worker = createWorker(
      { clock, log, spawn: ports.spawn, suspects },
      {
        index,
        host: config.host,
        port: config.port === 0 ? 0 : config.port + index,
        limits: {
          unproven_bytes_max: limits.media_unproven_bytes_max,
          tcp_unconfirmed_max: limits.media_tcp_unconfirmed_max,
          tcp_unconfirmed_per_address_max: limits.media_tcp_unconfirmed_per_address_max,
        },
        confinement: {
          uid: config.worker_uid === 0 ? null : config.worker_uid,
          filter: config.worker_filter,
        },
      },
      {
        event: (event) => passOn(event),
        died: (reason) =>
          emit("worker_died", {
            worker: index,
            reason,
            rooms: worker.held.rooms.size,
            endpoints: worker.held.endpoints.size,
          }),
        lost: (endpoints) => emit("endpoints_lost", { endpoints }),
        killed: (room) =>
          quarantine(
            room,
            `it was there when its media worker died ${bounds.deaths_max} times within ${bounds.window_ms / 1000} s`,
          ),
      },
    );
    return worker;
  }

  const forget = (room: RoomId): readonly EndpointId[] => {
    const worker = placed.get(room);
    placed.delete(room);
    opened.delete(room);
    return worker?.held.forgetRoom(room) ?? [];
  };

  const quarantine = (room: RoomId, message: string): void => {
    const endpoints = forget(room);
    suspects.forget(room);
    failures.forget(room);
    quarantined.push({ room, message });
    if (quarantined.length > quarantined_shown_max) quarantined.shift();
    log.error({ room, endpoints: endpoints.length, detail: message }, "a room is quarantined");
    emit("room_quarantined", { room, message, endpoints });
  };

  const passOn = (event: Event): void => {
    switch (event.type) {
      case "endpoint_connected":
        emit("endpoint_connected", event);
        return;
      case "endpoint_silent":
        emit("endpoint_silent", event);
        return;
      case "endpoint_back":
        emit("endpoint_back", event);
        return;
      case "endpoint_ended":
        emit("endpoint_ended", event);
        return;
      case "voice_slots":
        emit("voice_slots", event);
        return;
      case "tiles":
        emit("tiles", event);
        return;
      case "publish_codec_wanted":
        emit("publish_codec_wanted", event);
        return;
      case "speakers":
        emit("speakers", event);
        return;
      case "room_failed":
        forget(event.room);
        if (failures.died([event.room], clock.monotonic_ms()) === null) emit("room_failed", event);
        else quarantine(event.room, `it failed again and again: ${event.message}`);
        return;
      case "snapshot":
      case "heartbeat":
        return;
      default:
        log.warn({ event: (event as Event).type }, "media worker told something unknown");
    }
  };

  // What counts is what was promised, not what stands: many are placed at the same moment.
  const least = (): Worker => {
    const load = (worker: Worker): number =>
      worker.held.endpoints.size +
      worker.held.rooms.size / 1000 +
      (worker.state() === "up" ? 0 : 1e6);
    return workers.reduce((a, b) => (load(b) < load(a) ? b : a));
  };

  const openOn = async (room: RoomId, worker: Worker): Promise<void> => {
    placed.set(room, worker);
    worker.held.rooms.add(room);
    try {
      await ask(worker, { type: "room_open", room });
    } catch (cause) {
      if (placed.get(room) === worker) forget(room);
      throw cause;
    }
    // Closed or moved while it was being opened.
    if (placed.get(room) !== worker) await ask(worker, { type: "room_close", room });
  };

  // A room without anybody in it need not wait for a worker that is away.
  const leaveDown = (room: RoomId): void => {
    const worker = placed.get(room);
    if (!worker || worker.state() === "up" || least().state() !== "up") return;
    for (const { open } of worker.held.endpoints.values()) if (open.room === room) return;
    forget(room);
  };

  const holder = (endpoint: EndpointId): Worker | undefined =>
    workers.find((worker) => worker.held.endpoints.has(endpoint));

  const ask = async (worker: Worker, request: Request): Promise<void> => {
    try {
      await worker.request(request);
    } catch (cause) {
      throw cause instanceof WorkerRefusal ? refusal(cause) : cause;
    }
  };

  // A verb on an endpoint: remembered once the worker has done it.
  const askEndpoint = async (
    endpoint: EndpointId,
    request: Request,
    remember: (worker: Worker) => void,
  ): Promise<void> => {
    const worker = holder(endpoint);
    if (!worker) throw mediaProblems.MEDIA_ENDPOINT_NOT_FOUND();
    await ask(worker, request);
    remember(worker);
  };

  return {
    async start() {
      await Promise.all(workers.map((worker) => worker.start())).catch(async (cause: unknown) => {
        await Promise.all(workers.map((worker) => worker.close()));
        throw cause;
      });
      watch = clock.every(heartbeat_interval_ms, () => {
        for (const worker of workers) worker.look();
      });
    },
    capabilities: () => joinCapabilities(workers),
    async openRoom(room) {
      if (quarantined.some((one) => one.room === room)) {
        throw mediaProblems.MEDIA_REFUSED({ message: "the room ended its media worker too often" });
      }
      leaveDown(room);
      let opening = opened.get(room);
      if (!opening) {
        opening = openOn(room, least());
        opened.set(room, opening);
      }
      await opening;
    },
    async closeRoom(room) {
      const worker = placed.get(room);
      if (!worker) return;
      forget(room);
      suspects.forget(room);
      failures.forget(room);
      await ask(worker, { type: "room_close", room });
    },
    transport(room) {
      const configured = placed.get(room)?.configured();
      if (!configured) throw mediaProblems.MEDIA_UNAVAILABLE({ retry_after_s: 1 });
      return {
        fingerprint: configured.fingerprint,
        candidates: makeCandidates(configured, ports.announced?.() ?? [], ports.addresses),
      };
    },
    async openEndpoint(open) {
      const worker = placed.get(open.room);
      if (!worker) throw mediaProblems.MEDIA_REFUSED({ message: "the room is not open" });
      // Remembered first: an event of it, or the worker's death, may come before the answer is read.
      worker.held.opening(open);
      try {
        await ask(worker, { type: "endpoint_open", ...open });
      } catch (cause) {
        worker.held.forget(open.endpoint);
        throw cause;
      }
      if (worker.held.opened(open.endpoint)) return;
      // Closed, or its room was, while it was being opened.
      await ask(worker, { type: "endpoint_close", endpoint: open.endpoint });
    },
    restartEndpoint: (restart) =>
      askEndpoint(restart.endpoint, { type: "endpoint_restart", ...restart }, ({ held }) =>
        held.restarted(restart),
      ),
    publish: (state) =>
      askEndpoint(state.endpoint, { type: "endpoint_publish", ...state }, ({ held }) =>
        held.published(state),
      ),
    tiles: (endpoint, tiles) =>
      askEndpoint(endpoint, { type: "endpoint_tiles", endpoint, tiles: [...tiles] }, ({ held }) =>
        held.wished(endpoint, tiles),
      ),
    enter: (endpoint, entered) =>
      askEndpoint(endpoint, { type: "endpoint_enter", endpoint, entered }, ({ held }) =>
        held.entered(endpoint, entered),
      ),
    async closeEndpoint(endpoint) {
      const worker = holder(endpoint);
      if (!worker) return;
      worker.held.forget(endpoint);
      await ask(worker, { type: "endpoint_close", endpoint });
    },
    hasEndpoint: (endpoint) => holder(endpoint) !== undefined,
    async stats() {
      const living = workers.filter((worker) => worker.state() === "up");
      const replies = await Promise.all(
        living.map(async (worker) => {
          try {
            const reply = await worker.request({ type: "stats" });
            const pid = worker.pid() ?? 0;
            return reply.type === "stats" ? [{ worker: worker.index, pid, stats: reply }] : [];
          } catch (err) {
            // What the others count is worth as much; this one's state is in its health.
            log.warn({ err, worker: worker.index }, "a media worker did not tell its counters");
            return [];
          }
        }),
      );
      return replies.flat();
    },
    health: () =>
      workers.map((worker) => ({
        worker: worker.index,
        pid: worker.pid(),
        address: worker.configured()?.udp ?? null,
        state: worker.state(),
        rooms: worker.held.rooms.size,
        endpoints: worker.held.endpoints.size,
        deaths: worker.deaths(),
        failure: worker.failure(),
      })),
    quarantined: () => quarantined,
    on(name, listener) {
      listeners[name].add(listener);
      return () => {
        listeners[name].delete(listener);
      };
    },
    async close() {
      watch?.cancel();
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}

// What every worker can do; they are the same program, so this is what one of them says.
function joinCapabilities(workers: readonly Worker[]): Capabilities {
  const [first] = workers.flatMap((worker) => worker.capabilities() ?? []);
  if (!first) throw mediaProblems.MEDIA_UNAVAILABLE({ retry_after_s: 1 });
  return first;
}

function refusal(cause: WorkerRefusal): Error {
  switch (cause.code) {
    case "endpoint_not_found":
      return mediaProblems.MEDIA_ENDPOINT_NOT_FOUND({ cause });
    case "limit_reached":
      return mediaProblems.MEDIA_LIMIT_REACHED({ message: cause.message, cause });
    case "line_not_found":
      return mediaProblems.MEDIA_LINE_NOT_FOUND({ message: cause.message, cause });
    default:
      return mediaProblems.MEDIA_REFUSED({ cause });
  }
}
