// Builds the pages: the console at / and the meeting page for /meet/{conference id}. Output: web/dist.
import { resolve } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig, type ProxyOptions } from "vite";

const here = import.meta.dirname;

// While the pages are developed, a running Parley answers everything that is not a page.
const target = "http://127.0.0.1:8080";
const server: ProxyOptions = { target, ws: true };

export default defineConfig({
  root: here,
  base: "/",
  plugins: [
    react(),
    {
      name: "meeting-page-address",
      configureServer(dev) {
        dev.middlewares.use((request, _reply, next) => {
          if (request.url?.startsWith("/meet/")) request.url = "/meet.html";
          next();
        });
      },
    },
  ],
  resolve: { alias: { "@parley/client": resolve(here, "../client/src/index.ts") } },
  server: {
    proxy: { "/v1.0": server, "/auth": { target }, "/docs": { target }, "/health": { target } },
  },
  build: {
    outDir: resolve(here, "dist"),
    emptyOutDir: true,
    // Everything inlined would be refused by the content security policy (no data: but for images).
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2023",
    rolldownOptions: {
      input: { console: resolve(here, "index.html"), meet: resolve(here, "meet.html") },
    },
  },
});
