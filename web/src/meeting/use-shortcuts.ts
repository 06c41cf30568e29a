// Listens to the keyboard and hands each shortcut to whoever does it.
import { useEffect, useRef } from "react";
import { placeOf, type ShortcutAction, shortcutFor } from "./shortcuts.ts";

/** Calls `act` for each shortcut, and `talkEnd` when the key that was held to talk is let go. */
export function useShortcuts(given: {
  readonly is_enabled: boolean;
  readonly act: (action: ShortcutAction) => void;
  readonly talkEnd: () => void;
}): void {
  const latest = useRef(given);
  latest.current = given;
  useEffect(() => {
    let is_talking = false;
    const endTalk = (): void => {
      if (!is_talking) return;
      is_talking = false;
      latest.current.talkEnd();
    };
    const onKeyDown = (event: KeyboardEvent): void => {
      if (!latest.current.is_enabled && event.key !== "Escape") return;
      const action = shortcutFor({
        key: event.key,
        with_modifier: event.ctrlKey || event.metaKey || event.altKey,
        is_repeat: event.repeat,
        is_composing: event.isComposing,
        where: event.target instanceof Element ? placeOf(event.target) : "page",
      });
      // A held key repeats; the page must not scroll by it meanwhile.
      if (is_talking && event.key === " ") event.preventDefault();
      if (!action) return;
      if (action === "talk") is_talking = true;
      event.preventDefault();
      latest.current.act(action);
    };
    const onKeyUp = (event: KeyboardEvent): void => {
      if (event.key === " ") endTalk();
    };
    document.addEventListener("keydown", onKeyDown);
    document.addEventListener("keyup", onKeyUp);
    globalThis.addEventListener("blur", endTalk);
    return () => {
      document.removeEventListener("keydown", onKeyDown);
      document.removeEventListener("keyup", onKeyUp);
      globalThis.removeEventListener("blur", endTalk);
    };
  }, []);
}
