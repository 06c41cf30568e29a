// All workers behind one face: rooms are placed on the least loaded, requests find their worker,
// events go to whoever listens.
import { availableParallelism } from "node:os";
import type { Clock, Timer } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { type ListAddresses, makeCandidates } from "./candidates.ts";
import { WorkerRefusal } from "./channel.ts";
import { heartbeat_interval_ms } from "./limits.ts";
import type { Media, MediaEvents } from "./port.ts";
import { mediaProblems } from "./problems.ts";
import type { SpawnWorker } from "./process.ts";
import type { Capabilities, EndpointId, Event, Request, RoomId } from "./wire.ts";
import { createWorker, type Worker } from "./worker.ts";

/** The section `media` of the configuration. */
export interface MediaConfig {
  readonly host: string;
  /** First of one per worker; 0 = any. */
  readonly port: number;
  readonly announced_address: string;
  /** 0 = one per core. */
  readonly worker_count: number;
  /** User that workers become, where the server is root; 0: they stay root. */
  readonly worker_uid: number;
  /** Whether workers give up system calls that they do not need. */
  readonly worker_filter: boolean;
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
    speakers: new Set(),
    room_failed: new Set(),
    endpoints_lost: new Set(),
    worker_died: new Set(),
  };
  const emit = <Name extends keyof MediaEvents>(name: Name, event: MediaEvents[Name]): void => {
    for (const listener of listeners[name]) listener(event);
  };
  const count = config.worker_count === 0 ? availableParallelism() : config.worker_count;
  const workers = Array.from({ length: count }, (_, index) => makeWorker(index));
  const placed = new Map<RoomId, Worker>();
  let watch: Timer | null = null;

  function makeWorker(index: number): Worker {
    const worker: Worker = createWorker(
      { clock, log, spawn: ports.spawn },
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
        restored: (lost) => {
          if (lost.length > 0) emit("endpoints_lost", { endpoints: lost });
        },
      },
    );
    return worker;
  }

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
      case "speakers":
        emit("speakers", event);
        return;
      case "room_failed":
        placed.delete(event.room);
        emit("room_failed", event);
        return;
      case "snapshot":
      case "heartbeat":
        return;
      default:
        log.warn({ event: (event as Event).type }, "media worker told something unknown");
    }
  };

  const least = (): Worker => {
    const load = (worker: Worker): number =>
      worker.held.endpoints.size +
      worker.held.rooms.size / 1000 +
      (worker.state() === "up" ? 0 : 1e6);
    const best = workers.reduce((a, b) => (load(b) < load(a) ? b : a));
    return best;
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
      const worker = placed.get(room) ?? least();
      placed.set(room, worker);
      await ask(worker, { type: "room_open", room }).catch((cause: unknown) => {
        if (!worker.held.rooms.has(room)) placed.delete(room);
        throw cause;
      });
      worker.held.rooms.add(room);
    },
    async closeRoom(room) {
      const worker = placed.get(room);
      if (!worker) return;
      placed.delete(room);
      worker.held.forgetRoom(room);
      await ask(worker, { type: "room_close", room });
    },
    transport(room) {
      const configured = placed.get(room)?.configured();
      if (!configured) throw mediaProblems.MEDIA_UNAVAILABLE({ retry_after_s: 1 });
      return {
        fingerprint: configured.fingerprint,
        candidates: makeCandidates(configured, config.announced_address, ports.addresses),
      };
    },
    async openEndpoint(open) {
      const worker = placed.get(open.room);
      if (!worker) throw mediaProblems.MEDIA_REFUSED({ message: "the room is not open" });
      // Remembered first: an event of it, or the worker's death, may come before the answer is read.
      worker.held.opened(open);
      try {
        await ask(worker, { type: "endpoint_open", ...open });
      } catch (cause) {
        worker.held.forget(open.endpoint);
        throw cause;
      }
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
          const reply = await worker.request({ type: "stats" });
          const pid = worker.pid() ?? 0;
          return reply.type === "stats" ? [{ worker: worker.index, pid, stats: reply }] : [];
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
      })),
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
