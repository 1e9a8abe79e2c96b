import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The harness, without the page: its runtimes, bundles and photos come from the tests' server. */
export default defineConfig({
  root: here("."),
  base: "./",
  resolve: {
    alias: {
      "fer-export-web/litert": here("../../../src/core/runtimes/litert.ts"),
      "fer-export-web/onnxruntime": here("../../../src/core/runtimes/onnxruntime.ts"),
      "fer-export-web": here("../../../src/core/index.ts"),
    },
    conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "production"],
  },
  build: { target: "es2022", outDir: here("../../../test-results/harness"), emptyOutDir: true },
});
