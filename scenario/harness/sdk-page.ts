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

const head = `<!doctype html><meta charset="utf-8"><title>SDK</title>
<script type="importmap">{"imports": {"@parley/client": "/client/index.ts"}}</script><body>`;
const page = `${head}<script type="module">
  import * as parley from "@parley/client";
  window.parley = parley;
</script>`;
/** A page that runs one of the SDK's examples: `/run/<name>`. */
const examplePage = (name: string): string =>
  `${head}<script type="module" src="/examples/${name}.ts"></script>`;

/** Starts the site on a free port. */
export async function startSdkSite(): Promise<SdkSite> {
  const client = join(import.meta.dirname, "../../client");
  const folders: Readonly<Record<string, string>> = {
    client: join(client, "src"),
    examples: join(client, "examples"),
  };
  const server = createServer((request, reply) => {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    const folder = folders[path.split("/")[1] ?? ""];
    if (folder === undefined) {
      const html = path.startsWith("/run/") ? examplePage(basename(path)) : page;
      reply.setHeader("content-type", "text/html").end(html);
      return;
    }
    readFile(join(folder, basename(path)), "utf8").then(
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
