// The server's wall clock as far as this browser can know it, whatever its own clock says. Pure.

/** Guesses the server's time from what it says. */
export interface ServerClock {
  /** The server said `text` (`YYYY-MM-DD HH:MM:SS.ffffff` UTC) at `now_ms` of the browser's steady clock. */
  heard(text: string, now_ms: number): void;
  /** Milliseconds since 1970 at the server; null before anything was heard. */
  at(now_ms: number): number | null;
}

/** Words that are remembered. What took longest on its way is the worst of them, and a clock that was set is believed after so many. */
const heard_max = 8;

/** Makes one. */
export function createServerClock(): ServerClock {
  const ahead: number[] = [];
  return {
    heard(text, now_ms) {
      const server_ms = Date.parse(`${text.slice(0, 10)}T${text.slice(11, 23)}Z`);
      if (Number.isNaN(server_ms)) return;
      ahead.push(server_ms - now_ms);
      if (ahead.length > heard_max) ahead.shift();
    },
    at: (now_ms) => (ahead.length === 0 ? null : now_ms + Math.max(...ahead)),
  };
}
