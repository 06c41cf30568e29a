// What one set for meetings in this browser.
import { useState } from "react";
import { readPreference, writePreference } from "../look/preferences.ts";
import type { MeetingSettings } from "./boxes.tsx";

/** The settings of this browser, and how to change them. */
export function useMeetingSettings(): MeetingSettings {
  const [is_self_hidden, setSelfHidden] = useState(() => readPreference("hide_self") === "on");
  const [has_shortcuts, setShortcuts] = useState(() => readPreference("shortcuts") !== "off");
  return {
    is_self_hidden,
    has_shortcuts,
    hideSelf(is_hidden) {
      writePreference("hide_self", is_hidden ? "on" : null);
      setSelfHidden(is_hidden);
    },
    useShortcuts(are_used) {
      writePreference("shortcuts", are_used ? null : "off");
      setShortcuts(are_used);
    },
  };
}
