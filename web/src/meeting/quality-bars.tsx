// How well something arrives: bars of different height, and at a press a word and the numbers.
import type { Quality } from "@parley/client";
import { Button, Dialog, DialogTrigger, Popover } from "react-aria-components";
import { useSurroundings } from "../look/surroundings.tsx";
import type { TextKey } from "../text/index.ts";

const lit = { unknown: 0, good: 4, poor: 2, lost: 1 } as const;

/** Bars for a measured quality; nothing where nothing was measured. */
export function QualityBars(props: {
  readonly quality: Quality | null;
  /** What is measured, for who hears the page instead of seeing it. */
  readonly about: string;
}) {
  const { t } = useSurroundings();
  const { quality } = props;
  if (!quality || quality.level === "unknown") return null;
  const word = t(`quality_${quality.level}`);
  return (
    <DialogTrigger>
      <Button className="bars-button" aria-label={t("quality_of", { about: props.about, word })}>
        <span className={`bars is-${quality.level}`} aria-hidden="true">
          {[1, 2, 3, 4].map((bar) => (
            <i key={bar} className={bar <= lit[quality.level] ? "is-lit" : ""} />
          ))}
          {quality.level === "lost" && <b>×</b>}
        </span>
      </Button>
      <Popover className="popover">
        <Dialog
          className="quality-facts"
          aria-label={t("quality_of", { about: props.about, word })}
        >
          <strong>{word}</strong>
          <dl>
            {factsOf(quality, t).map(([name, value]) => (
              <div key={name}>
                <dt>{t(name)}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

function factsOf(
  quality: Quality,
  t: ReturnType<typeof useSurroundings>["t"],
): (readonly [TextKey, string])[] {
  const facts: (readonly [TextKey, string])[] = [];
  if (quality.width > 0) {
    const { width, height } = quality;
    const frames = Math.round(quality.frames_per_second);
    facts.push(["quality_picture", t("quality_picture_value", { width, height, frames })]);
  }
  if (quality.round_trip_ms !== null)
    facts.push(["quality_trip", t("quality_ms", { number: Math.round(quality.round_trip_ms) })]);
  if (quality.jitter_ms !== null)
    facts.push(["quality_jitter", t("quality_ms", { number: Math.round(quality.jitter_ms) })]);
  const loss = Math.round(quality.loss_percent * 10) / 10;
  facts.push(["quality_loss", t("quality_percent", { number: loss })]);
  const rate = Math.round(quality.bits_per_second / 1000);
  facts.push(["quality_rate", t("quality_kbits", { number: rate })]);
  if (quality.codec !== "") facts.push(["quality_codec", quality.codec]);
  return facts;
}
