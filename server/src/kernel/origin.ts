// Whether a request comes from a page of ours. Only what a browser adds by itself (a cookie) depends on it: a token or a
// key that somebody put there needs no origin.

/** What a request tells of the page behind it. */
export interface PageOfRequest {
  /** The `Origin` header. */
  readonly origin: string | undefined;
  /** The `Sec-Fetch-Site` header, which pages cannot write. */
  readonly fetch_site: string | undefined;
  /** The `Host` header. */
  readonly host: string | undefined;
  /** Whether it came over TLS, as far as we know: behind a proxy that was not named this is false. */
  readonly is_secure: boolean;
}

/**
 * Whether a request is of our own origin, or of no page at all: programs send neither header, browsers send `Origin` with
 * every write and every WebSocket. A page of the same site (another port, a subdomain) is foreign.
 * `public_url` is how others reach us, where a proxy changes `Host`; may be empty.
 */
export function isOwnOrigin(page: PageOfRequest, public_url = ""): boolean {
  const { origin, fetch_site, host, is_secure } = page;
  if (fetch_site !== undefined && fetch_site !== "same-origin" && fetch_site !== "none") {
    return false;
  }
  if (origin === undefined) return true;
  const read = URL.parse(origin);
  if (read === null || read.host === "" || `${read.protocol}//${read.host}` !== origin) {
    return false;
  }
  if (public_url !== "" && origin === URL.parse(public_url)?.origin) return true;
  // What came over TLS cannot be of a plain page; the other way about there may be a proxy that ends TLS.
  if (is_secure && read.protocol !== "https:") return false;
  if (read.protocol !== "https:" && read.protocol !== "http:") return false;
  return host !== undefined && read.host === withoutDefaultPort(host.toLowerCase(), read.protocol);
}

const withoutDefaultPort = (host: string, protocol: string): string =>
  host.replace(protocol === "https:" ? /:443$/ : /:80$/, "");
