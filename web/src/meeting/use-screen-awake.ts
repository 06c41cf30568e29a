// Keeps a phone's screen on during a meeting.
import { useEffect } from "react";
import { reportFault } from "../look/report.ts";

/** Asks the browser to keep the screen on. It is a kindness: where it is refused (low battery), the meeting goes on. */
export function useScreenAwake(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    let is_gone = false;
    const ask = (): void => {
      // Absent on insecure pages and in older browsers.
      const { wakeLock } = navigator as Partial<Navigator>;
      if (!wakeLock || document.visibilityState !== "visible") return;
      wakeLock.request("screen").then((got) => {
        if (is_gone) got.release().catch(reportFault);
        else lock = got;
      }, refusedKindness);
    };
    ask();
    document.addEventListener("visibilitychange", ask);
    return () => {
      is_gone = true;
      document.removeEventListener("visibilitychange", ask);
      lock?.release().catch(reportFault);
    };
  }, []);
}

function refusedKindness(thrown: unknown): void {
  if (!(thrown instanceof DOMException)) reportFault(thrown);
}
