import { defineConfig } from "vitest/config";

/** Pure code and style, no processes: a new worker for each of these files costs as much as its tests. */
const IN_PROCESS = ["test/unit/**/*.test.ts", "test/conformance/**/*.test.ts", "test/tidy.test.ts"];

/**
 * Clients of models in the test's own process: each of these files patches the same classes, and puts a gate in and takes it out for
 * each test, so one finds what it would have made itself. What hooks the wire or a framework, or starts processes, has a worker of its own:
 * there a patch that an earlier file has left could do the work of one that is broken.
 */
const GATED = [
  "test/integration/instrumentation/{answer-parts,anthropic,anthropic-apis,content,context,guard,guard-clients,openai,openai-apis,openai-embeddings}.test.ts",
];

export default defineConfig({
  test: {
    // These end a test that hangs. What takes ten seconds here takes a minute on a machine that is busy with other work.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // What is waited for comes when it comes; the default of a second fails on a busy machine.
    expect: { poll: { timeout: 60_000 } },
    // Tests start real processes (engine, processor, agents) on a machine of two cores, and wait for them: while one does, two others work.
    maxWorkers: 3,
    reporters: ["default"],
    // Projects run one behind the other by name, from one queue: the short files come last and leave no worker idle at the end.
    projects: [
      { extends: true, test: { name: "system", include: ["test/**/*.test.ts"], exclude: [...IN_PROCESS, ...GATED] } },
      { extends: true, test: { name: "gated", include: GATED, isolate: false } },
      // What a file leaves behind in globals and modules, the next one finds: each file resets what it sets.
      { extends: true, test: { name: "unit", include: IN_PROCESS, isolate: false } },
    ],
  },
});
