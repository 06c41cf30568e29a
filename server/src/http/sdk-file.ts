// The SDK as one file, of this server's own version: what plain pages and other sites import.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { FastifyInstance, FastifyReply } from "fastify";

const names = ["sdk.js", "sdk.js.map"] as const;

/**
 * Serves `/sdk.js` and its source map from `folder`; nothing where it was not built. A page of any origin may import it: it holds no secret, and
 * what it then asks of the API is judged by http.allowed_origins.
 */
export function addSdkFile(app: FastifyInstance, folder: string): void {
  if (!existsSync(join(folder, names[0]))) return;
  for (const name of names) {
    app.get(`/${name}`, (_request, reply: FastifyReply) => {
      reply.headers({
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
        // Asked again each time, answered by 304 while the server is the same.
        "cache-control": "no-cache",
      });
      return reply.sendFile(name, folder, { cacheControl: false });
    });
  }
}
