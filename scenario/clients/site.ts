// A site of somebody else with one empty page, for clients that are written into it.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The site. */
export interface Site {
  /** Its origin; the server must allow it. */
  readonly origin: string;
  close(): Promise<void>;
}

const page = '<!doctype html><meta charset="utf-8"><title>Another site</title><body>';

/** Serves the page on a free port. Another host than the server's, so that no browser takes the two for one site. */
export async function startSite(): Promise<Site> {
  const server = createServer((_, reply) => {
    reply.setHeader("content-type", "text/html").end(page);
  });
  await new Promise<void>((done) => server.listen(0, "localhost", done));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
