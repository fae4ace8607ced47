/**
 * Goal: a processor that lost its journal knows what was spent, and no money is spent twice; a budget that comes later knows it
 * too. Method: a real fleet spends, the journal is deleted (and with it the grants), the processor starts again on what
 * ClickHouse holds; the provider's own count is the oracle.
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ProcessorProcess } from "../../src/demo/processor-process.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { useRig } from "../support/rig.ts";
import { runSteps } from "../support/step-agent.ts";

const FLEET = `
kind: budget
name: fleet
scope: { team: shop }
limit: $0.01
window: month
mode: hard
`;

const LATER = `
---
kind: budget
name: later
each: agent
limit: 100 calls
rolling: 24h
`;

const rig = useRig({ governance: FLEET, config: "ledger: { lease_ttl_ms: 1000, grace_ms: 20000 }" });

interface Row {
  readonly name: string;
  readonly scope: Readonly<Record<string, string>>;
  readonly settled: string;
  readonly reserved: string;
  readonly gated_usd: string;
  readonly past: string;
}

const request = { model: "gpt-4o", messages: [{ role: "user", content: "hi" }], max_completion_tokens: 60 };
const chat = { kind: "chat", request };

test("S is what it was after the loss of the journal, the limit holds, and a later budget knows the past", async () => {
  const { workspace, providerUrl, simulator } = rig();
  const run = async (calls: number) => {
    const { endpoints } = rig().processor;
    const steps = Array.from({ length: calls }, () => chat);
    return (await runSteps({ name: "one", providerUrl, endpoints, labels: { team: "shop" }, steps })).results;
  };
  const rows = async () => (await rig().processor.cli("budgets")) as readonly Row[];
  const spent = (): bigint => BigInt(simulator.count().nano_usd);
  const restart = async (): Promise<readonly string[]> => {
    const lines: string[] = [];
    rig().processor = await ProcessorProcess.start({ workspace, onStderrLine: (line) => lines.push(line) });
    return lines;
  };

  expect((await run(5)).filter(({ ok }) => !ok)).toEqual([]);
  const before = await waitFor(
    async () => {
      const [row] = await rows();
      return row !== undefined && BigInt(row.settled) === spent() && row.reserved === "0" ? row : undefined;
    },
    { what: "the spend of five calls", timeoutMs: 60_000 },
  );
  await rig().processor.stop();
  await rm(join(workspace.dataDir, "ledger"), { recursive: true });

  const said = await restart();
  expect(await rows()).toMatchObject([{ settled: before.settled, gated_usd: before.gated_usd, past: "counted" }]);
  expect(said.some((line) => line.includes("journal is lost"))).toBe(true);

  // More than fits: the rest of the limit is spent, once leases that were forgotten can live no longer, and no more.
  const results = await waitFor(
    async () => {
      const tried = await run(40);
      return tried.some(({ ok }) => ok) ? tried : undefined;
    },
    { what: "the first grant after the hold", timeoutMs: 60_000 },
  );
  expect(results.at(-1)).toMatchObject({ ok: false, code: "budget_exceeded" });
  expect(spent() <= 10_000_000n).toBe(true);
  expect(spent() >= 9_000_000n).toBe(true);

  const calls = simulator.count().calls;
  await rig().processor.stop();
  await writeFile(join(workspace.path, "governance", "documents.yaml"), FLEET + LATER);
  await restart();
  const later = await waitFor(async () => (await rows()).find(({ name }) => name === "later"), {
    what: "the later budget's past",
    timeoutMs: 60_000,
  });
  expect(later).toMatchObject({ scope: { agent: "one" }, settled: String(calls), past: "joined" });
});
