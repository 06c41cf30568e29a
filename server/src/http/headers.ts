// Headers that every answer carries, whichever way it leaves: safety, request id, and what pages of other origins may see.

const api_policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";
const exposed_headers = [
  "Location",
  "ETag",
  "Link",
  "Allow",
  "Accept-Post",
  "Accept-Patch",
  "Retry-After",
  "WWW-Authenticate",
  "X-Request-Id",
  "X-Ignored-Members",
  // By these a page of another origin learns from OPTIONS that it may trickle.
  "Access-Control-Allow-Methods",
].join(", ");
const taken_headers = [
  "Authorization",
  "Content-Type",
  "Accept",
  "Idempotency-Key",
  "If-Match",
  "If-None-Match",
  // Sent by clients of early drafts of RFC 9725 in place of If-Match.
  "ETag",
  "Link",
  "X-Request-Id",
  "X-Parley-View",
].join(", ");
/** Seconds that a browser may remember what it was allowed. */
const preflight_age_s = 600;

/** Headers by name. */
export type Headers = Readonly<Record<string, string>>;

/** What a browser writes as the origin of a page that has none, e.g. in a frame sandboxed without `allow-same-origin`. */
export const opaque_origin = "null";

/** Makes headers. */
export interface AnswerHeaders {
  /**
   * Of every answer to a page of this origin (undefined: to no page). `is_for_links`: a join token is enough at this
   * path; then pages without an origin may ask, too (docs/decisions/0013-pages-without-an-origin.md).
   */
  of(origin: string | undefined, is_for_links?: boolean): Headers;
  /** Of an answer to OPTIONS, beside those: what pages of other origins may send to a path with these methods. */
  preflight(origin: string | undefined, methods: string, is_for_links: boolean): Headers;
  /** Whether pages of this other origin may call us. */
  allows(origin: string): boolean;
}

/** Makes them. `origins` are other sites' (`http.allowed_origins`); `*` stands for all. */
export function createAnswerHeaders(origins: readonly string[], is_tls: boolean): AnswerHeaders {
  const fixed: Headers = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": api_policy,
    "cache-control": "no-store",
    ...(is_tls ? { "strict-transport-security": "max-age=31536000" } : {}),
  };
  const allowed = new Set(origins);
  const is_any = allowed.has("*");
  const allows = (origin: string): boolean => is_any || allowed.has(origin);
  const mayAsk = (origin: string, is_for_links: boolean): boolean =>
    allows(origin) || (is_for_links && origin === opaque_origin);
  return {
    allows,
    of(origin, is_for_links = false) {
      if (origin === undefined || (allowed.size === 0 && origin !== opaque_origin)) return fixed;
      if (!mayAsk(origin, is_for_links)) return { ...fixed, vary: "Origin" };
      return {
        ...fixed,
        vary: "Origin",
        // Never with credentials: a browser's cookies are for our own pages.
        "access-control-allow-origin": origin,
        "access-control-expose-headers": exposed_headers,
      };
    },
    preflight(origin, methods, is_for_links) {
      if (origin === undefined || !mayAsk(origin, is_for_links)) return {};
      return {
        vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        "access-control-allow-methods": methods,
        "access-control-allow-headers": taken_headers,
        "access-control-max-age": String(preflight_age_s),
      };
    },
  };
}
