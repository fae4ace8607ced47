/**
 * What so many calls of one process leave behind: its heap after each fifth of them, what the ledger of a real processor still holds for it,
 * whether each call's money was settled, and whether the process ends by itself. The SDK is the real one; its `fetch` answers at once.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PACKAGE_ROOT } from "../../src/demo/paths.ts";
import { createWorkspace, ProcessorProcess } from "../../src/demo/processor-process.ts";

const GOVERNANCE = "{ kind: budget, name: bench, limit: $100000.00, window: lifetime, mode: hard }\n";
const AGENT = join(PACKAGE_ROOT, "test/support/agents/many-calls.mjs");
/** 12 and 5 tokens of gpt-4o-mini. */
const COST_NANO_USD = 12n * 150n + 5n * 600n;
/** Compiled code and caches that fill up. */
const GROWTH_BYTES_MAX = 3_000_000;

interface Part {
  readonly heap: number;
  readonly made: number;
  readonly cpuUs: number;
}

/** False where a promise is not kept. */
export async function makeManyCalls(calls: number): Promise<boolean> {
  const workspace = await createWorkspace({ governance: GOVERNANCE });
  const processor = await ProcessorProcess.start({ workspace });
  try {
    const { otlp_http: otlp, api } = processor.endpoints;
    const agent = spawn(
      process.execPath,
      ["--expose-gc", "--import", "@tollgate/instrumentation/register", AGENT, String(calls)],
      {
        cwd: PACKAGE_ROOT,
        env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: otlp, TOLLGATE_ENDPOINT: api, TOLLGATE_AGENT: "bench" },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const parts: Part[] = [];
    createInterface(agent.stdout).on("line", (line) => parts.push(tell(JSON.parse(line) as Part)));
    const [code] = (await once(agent, "close")) as [number | null];
    const [budget] = (await processor.cli("budgets")) as [{ readonly settled: string; readonly reserved: string }];
    const made = parts.reduce((sum, part) => sum + part.made, 0);
    const unsettled = BigInt(made) * COST_NANO_USD - BigInt(budget.settled);
    const growth = (parts.at(-1)?.heap ?? Infinity) - (parts[1]?.heap ?? 0);
    console.log(`${made} calls, then the process ended by itself with code ${code}`);
    console.log(`heap from the second fifth to the last: ${(growth / 1e6).toFixed(2)} MB more   (promise: no growth)`);
    console.log(
      `the ledger holds ${budget.reserved} nano-dollars for it, ${unsettled} are not settled   (promise: 0, 0)`,
    );
    return code === 0 && growth < GROWTH_BYTES_MAX && budget.reserved === "0" && unsettled === 0n;
  } finally {
    await processor.stop();
    await workspace.remove();
  }
}

function tell(part: Part): Part {
  console.log(
    `${part.made} calls: heap ${(part.heap / 1e6).toFixed(1)} MB, ${part.cpuUs.toFixed(0)} µs of CPU a call (SDK and gate)`,
  );
  return part;
}
