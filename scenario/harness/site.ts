// A site of somebody else on a free port, whose pages use Parley.
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** A running one. */
export interface Site {
  /** Its origin; the server must allow it. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Starts it. Browsers take `localhost` and the server's 127.0.0.1 for two sites, and two ports of one host for one. */
export async function startSite(
  answer: RequestListener,
  host: "127.0.0.1" | "localhost" = "127.0.0.1",
): Promise<Site> {
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, host, done));
  return {
    origin: `http://${host}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
