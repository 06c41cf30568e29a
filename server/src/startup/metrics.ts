// What the server measures of itself, in Prometheus' text format, for /metrics.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { JoinReply, Joins } from "../domain/conference/index.ts";
import { Problem } from "../kernel/problem.ts";
import type { Media } from "../media/index.ts";
import type { Store } from "../store/index.ts";

/** What is read at each scrape. */
export interface MetricsSources {
  readonly store: Store;
  readonly media: Media;
  /** People who are in a conference with media, or have a seat kept. */
  people(): number;
  /** Open live and event sockets. */
  sockets(): number;
}

/** Measures, and tells what it measured. */
export interface Metrics {
  /** An answered request: its route as in the contract, "other" for pages, files and what has no route. */
  answered(request: { method: string; route: string; status: number; seconds: number }): void;
  /** The same joins, counted by their outcome and timed. */
  joins(joins: Joins): Joins;
  /** The same store, its transactions timed. */
  store(store: Store): Store;
  /** The same media port, its requests to workers timed. */
  media(media: Media): Media;
  /** From now on these are read at each scrape. */
  watch(sources: MetricsSources): void;
  /** Everything as text. */
  text(): Promise<string>;
}

// Some of the library's own gauges carry names that Prometheus keeps for counters.
const misnamed = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
] as const;

const request_seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Makes them. `now_s` is a monotonic clock in seconds. */
export function createMetrics(ports: { now_s: () => number }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  const requests = new Histogram({
    name: "parley_http_request_duration_seconds",
    help: "Time from a request's first byte to the end of its answer, by route and class of status.",
    labelNames: ["method", "route", "status"],
    buckets: request_seconds,
    registers,
  });
  const join_outcomes = new Counter({
    name: "parley_joins_total",
    help: "Offers by what became of them: accepted, or the reason of the refusal.",
    labelNames: ["outcome"],
    registers,
  });
  const join_seconds = new Histogram({
    name: "parley_join_answer_duration_seconds",
    help: "Time from an offer that was accepted to its answer.",
    buckets: request_seconds,
    registers,
  });
  const transactions = new Histogram({
    name: "parley_database_transaction_duration_seconds",
    help: "Time of transactions, the wait for a connection included, by whether they committed.",
    labelNames: ["outcome"],
    buckets: request_seconds,
    registers,
  });
  const worker_requests = new Histogram({
    name: "parley_media_request_duration_seconds",
    help: "Time of requests to media workers, by verb and outcome.",
    labelNames: ["verb", "outcome"],
    buckets: request_seconds,
    registers,
  });
  let collect = async (): Promise<void> => undefined;

  const timed = async <T>(
    histogram: Histogram<"verb" | "outcome">,
    labels: { verb?: string },
    work: () => Promise<T>,
  ): Promise<T> => {
    const began = ports.now_s();
    let outcome = "failed";
    try {
      const result = await work();
      outcome = "done";
      return result;
    } finally {
      histogram.observe({ ...labels, outcome }, ports.now_s() - began);
    }
  };

  return {
    answered({ method, route, status, seconds }) {
      requests.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, seconds);
    },
    joins: (joins) => ({
      ...joins,
      async join(caller, conference_id, request, sealed): Promise<JoinReply> {
        const began = ports.now_s();
        try {
          const reply = await joins.join(caller, conference_id, request, sealed);
          join_outcomes.inc({ outcome: "accepted" });
          join_seconds.observe(ports.now_s() - began);
          return reply;
        } catch (thrown) {
          join_outcomes.inc({ outcome: thrown instanceof Problem ? thrown.reason : "fault" });
          throw thrown;
        }
      },
    }),
    store: (store) => ({
      ...store,
      transaction: (run) => timed(transactions, {}, () => store.transaction(run)),
    }),
    media: (media) => ({
      ...media,
      openRoom: (room) => timed(worker_requests, { verb: "open_room" }, () => media.openRoom(room)),
      closeRoom: (room) =>
        timed(worker_requests, { verb: "close_room" }, () => media.closeRoom(room)),
      openEndpoint: (open) =>
        timed(worker_requests, { verb: "open_endpoint" }, () => media.openEndpoint(open)),
      closeEndpoint: (endpoint) =>
        timed(worker_requests, { verb: "close_endpoint" }, () => media.closeEndpoint(endpoint)),
      tiles: (endpoint, tiles) =>
        timed(worker_requests, { verb: "tiles" }, () => media.tiles(endpoint, tiles)),
    }),
    watch(sources) {
      countEvents(registry, sources.store);
      gauge(registry, "parley_people", "People in conferences, seats that are kept included.", () =>
        sources.people(),
      );
      gauge(registry, "parley_sockets", "Open live and event sockets.", () => sources.sockets());
      collect = mediaMetrics(registry, sources.media);
    },
    async text() {
      await collect();
      return await registry.metrics();
    },
  };
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
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

