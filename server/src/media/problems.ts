// How the media side can fail a request.
import { catalogue } from "../kernel/problem.ts";

/** Problems of the media port. */
export const mediaProblems = catalogue({
  MEDIA_UNAVAILABLE: {
    status: "UNAVAILABLE",
    title: "The media side is not available at the moment",
  },
  MEDIA_REFUSED: { status: "INTERNAL", title: "The media side refused this" },
  MEDIA_LIMIT_REACHED: {
    status: "RESOURCE_EXHAUSTED",
    title: "A limit of the media side has been reached",
  },
  MEDIA_LINE_NOT_FOUND: {
    status: "INVALID_ARGUMENT",
    title: "The join has no such line",
  },
  MEDIA_ENDPOINT_NOT_FOUND: {
    status: "NOT_FOUND",
    title: "The media half of this join no longer exists",
  },
});
