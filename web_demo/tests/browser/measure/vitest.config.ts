import { defineConfig } from "vitest/config";
import { PATIENCE } from "../setting.js";

/** Not a test: what `python -m benchmarks.web.browser` has measured in browsers. */
export default defineConfig({
  test: { include: ["tests/browser/measure/measure.ts"], testTimeout: 3 * PATIENCE, hookTimeout: 3 * PATIENCE },
});