// The workers are asked once a scrape for all of these. What they count starts at 0 with each new process, as counters may.
function mediaMetrics(registry: Registry, media: Media): () => Promise<void> {
  const registers = [registry];
  const labelNames = ["worker"] as const;
  const gaugeOf = (name: string, help: string): Gauge<"worker"> =>
    new Gauge({ name, help, labelNames, registers });
  const counterOf = (name: string, help: string): Counter<"worker"> =>
    new Counter({ name, help, labelNames, registers });
  const up = gaugeOf("parley_media_worker_up", "Whether the media worker is up.");
  const rooms = gaugeOf("parley_media_rooms", "Rooms on the media worker.");
  const endpoints = gaugeOf("parley_media_endpoints", "Endpoints on the media worker.");
  const mixers = gaugeOf("parley_media_mixers", "Rooms in which somebody hears the mix.");
  const memory = gaugeOf("parley_media_memory_bytes", "Resident memory of the media worker.");
  const deaths = counterOf("parley_media_worker_deaths_total", "Media workers that died.");
  const cpu = counterOf("parley_media_cpu_seconds_total", "CPU time of the media worker.");
  const counters = new Map<string, Counter<"worker">>();
  const quality = new Gauge({
    name: "parley_media_round_trip_seconds",
    help: "Round trips to endpoints as RTCP measures them: the median, the 95th of a hundred, the longest.",
    labelNames: ["share"],
    registers,
  });
  const estimate = new Gauge({
    name: "parley_media_path_estimate_bytes_per_second",
    help: "What the paths to endpoints are thought to carry: the narrowest, the 5th of a hundred, the median.",
    labelNames: ["share"],
    registers,
  });
  const setCounter = (counter: Counter<"worker">, worker: string, value: number): void => {
    counter.remove({ worker });
    counter.inc({ worker }, value);
  };

  return async () => {
    for (const one of media.health()) {
      const worker = String(one.worker);
      up.set({ worker }, one.state === "up" ? 1 : 0);
      rooms.set({ worker }, one.rooms);
      endpoints.set({ worker }, one.endpoints);
      setCounter(deaths, worker, one.deaths);
    }
    const told = await media.stats();
    for (const { worker: index, stats } of told) {
      const worker = String(index);
      setCounter(cpu, worker, stats.cpu_us / 1_000_000);
      memory.set({ worker }, stats.memory_bytes);
      // In the worker's own words, where it says something: they may differ from what the server believes.
      rooms.set({ worker }, stats.counters["rooms"] ?? 0);
      endpoints.set({ worker }, stats.endpoints.length);
      for (const [name, value] of Object.entries(stats.counters)) {
        // States among the counters have gauges of their own.
        if (name === "rooms") continue;
        if (name === "mixers") {
          mixers.set({ worker }, value);
          continue;
        }
        const known =
          counters.get(name) ??
          counterOf(
            `parley_media_${name}_total`,
            `${name.replaceAll("_", " ")}, of the media worker.`,
          );
        counters.set(name, known);
        setCounter(known, worker, value);
      }
    }
    const each = told.flatMap(({ stats }) => stats.endpoints);
    const trips = each.flatMap(({ round_trip_us }) => round_trip_us ?? []);
    for (const [share, part] of [
      ["p50", 0.5],
      ["p95", 0.95],
      ["max", 1],
    ] as const) {
      quality.set({ share }, quantile(trips, part) / 1_000_000);
    }
    const paths = each.flatMap(({ estimate_bps }) => estimate_bps ?? []);
    for (const [share, part] of [
      ["min", 0],
      ["p5", 0.05],
      ["p50", 0.5],
    ] as const) {
      estimate.set({ share }, quantile(paths, part) / 8);
    }
  };
}

// 0 where there is none.
function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
}
