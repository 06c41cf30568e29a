// Typed notices without a dependency on the DOM's EventTarget.

/** Something one can listen to; `Events` maps a notice's name to what it carries. */
export interface Notices<Events extends object> {
  /** Calls `listener` at each notice until the returned function is called. */
  on<Name extends keyof Events>(name: Name, listener: (carried: Events[Name]) => void): () => void;
}

/** The sending end of {@link Notices}. */
export interface Emitter<Events extends object> extends Notices<Events> {
  /** Tells every listener. A listener that throws does not stop the others: its error is reported as uncaught. */
  emit<Name extends keyof Events>(name: Name, carried: Events[Name]): void;
}

/** Makes an {@link Emitter}. */
export function createEmitter<Events extends object>(): Emitter<Events> {
  const listeners = new Map<keyof Events, Set<(carried: never) => void>>();
  return {
    on(name, listener) {
      const told = listeners.get(name) ?? new Set();
      listeners.set(name, told);
      // Wrapped, so that one function registered twice is told twice and removed one at a time.
      const entry = (carried: never): void => listener(carried);
      told.add(entry);
      return () => told.delete(entry);
    },
    emit(name, carried) {
      for (const listener of [...(listeners.get(name) ?? [])]) {
        try {
          listener(carried as never);
        } catch (thrown) {
          queueMicrotask(() => {
            throw thrown;
          });
        }
      }
    },
  };
}
