/**
 * Goal: however many calls a process makes, it holds no more memory, all money comes back, each call leaves one span, and the process ends
 * by itself. Method: a real agent process, the real SDK, a ledger and a receiver in memory. The long run is `npm run bench gate -- --calls 1000000`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startAgentProcessor } from "../../support/agent-processor.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const CALLS = 8_000;
/** 12 and 5 tokens of gpt-4o-mini. */
const COST = 12n * 150n + 5n * 600n;
/** Compiled code and caches that fill up. What 800 calls leave behind would be more if each left 4 KB. */
const GROWTH_BYTES_MAX = 3_000_000;

it("makes call after call in the same memory, and gives back all it held", { timeout: 120_000 }, async () => {
  const processor = await startAgentProcessor({ limit: 10n ** 13n, keepsSpans: false });
  const script = join(ROOT, "test", "support", "agents", "many-calls.mjs");
  const child = spawn(
    process.execPath,
    ["--expose-gc", "--import", "@tollgate/instrumentation/register", script, String(CALLS)],
    {
      cwd: ROOT,
      env: { PATH: process.env["PATH"], TOLLGATE_ENDPOINT: processor.url, OTEL_EXPORTER_OTLP_ENDPOINT: processor.url },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  try {
    const [code] = (await once(child, "close")) as [number];
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const made = BigInt(Math.ceil(CALLS / 5 / 64) * 64 * 5);
    expect(processor.ledger.settled).toBe(made * COST);
    expect(processor.ledger.outstanding).toBe(0n);
    // The spans of the calls; the chain's closing link is not counted.
    expect(BigInt(processor.count)).toBe(made);
    const parts = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly heap: number });
    const heap = parts.map((part) => part.heap);
    process.stdout.write(
      `${made} calls; heap after each fifth: ${heap.map((bytes) => (bytes / 1e6).toFixed(1)).join(", ")} MB\n`,
    );
    expect((heap.at(-1) ?? Infinity) - (heap[1] ?? 0)).toBeLessThan(GROWTH_BYTES_MAX);
  } finally {
    child.kill("SIGKILL");
    await processor.close();
  }
});
