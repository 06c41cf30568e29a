// How long one has been in.
import { useEffect, useState } from "react";

/** A clock that starts when it is first shown. */
export function Elapsed() {
  const [since] = useState(() => performance.now());
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(
      () => setSeconds(Math.floor((performance.now() - since) / 1000)),
      1_000,
    );
    return () => clearInterval(timer);
  }, [since]);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = (parts[0] === 0 ? parts.slice(1) : parts)
    .map((part, at) => (at === 0 ? String(part) : String(part).padStart(2, "0")))
    .join(":");
  return (
    <span className="time" role="timer" aria-live="off">
      {shown}
    </span>
  );
}
