// How each part is, for /health.
import type { Media } from "../media/index.ts";
import type { Store } from "../store/index.ts";

/** Answers of /health. */
export interface Vitals {
  health(): Promise<{ readonly ok: boolean; readonly parts: object }>;
}

/** Makes them. `isDraining` says whether new work is refused. */
export function createVitals(ports: {
  store: Store;
  media: Media;
  isDraining: () => boolean;
}): Vitals {
  const { store, media } = ports;
  return {
    async health() {
      const database = await store.check();
      const workers = media.health();
      const media_ok = workers.every((worker) => worker.state === "up");
      const is_draining = ports.isDraining();
      return {
        ok: database.ok && media_ok && !is_draining,
        parts: {
          server: { ok: !is_draining, state: is_draining ? "draining" : "up" },
          database,
          media: { ok: media_ok, workers, quarantined: media.quarantined() },
        },
      };
    },
  };
}
