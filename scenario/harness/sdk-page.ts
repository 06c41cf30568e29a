// Serves an empty page of another site with the SDK's own sources, so that tests use the SDK as a customer's page would.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";

/** A site that uses the SDK. */
export interface SdkSite {
  /** Its origin; the server must allow it. */
  readonly origin: string;
  close(): Promise<void>;
}

const page = `<!doctype html><meta charset="utf-8"><title>SDK</title><body>
<script type="module">
  import * as parley from "/client/index.ts";
  window.parley = parley;
</script>`;

/** Starts the site on a free port. */
export async function startSdkSite(): Promise<SdkSite> {
  const sources = join(import.meta.dirname, "../../client/src");
  const server = createServer((request, reply) => {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    if (!path.startsWith("/client/")) {
      reply.setHeader("content-type", "text/html").end(page);
      return;
    }
    readFile(join(sources, basename(path)), "utf8").then(
      (text) => reply.setHeader("content-type", "text/javascript").end(stripTypeScriptTypes(text)),
      () => reply.writeHead(404).end(),
    );
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
