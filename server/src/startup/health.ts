// How each part is, for /health; counters of all of them, for /metrics.
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Log } from "../kernel/log.ts";
import type { Media } from "../media/index.ts";
import type { Store } from "../store/index.ts";

/** Answers of /health and /metrics. */
export interface Vitals {
  health(): Promise<{ readonly ok: boolean; readonly parts: object }>;
  metrics(): Promise<string>;
}

/** Makes them. `sockets` counts live sockets; `isDraining` says whether new work is refused. */
export function createVitals(ports: {
  store: Store;
  media: Media;
  log: Log;
  sockets: () => number;
  isDraining: () => boolean;
}): Vitals {
  const { store, media } = ports;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  countEvents(registry, store);
  const refreshMedia = mediaGauges(registry, media, ports.log);
  new Gauge({
    name: "parley_live_sockets",
    help: "Open live and event sockets.",
    registers: [registry],
    collect() {
      this.set(ports.sockets());
    },
  });
  return {
    async health() {
      const database = await store.check();
      const workers = media.health();
      const media_ok = workers.every((worker) => worker.state === "up");
      const is_draining = ports.isDraining();
      return {
        ok: database.ok && media_ok && !is_draining,
        parts: {
          server: { ok: !is_draining, state: is_draining ? "draining" : "up" },
          database,
          media: { ok: media_ok, workers },
        },
      };
    },
    async metrics() {
      await refreshMedia();
      return await registry.metrics();
    },
  };
}

function countEvents(registry: Registry, store: Store): void {
  const published = new Counter({
    name: "parley_events_total",
    help: "Journal events published, by type.",
    labelNames: ["type"],
    registers: [registry],
  });
  store.journal.subscribe((event) => published.inc({ type: event.type }));
}

type Labelled = Gauge<"worker" | "name">;

// The workers are asked once a scrape for all of these.
function mediaGauges(registry: Registry, media: Media, log: Log): () => Promise<void> {
  const gauge = (name: string, help: string, labels: ("worker" | "name")[]): Labelled =>
    new Gauge({ name, help, labelNames: labels, registers: [registry] });
  const up = gauge("parley_media_worker_up", "Whether the media worker is up.", ["worker"]);
  const rooms = gauge("parley_media_rooms", "Rooms on the media worker.", ["worker"]);
  const endpoints = gauge("parley_media_endpoints", "Endpoints on the media worker.", ["worker"]);
  const deaths = gauge("parley_media_worker_deaths_total", "Media workers that died.", ["worker"]);
  const cpu = gauge("parley_media_cpu_seconds_total", "CPU time of the media worker.", ["worker"]);
  const memory = gauge("parley_media_memory_bytes", "Memory of the media worker.", ["worker"]);
  const counters = gauge("parley_media_counter_total", "Counters of the media worker.", [
    "worker",
    "name",
  ]);
  return async () => {
    for (const one of media.health()) {
      const worker = String(one.worker);
      up.set({ worker }, one.state === "up" ? 1 : 0);
      rooms.set({ worker }, one.rooms);
      endpoints.set({ worker }, one.endpoints);
      deaths.set({ worker }, one.deaths);
    }
    try {
      for (const { worker: index, stats } of await media.stats()) {
        const worker = String(index);
        cpu.set({ worker }, stats.cpu_us / 1_000_000);
        memory.set({ worker }, stats.memory_bytes);
        for (const [name, value] of Object.entries(stats.counters)) {
          counters.set({ worker, name }, value);
        }
      }
    } catch (err) {
      // What the other parts say is still worth showing.
      log.warn({ err }, "a media worker did not tell its counters");
    }
  };
}
