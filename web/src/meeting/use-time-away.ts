// How long somebody was away: asleep, stalled or without a connection. By the wall clock, which goes on while a computer sleeps.
import type { JoinedConference } from "@parley/client";
import { useEffect, useRef } from "react";

const look_ms = 1_000;
/** A pause between two looks that is longer than what a browser does to hidden tabs. */
const sleep_ms = 90_000;

/** Follows a conference; gives a function that tells how long one was away when asked, in milliseconds. */
export function useTimeAway(conference: JoinedConference | null): () => number {
  const seen = useRef({ live_at: 0, looked_at: 0, slept_ms: 0 });
  useEffect(() => {
    if (!conference) return;
    seen.current = { live_at: Date.now(), looked_at: Date.now(), slept_ms: 0 };
    const timer = setInterval(() => {
      const now = Date.now();
      const { looked_at } = seen.current;
      // The connection looks alive for a moment after a sleep.
      if (now - looked_at > sleep_ms) seen.current.slept_ms = now - looked_at;
      if (conference.view.connection === "live") seen.current.live_at = now;
      seen.current.looked_at = now;
    }, look_ms);
    return () => clearInterval(timer);
  }, [conference]);
  return () => {
    const { live_at, looked_at, slept_ms } = seen.current;
    const now = Date.now();
    return Math.max(now - live_at, now - looked_at, slept_ms);
  };
}
