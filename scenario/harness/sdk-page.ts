// Serves an empty page of another site with the SDK's own sources, so that tests use the SDK as a customer's page would.
import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { basename, join } from "node:path";
import { type Site, startSite } from "./site.ts";

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
export function startSdkSite(): Promise<Site> {
  const client = join(import.meta.dirname, "../../client");
  const folders: Readonly<Record<string, string>> = {
    client: join(client, "src"),
    examples: join(client, "examples"),
  };
  return startSite((request, reply) => {
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
}
