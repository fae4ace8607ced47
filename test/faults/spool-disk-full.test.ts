/**
 * Goal: a disk without room stops the taking and nothing else: clients hear 503 with Retry-After, what was acknowledged stays, no half
 * block is left, and when there is room again all of it is taken and counted once.
 * Method: the spool on a tmpfs of its own, where the machine lets us mount one, else a spool with a quota. The engine is held down
 * under load until the disk is full; the processor is killed while it is, and started again.
 */
import { execFileSync } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { ProcessorProcess } from "../../src/demo/processor-process.ts";
import { createWorkspace } from "../support/workspace.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { killEngines } from "../support/engine-pids.ts";
import { exportRequest, postSpans } from "../support/otlp-json.ts";
import { ownEndpoints } from "../support/own-ports.ts";
import { SpanStorm } from "../support/span-storm.ts";
import { expectStormStored } from "../support/storm-books.ts";

const SEED = 815;
const DISK_BYTES = 1_048_576;
const TIMEOUT_MS = 60_000;

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

it(
  "refuses while there is no room, and takes and counts everything once when there is",
  { timeout: 240_000 },
  async () => {
    const workspace = await createWorkspace({ governance: "", config: quota() });
    stack.defer(() => workspace.remove());
    const spool = join(workspace.dataDir, "spool");
    await mkdir(spool, { recursive: true, mode: 0o700 });
    const isMounted = mountTmpfs(spool);
    process.stdout.write(`seed ${SEED}; the disk is ${isMounted ? "a tmpfs" : "a quota of the spool"}\n`);
    let processor = await ProcessorProcess.start({ workspace, at: await ownEndpoints() });
    stack.defer(async () => void (await processor.stop()));
    const { endpoints } = processor;
    const service = "storm";
    const storm = new SpanStorm({ seed: SEED, url: () => endpoints.otlp_http, service, padding: 1_000 });
    await fillDisk(processor, storm, 10);
    const refusal = await postSpans(endpoints.otlp_http, exportRequest({ "service.name": "other" }, manySpans()));
    expect(refusal.status).toBe(503);
    expect(Number(refusal.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await fetch(`${endpoints.api}/healthz`)).status).toBe(200);

    await processor.kill();
    expect((await readdir(spool)).filter((name) => name.endsWith(".block")).length).toBeGreaterThan(0);
    processor = await ProcessorProcess.start({ workspace, at: endpoints });
    await fillDisk(processor, storm, 20);
    const spans = await storm.finish();
    await expectStormStored({ processor }, { service, spans });
    await waitFor(async () => (await readdir(spool)).join() === "set-aside", {
      what: "an empty spool",
      timeoutMs: TIMEOUT_MS,
    });
    expect(await readdir(join(spool, "set-aside"))).toEqual([]);
  },
);

/** Keeps the engine down until the processor has refused batches for want of room. */
async function fillDisk(processor: ProcessorProcess, storm: SpanStorm, refusals: number): Promise<void> {
  await waitFor(
    () => {
      killEngines(processor.endpoints.pid);
      return (storm.answers.get(503) ?? 0) >= refusals;
    },
    { what: `${refusals} refusals`, timeoutMs: TIMEOUT_MS, intervalMs: 20 },
  );
}

function mountTmpfs(directory: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", directory], { stdio: "ignore" });
  } catch {
    return false;
  }
  stack.defer(() => void execFileSync("umount", ["--lazy", directory]));
  return true;
}

function quota(): string {
  const isRoot = process.getuid?.() === 0;
  return isRoot ? "" : `exporters: { clickhouse: { spool: { max_bytes: ${DISK_BYTES} } } }\n`;
}

/** More than the disk has room for, whatever became free just now. */
function manySpans(): { readonly name: string; readonly attributes: Readonly<Record<string, string>> }[] {
  return Array.from({ length: 40 }, () => ({ name: "large", attributes: { text: "x".repeat(40_000) } }));
}
