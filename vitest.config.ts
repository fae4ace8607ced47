import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes when it comes; the default of a second fails on a busy machine.
    expect: { poll: { timeout: 30_000 } },
    // Tests start real processes (engine, processor, agents) on a machine of two cores: more workers only make them wait.
    maxWorkers: 2,
    reporters: ["default"],
  },
});
