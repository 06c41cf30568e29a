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
  METHOD_NOT_KNOWN: {
    status: "INVALID_ARGUMENT",
    title: "No such method is known here",
    http: 501,
  },
  URL_TOO_LONG: { status: "INVALID_ARGUMENT", title: "The URL is too long", http: 414 },
  HEADERS_TOO_LARGE: { status: "INVALID_ARGUMENT", title: "The headers are too large", http: 431 },
  HTTP_VERSION_NOT_SUPPORTED: {
    status: "INVALID_ARGUMENT",
    title: "This speaks HTTP/1.1 and HTTP/1.0",
    http: 505,
  },
  EXPECTATION_FAILED: {
    status: "INVALID_ARGUMENT",
    title: "The only expectation that is understood is 100-continue",
    http: 417,
  },
  RANGE_NOT_SATISFIABLE: {
    status: "INVALID_ARGUMENT",
    title: "The file has no such range",
    http: 416,
  },
  PRECONDITION_NOT_MET: {
    status: "FAILED_PRECONDITION",
    title: "The file is not as the request wants it",
    http: 412,
  },
  FEATURE_NOT_BUILT: {
    status: "UNAVAILABLE",
    title: "This is known, but this server does not have it",
    http: 501,
  },
});
