// A site of somebody else with one empty page, for clients that are written into it.
import { type Site, startSite } from "../harness/site.ts";

const page = '<!doctype html><meta charset="utf-8"><title>Another site</title><body>';

/** Serves the page on a free port. Another host than the server's, so that no browser takes the two for one site. */
export const startEmptySite = (): Promise<Site> =>
  startSite((_, reply) => reply.setHeader("content-type", "text/html").end(page), "localhost");
