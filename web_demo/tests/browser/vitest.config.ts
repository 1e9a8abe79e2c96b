import { defineConfig } from "vitest/config";
import { PATIENCE } from "./setting.js";

export default defineConfig({
  test: {
    include: ["tests/browser/*.test.ts", "tests/package/*.test.ts"],
    // A wait that fails says what it waited for; these only end what hangs without one.
    testTimeout: 3 * PATIENCE,
    hookTimeout: 3 * PATIENCE,
    // Each has a browser of its own, which keeps one core busy.
    maxWorkers: 2,
  },
});
