// Builds the SDK as one file for plain pages: dist/sdk.js, an ES module that the server serves as /sdk.js.
import { resolve } from "node:path";
import { defineConfig } from "vite";

const here = import.meta.dirname;

export default defineConfig({
  root: here,
  publicDir: false,
  build: {
    outDir: resolve(here, "dist"),
    // The package's modules stand beside it.
    emptyOutDir: false,
    target: "es2022",
    sourcemap: true,
    lib: { entry: resolve(here, "src/index.ts"), formats: ["es"], fileName: () => "sdk.js" },
  },
});
