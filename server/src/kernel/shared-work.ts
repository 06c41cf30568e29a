// Work that is done once for all who ask for it at the same time.

/** Work under way, by what it is about. */
export interface SharedWork<Key, Result> {
  /**
   * Joins the work that is under way for `key`, or begins it; all get the same result or failure.
   * `keep` gets a result for later use, unless it was forgotten meanwhile: it may be of before what made it stale.
   */
  run(key: Key, work: () => Promise<Result>, keep: (result: Result) => void): Promise<Result>;
  /** Who asks from now on must not get what is under way. */
  forget(key: Key): void;
  forgetAll(): void;
}

/** Makes it, with nothing under way. */
export function createSharedWork<Key, Result>(): SharedWork<Key, Result> {
  const running = new Map<Key, Promise<Result>>();
  return {
    run(key, work, keep) {
      const under_way = running.get(key);
      if (under_way !== undefined) return under_way;
      const begun = work().then((result) => {
        if (running.get(key) === begun) keep(result);
        return result;
      });
      running.set(key, begun);
      const done = (): void => {
        if (running.get(key) === begun) running.delete(key);
      };
      begun.then(done, done);
      return begun;
    },
    forget: (key) => void running.delete(key),
    forgetAll: () => running.clear(),
  };
}
