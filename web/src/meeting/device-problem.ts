// What to say when a microphone or camera does not open, and what helps.
import type { Problem } from "@parley/client";
import type { TextKey } from "../text/index.ts";

/** Title and remedy for a problem with a device; null for problems that are not about devices. */
export function deviceTexts(
  kind: "microphone" | "camera",
  problem: Problem,
): { readonly title: TextKey; readonly fix: TextKey } | null {
  switch (problem.reason) {
    case "DEVICE_PERMISSION_DENIED":
      return { title: `problem_${kind}_denied`, fix: "fix_denied" };
    case "DEVICE_NOT_FOUND":
      return { title: `problem_${kind}_missing`, fix: "fix_missing" };
    case "DEVICE_BUSY":
      return { title: `problem_${kind}_busy`, fix: "fix_busy" };
    case "DEVICE_LOST":
      return { title: `problem_${kind}_lost`, fix: "fix_lost" };
    case "PAGE_INSECURE":
      return { title: "problem_insecure", fix: "fix_insecure" };
    case "BROWSER_UNSUPPORTED":
      return { title: "problem_unsupported", fix: "fix_unsupported" };
    default:
      return null;
  }
}
