import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Tests start real processes (engine, processor, agents) on a machine of two cores: more workers only make them wait.
    maxWorkers: 2,
    reporters: ["default"],
  },
});
