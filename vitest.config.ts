import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // These end a test that hangs. What takes ten seconds here takes a minute on a machine that is busy with other work.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // What is waited for comes when it comes; the default of a second fails on a busy machine.
    expect: { poll: { timeout: 30_000 } },
    // Tests start real processes (engine, processor, agents) on a machine of two cores: more workers only make them wait.
    maxWorkers: 2,
    reporters: ["default"],
  },
});
