/** `tollgate demo` as a user runs it. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Child } from "../../src/demo/child-process.ts";
import { MAIN_PATH } from "../../src/demo/paths.ts";
import type { DemoJson } from "../../src/demo/report.ts";

const ARGS = [MAIN_PATH, "demo", "--json", "--agents", "3", "--callers", "4", "--budget"] as const;

test("the demo ends with exit code 0 and three counts that agree to the nano-dollar", async () => {
  const exit = await new Child({ args: [...ARGS, "$0.05", "--seed", "5"] }).exit;
  const result = JSON.parse(exit.stdout) as DemoJson;
  expect(result).toMatchObject({
    ok: true,
    overshoot_nano_usd: 0,
    reserved_nano_usd: 0,
    refused: 12,
    tool_denied: true,
    approval_asked: true,
    killed: true,
  });
  expect(result.ledger_nano_usd).toBe(result.provider_nano_usd);
  expect(result.clickhouse_nano_usd).toBe(result.provider_nano_usd);
  expect(result.budget_used_ratio).toBeGreaterThanOrEqual(0.95);
  expect(exit.code).toBe(0);
});

test("an interrupted demo stops what it has started and leaves nothing behind", async () => {
  const directory = await mkdtemp(join(tmpdir(), "demo-"));
  const started = Promise.withResolvers<void>();
  const lines: string[] = [];
  const demo = new Child({
    args: [...ARGS, "$50.00"],
    env: { TMPDIR: directory },
    onStderrLine: (line) => {
      lines.push(line);
      if (line.includes("calls billed")) started.resolve();
    },
  });
  await Promise.race([started.promise, demo.exit]);
  const exit = await demo.end("SIGINT");
  expect(exit.code).toBe(130);
  expect(exit.stdout).toBe("");
  expect(await readdir(directory)).toEqual([]);
  const api = lines.map((line) => /API (http\S+)/.exec(line)?.[1]).find((url) => url !== undefined);
  await expect(fetch(`${api}/healthz`)).rejects.toThrow("fetch failed");
  await rm(directory, { recursive: true });
});

test("a wrong option is bad usage", async () => {
  const exit = await new Child({ args: [MAIN_PATH, "demo", "--agents", "0"] }).exit;
  expect(exit.code).toBe(2);
  expect(exit.stderr).toContain("--agents");
});
