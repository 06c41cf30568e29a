// How long the conference lasts, by the server's clock: the same for everybody, whenever they came in.
import type { JoinedConference } from "@parley/client";
import { useEffect, useState } from "react";
import { readTime } from "../look/people.ts";
import { useSurroundings } from "../look/surroundings.tsx";

const day_s = 86_400;

/** The conference's time; nothing before the server has said what time it is. */
export function Elapsed(props: {
  readonly conference: JoinedConference;
  /** When the conference was made, as the wire says it. */
  readonly since: string;
}) {
  const { t } = useSurroundings();
  const { conference, since } = props;
  const [seconds, setSeconds] = useState<number | null>(null);
  useEffect(() => {
    const read = (): void => {
      const now = conference.serverNow();
      const from = readTime(since);
      setSeconds(
        now === null || !from ? null : Math.max(0, Math.floor((now - from.getTime()) / 1000)),
      );
    };
    read();
    const timer = setInterval(read, 500);
    return () => clearInterval(timer);
  }, [conference, since]);
  if (seconds === null) return null;
  const days = Math.floor(seconds / day_s);
  const time = clockOf(seconds % day_s);
  return (
    <span className="time" role="timer" aria-live="off">
      {days > 0 ? t("elapsed_days", { count: days, time }) : time}
    </span>
  );
}

function clockOf(seconds: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return (parts[0] === 0 ? parts.slice(1) : parts)
    .map((part, at) => (at === 0 ? String(part) : String(part).padStart(2, "0")))
    .join(":");
}
