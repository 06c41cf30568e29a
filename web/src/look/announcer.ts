// Tells screen readers what happens, a few things at a time, so that a busy conference does not drown the page.

/** At most one announcement in this time; what comes meanwhile waits. */
const pause_ms = 2_000;

/** What waits to be announced, and the listener that shows it. */
export interface Announcer {
  /** Announces `text`; a text with the same `topic` that still waits is replaced. */
  say(topic: string, text: string): void;
  /** Who shows the announcements; returns what ends it. */
  listen(show: (text: string) => void): () => void;
}

/** Makes an announcer; `wait` calls back after a time and returns what cancels it. */
export function createAnnouncer(
  wait: (ms: number, run: () => void) => () => void = (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
): Announcer {
  const waiting = new Map<string, string>();
  let show: ((text: string) => void) | null = null;
  let cancel: (() => void) | null = null;
  const next = (): void => {
    cancel = null;
    const texts = [...waiting.values()];
    waiting.clear();
    if (texts.length === 0) return;
    show?.(texts.join(". "));
    cancel = wait(pause_ms, next);
  };
  return {
    say(topic, text) {
      waiting.delete(topic);
      waiting.set(topic, text);
      if (!cancel) next();
    },
    listen(shown) {
      show = shown;
      return () => {
        show = null;
        cancel?.();
        cancel = null;
        waiting.clear();
      };
    },
  };
}
