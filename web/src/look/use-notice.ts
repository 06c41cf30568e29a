// React looks at a value of the SDK that is replaced, never changed, and announced by a notice.
import type { Notices } from "@parley/client";
import { useCallback, useSyncExternalStore } from "react";

/** The value of `read()`, read again whenever `source` gives the notice `name`. */
export function useNotice<Events extends object, Value>(
  source: Notices<Events>,
  name: keyof Events,
  read: () => Value,
): Value {
  const subscribe = useCallback(
    (changed: () => void) => source.on(name, () => changed()),
    [source, name],
  );
  return useSyncExternalStore(subscribe, read);
}
