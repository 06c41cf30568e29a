// The element through which screen readers hear announcements.
import { useEffect, useState } from "react";
import type { Announcer } from "./announcer.ts";

/** The region that screen readers watch. */
export function LiveRegion({ announcer }: { readonly announcer: Announcer }) {
  const [text, setText] = useState("");
  useEffect(() => announcer.listen(setText), [announcer]);
  return (
    <div className="hidden-text" role="status" aria-live="polite" aria-atomic="true">
      {text}
    </div>
  );
}
