import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["tests/core/*.test.ts"], testTimeout: 60_000 } });
