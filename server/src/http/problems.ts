// What can go wrong with a request before any noun sees it.
import { catalogue } from "../kernel/problem.ts";

/** Problems of the REST edge. */
export const httpProblems = catalogue({
  METHOD_NOT_ALLOWED: {
    status: "INVALID_ARGUMENT",
    title: "This route knows other methods",
    http: 405,
  },
  BODY_TOO_LARGE: { status: "INVALID_ARGUMENT", title: "The body is too large", http: 413 },
  MEDIA_TYPE_NOT_SUPPORTED: {
    status: "INVALID_ARGUMENT",
    title: "The body's type or encoding is not understood",
    http: 415,
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: "INVALID_ARGUMENT",
    title: "This Idempotency-Key was used for another request",
    http: 422,
  },
  MALFORMED_REQUEST: { status: "INVALID_ARGUMENT", title: "The request is not HTTP" },
});
