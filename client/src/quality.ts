// How well media arrives, from two looks at RTCStatsReport. Pure.
import type { Quality, QualityLevel } from "./view.ts";

/** A quality before anything was measured. */
export const unknown_quality: Quality = {
  level: "unknown",
  loss_percent: 0,
  round_trip_ms: null,
  jitter_ms: null,
  bits_per_second: 0,
  width: 0,
  height: 0,
  frames_per_second: 0,
  codec: "",
};

/** One entry of a stats report; only what is read here. */
export interface StatsEntry {
  readonly id: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

/** One look at a connection. */
export interface StatsSample {
  readonly at_ms: number;
  readonly entries: readonly StatsEntry[];
}

/** Bounds between good and poor. */
export const quality_limits = { loss_percent: 4, round_trip_ms: 400, jitter_ms: 60 };

const number = (entry: StatsEntry | undefined, field: string): number => {
  const value = entry?.[field];
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
};

const incoming = (sample: StatsSample): StatsEntry[] =>
  sample.entries.filter((entry) => entry.type === "inbound-rtp");

const usual_packet_bytes = 200;

/** Everything that arrived on the media path: packets where the browser tells them, and answers to ICE checks. A number that only grows while the path lives. */
export function arrivals(sample: StatsSample): number {
  let count = 0;
  const has_transport = sample.entries.some((entry) => entry.type === "transport");
  for (const entry of sample.entries) {
    if (entry.type === "transport") count += number(entry, "packetsReceived");
    else if (entry.type === "candidate-pair") {
      count += number(entry, "responsesReceived") + number(entry, "requestsReceived");
      // Firefox counts bytes of a pair and no packets of a transport.
      if (!has_transport) count += number(entry, "bytesReceived") / usual_packet_bytes;
    } else if (entry.type === "inbound-rtp") count += number(entry, "packetsReceived");
  }
  return count;
}

/** Keys are agreed on, as far as the browser tells: without them ICE may answer, but no media can flow. */
export const hasKeys = (sample: StatsSample): boolean =>
  sample.entries.every(
    (entry) =>
      entry.type !== "transport" ||
      entry["dtlsState"] === undefined ||
      entry["dtlsState"] === "connected",
  );

/** Pictures decoded on the line `mid` so far. */
export const framesDecoded = (sample: StatsSample, mid: string): number =>
  number(
    incoming(sample).find((entry) => entry["mid"] === mid),
    "framesDecoded",
  );

/** Quality between two looks: of one line, or (`mid` null) of the whole connection. `is_expected`: something ought to arrive, so nothing is `lost`. */
export function measureQuality(
  before: StatsSample,
  now: StatsSample,
  mid: string | null,
  is_expected: boolean,
): Quality {
  const seconds = Math.max((now.at_ms - before.at_ms) / 1000, 0.001);
  const mine = (sample: StatsSample): StatsEntry[] =>
    incoming(sample).filter((entry) => mid === null || entry["mid"] === mid);
  const last = new Map(mine(before).map((entry) => [entry.id, entry]));
  const grown = (field: string): number =>
    mine(now).reduce(
      (sum, entry) => sum + Math.max(0, number(entry, field) - number(last.get(entry.id), field)),
      0,
    );
  const received = grown("packetsReceived");
  const lost = grown("packetsLost");
  const loss_percent = received + lost > 0 ? (100 * lost) / (received + lost) : 0;
  const pair = now.entries.find(
    (entry) =>
      entry.type === "candidate-pair" &&
      entry["nominated"] === true &&
      entry["state"] === "succeeded",
  );
  const round_trip = pair?.["currentRoundTripTime"];
  const round_trip_ms = typeof round_trip === "number" ? Math.round(round_trip * 1000) : null;
  const jitters = mine(now)
    .filter(
      (entry) => number(entry, "packetsReceived") > number(last.get(entry.id), "packetsReceived"),
    )
    .map((entry) => number(entry, "jitter") * 1000);
  const jitter_ms = jitters.length > 0 ? Math.round(Math.max(...jitters)) : null;
  const main = mine(now).find((entry) => mid === null || entry["mid"] === mid);
  const mime = now.entries.find((entry) => entry.id === main?.["codecId"])?.["mimeType"];
  const has_picture = mid !== null && main?.["kind"] === "video";
  return {
    level: judge(is_expected, received, loss_percent, round_trip_ms, jitter_ms),
    loss_percent: Math.round(loss_percent * 10) / 10,
    round_trip_ms,
    jitter_ms,
    bits_per_second: Math.round((8 * grown("bytesReceived")) / seconds),
    width: has_picture ? number(main, "frameWidth") : 0,
    height: has_picture ? number(main, "frameHeight") : 0,
    frames_per_second: has_picture ? number(main, "framesPerSecond") : 0,
    codec: mid !== null && typeof mime === "string" ? (mime.split("/")[1] ?? "") : "",
  };
}

function judge(
  is_expected: boolean,
  received: number,
  loss_percent: number,
  round_trip_ms: number | null,
  jitter_ms: number | null,
): QualityLevel {
  if (received === 0) return is_expected ? "lost" : "unknown";
  const is_poor =
    loss_percent > quality_limits.loss_percent ||
    (round_trip_ms ?? 0) > quality_limits.round_trip_ms ||
    (jitter_ms ?? 0) > quality_limits.jitter_ms;
  return is_poor ? "poor" : "good";
}

/** Notices that a media path has gone silent. Pure: looks in, verdict out. */
export interface PathWatch {
  /** Takes a look; `dead` once nothing has come for too long, `alive` when something has come since the last look. */
  look(at_ms: number, arrived: number): "alive" | "silent" | "dead";
  /** Starts anew: what came so far does not count. */
  reset(at_ms: number): void;
}

/** How long a path may be silent: short where packets used to come all the time, long where only ICE's own checks (each 2.5 s) keep it awake. */
export const path_limits = { busy_ms: 1_500, idle_ms: 7_500, busy_packets_per_second: 8 };

/** Makes a {@link PathWatch}. */
export function createPathWatch(): PathWatch {
  let last_at_ms: number | null = null;
  let last_count: number | null = null;
  let heard_at_ms = 0;
  let rate = 0;
  return {
    reset(at_ms) {
      heard_at_ms = at_ms;
      last_count = null;
      rate = 0;
    },
    look(at_ms, arrived) {
      const grown = last_count === null ? 0 : arrived - last_count;
      const seconds = last_at_ms === null ? 0 : (at_ms - last_at_ms) / 1000;
      const is_first = last_count === null;
      last_at_ms = at_ms;
      last_count = arrived;
      if (is_first) {
        heard_at_ms ||= at_ms;
        return "silent";
      }
      // A smaller count is a new connection's first look.
      if (grown !== 0) {
        // Smoothed over a few looks, so that one burst does not make an idle path look busy.
        if (seconds > 0) rate = rate * 0.7 + (Math.max(0, grown) / seconds) * 0.3;
        heard_at_ms = at_ms;
        return "alive";
      }
      const limit_ms =
        rate >= path_limits.busy_packets_per_second ? path_limits.busy_ms : path_limits.idle_ms;
      return at_ms - heard_at_ms >= limit_ms ? "dead" : "silent";
    },
  };
}
