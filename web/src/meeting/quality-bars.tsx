// How well something arrives: bars of different height, a word, and numbers on pointing at it.
import type { Quality } from "@parley/client";
import { useSurroundings } from "../look/surroundings.tsx";

const lit = { unknown: 0, good: 4, poor: 2, lost: 1 } as const;

/** Bars for a measured quality; nothing where nothing was measured. */
export function QualityBars({ quality }: { readonly quality: Quality | null }) {
  const { t } = useSurroundings();
  if (!quality || quality.level === "unknown") return null;
  const values = {
    loss: Math.round(quality.loss_percent * 10) / 10,
    rate: Math.round(quality.bits_per_second / 1000),
    trip: Math.round(quality.round_trip_ms ?? 0),
    width: quality.width,
    height: quality.height,
    frames: Math.round(quality.frames_per_second),
  };
  const detail = t(
    quality.width > 0
      ? "quality_detail_picture"
      : quality.round_trip_ms === null
        ? "quality_detail"
        : "quality_detail_trip",
    values,
  );
  const word = t(`quality_${quality.level}`);
  return (
    <span
      className={`bars is-${quality.level}`}
      role="img"
      aria-label={word}
      title={`${word}: ${detail}`}
    >
      {[1, 2, 3, 4].map((bar) => (
        <i key={bar} className={bar <= lit[quality.level] ? "is-lit" : ""} />
      ))}
      {quality.level === "lost" && <b aria-hidden="true">×</b>}
    </span>
  );
}
