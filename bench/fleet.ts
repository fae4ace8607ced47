/**
 * What the gate costs a fleet: calls per second of the same agents with the same 8 callers each against the same provider,
 * bare and gated under one budget that never ends, in turns. Prints the ratio.
 */
import { join } from "node:path";
import { Child } from "../src/demo/child-process.ts";
import { fleetOf } from "../src/demo/fleet.ts";
import { AGENTS_PATH } from "../src/demo/paths.ts";
import { createWorkspace, lastWords, ProcessorProcess } from "../src/demo/processor-process.ts";
import { ProviderSimulator } from "../src/demo/provider/simulator.ts";

const AGENTS = 4;
const CALLERS = 8;
const CALLS_OF_CALLER = 60;
const ROUNDS = 3;

const GOVERNANCE = "{ kind: budget, name: bench, limit: $1000.00, window: lifetime, mode: hard }\n";

await using stack = new AsyncDisposableStack();
const simulator = new ProviderSimulator({ latencyMs: { min: 20, max: 60 } });
stack.defer(() => simulator.stop());
const providerUrl = await simulator.start();
const workspace = await createWorkspace({ governance: GOVERNANCE });
stack.defer(() => workspace.remove());
const processor = await ProcessorProcess.start({ workspace });
stack.defer(async () => void (await processor.stop()));

const rates: { bare: number; gated: number }[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const bare = await callsPerSecond([]);
  const gated = await callsPerSecond(["--import", "@tollgate/instrumentation/register"]);
  rates.push({ bare, gated });
  console.log(`round ${round + 1}: bare ${bare.toFixed(0)} calls/s, gated ${gated.toFixed(0)} calls/s`);
}
const ratios = rates.map(({ bare, gated }) => gated / bare).toSorted((left, right) => left - right);
console.log(
  `gated / bare: ${(ratios[Math.floor(ratios.length / 2)] ?? Number.NaN).toFixed(2)} of the throughput ` +
    `(${AGENTS} processes × ${CALLERS} callers, provider latency 20 to 60 ms, everything on this machine)`,
);

/** Sum of what the agents reached by themselves: their start is not in it. */
async function callsPerSecond(nodeArgs: readonly string[]): Promise<number> {
  const agents = fleetOf(AGENTS).map((kind, index) => {
    const plan = {
      providerUrl,
      apiKey: kind.name,
      seed: index,
      callers: CALLERS,
      callsMax: CALLS_OF_CALLER,
      calls: kind.calls,
    };
    return new Child({
      args: [...nodeArgs, join(AGENTS_PATH, `agent.${kind.module}`), JSON.stringify(plan)],
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: processor.endpoints.otlp_http,
        TOLLGATE_ENDPOINT: processor.endpoints.api,
        TOLLGATE_AGENT: kind.name,
      },
    });
  });
  let sum = 0;
  for (const agent of agents) {
    const exit = await agent.exit;
    if (exit.code !== 0) throw new Error(lastWords(exit));
    const { calls, elapsedMs } = JSON.parse(exit.stdout) as { calls: number; elapsedMs: number };
    sum += (calls * 1_000) / elapsedMs;
  }
  return sum;
}
