import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/browser/*.test.ts", "tests/package/*.test.ts"],
    testTimeout: 180_000,
    hookTimeout: 90_000,
    // One browser at a time: times are measured here too.
    fileParallelism: false,
  },
});
