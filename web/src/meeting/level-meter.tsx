// The microphone's level, drawn at each animation frame without asking React.
import type { Devices } from "@parley/client";
import { useEffect, useRef, useState } from "react";
import { Icon } from "../look/icon.tsx";
import { useSurroundings } from "../look/surroundings.tsx";

const bar_count = 14;
/** Louder than a quiet room. */
const heard_level = 0.08;
/** So long after the last sound one is still told to be heard. */
const heard_ms = 4_000;

/** Shows how loud the microphone is, and says whether anything is heard. */
export function LevelMeter(props: { readonly devices: Devices; readonly is_on: boolean }) {
  const { t } = useSurroundings();
  const bars = useRef<HTMLDivElement>(null);
  const [has_heard, setHeard] = useState(false);
  const { devices, is_on } = props;
  useEffect(() => {
    let frame = 0;
    let heard_at = Number.NEGATIVE_INFINITY;
    setHeard(false);
    const draw = (): void => {
      const level = is_on ? devices.microphoneLevel() : 0;
      if (level > heard_level) heard_at = performance.now();
      setHeard(performance.now() - heard_at < heard_ms);
      // Loudness is felt by the ratio, not by the amount.
      const lit = Math.round(Math.min(1, Math.sqrt(level)) * bar_count);
      const meter = bars.current;
      if (meter && meter.dataset["lit"] !== String(lit)) {
        meter.dataset["lit"] = String(lit);
        meter.setAttribute("aria-valuenow", String(Math.round((lit / bar_count) * 100)));
        for (const [at, bar] of [...meter.children].entries())
          bar.classList.toggle("is-lit", at < lit);
      }
      frame = requestAnimationFrame(draw);
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, [devices, is_on]);
  return (
    <div className="level">
      <Icon name={is_on ? "microphone" : "microphone_off"} />
      {/* biome-ignore lint/a11y/useSemanticElements: a meter element cannot be drawn as bars in every browser */}
      <div
        ref={bars}
        className="level-bars"
        role="meter"
        aria-label={t("microphone_level")}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={0}
      >
        {Array.from({ length: bar_count }, (_, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the bars never move
          <i key={at} />
        ))}
      </div>
      <span className="muted level-words">
        {is_on ? t(has_heard ? "level_heard" : "level_silent") : t("level_off")}
      </span>
    </div>
  );
}
