/**
 * What the gate adds to a call: the same SDK call against the same local server, by a bare process and by one with the
 * instrumentation, a budget and a processor. Blocks of calls alternate between the two, so that both see the same
 * machine; the difference of the medians of each pair of blocks is taken, and the median of those is the result.
 * Promise of the Foundation: under 200 µs at the median.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/demo/paths.ts";
import { createWorkspace, ProcessorProcess } from "../src/demo/processor-process.ts";

const WARM_UP_CALLS = 1_500;
const BLOCK_CALLS = 100;
const BLOCKS = 40;
const LIMIT_US = 200;

const GOVERNANCE = "{ kind: budget, name: bench, limit: $1000.00, window: lifetime, mode: hard }\n";

await using stack = new AsyncDisposableStack();
const simulator = spawn(process.execPath, [join(PACKAGE_ROOT, "dist/demo/provider/main.js")], {
  stdio: ["ignore", "pipe", "inherit"],
});
stack.defer(() => void simulator.kill());
const [line] = (await once(simulator.stdout, "data")) as [Buffer];
const { url } = JSON.parse(line.toString()) as { url: string };
const workspace = await createWorkspace({ governance: GOVERNANCE });
stack.defer(() => workspace.remove());
const processor = await ProcessorProcess.start({ workspace });
stack.defer(async () => void (await processor.stop()));

const bare = await startAgent([]);
const gated = await startAgent(["--import", "@tollgate/instrumentation/register"]);
stack.defer(() => endAgent(bare));
stack.defer(() => endAgent(gated));
await timeCalls(bare, WARM_UP_CALLS);
await timeCalls(gated, WARM_UP_CALLS);

const pairs: { readonly bare: number; readonly gated: number }[] = [];
for (let block = 0; block < BLOCKS; block += 1) {
  // Who goes first changes, so that neither always runs on the warmer machine.
  const isBareFirst = block % 2 === 0;
  const first = median(await timeCalls(isBareFirst ? bare : gated, BLOCK_CALLS));
  const second = median(await timeCalls(isBareFirst ? gated : bare, BLOCK_CALLS));
  pairs.push(isBareFirst ? { bare: first, gated: second } : { bare: second, gated: first });
}
const added = median(pairs.map((pair) => pair.gated - pair.bare)) / 1_000;
const bareUs = median(pairs.map((pair) => pair.bare)) / 1_000;
const gatedUs = median(pairs.map((pair) => pair.gated)) / 1_000;
console.log(`median call, bare   ${bareUs.toFixed(0)} µs`);
console.log(`median call, gated  ${gatedUs.toFixed(0)} µs   ratio ${(gatedUs / bareUs).toFixed(2)}`);
console.log(
  `the gate adds       ${added.toFixed(0)} µs   (promise: under ${LIMIT_US} µs; ${BLOCKS} pairs of ${BLOCK_CALLS} calls)`,
);
process.exitCode = added < LIMIT_US ? 0 : 1;

async function startAgent(nodeArgs: readonly string[]): Promise<ChildProcess> {
  const agent = spawn(process.execPath, [...nodeArgs, join(import.meta.dirname, "agents/timed-calls.mjs"), url], {
    cwd: PACKAGE_ROOT,
    env: {
      ...process.env,
      OTEL_EXPORTER_OTLP_ENDPOINT: processor.endpoints.otlp_http,
      TOLLGATE_ENDPOINT: processor.endpoints.api,
      TOLLGATE_AGENT: "bench",
    },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  await once(agent, "message");
  return agent;
}

/** Waits for the end: the processor must hear the agent's last words. */
async function endAgent(agent: ChildProcess): Promise<void> {
  const ended = once(agent, "exit");
  agent.kill();
  await ended;
}

async function timeCalls(agent: ChildProcess, calls: number): Promise<readonly number[]> {
  agent.send({ calls });
  const [message] = (await once(agent, "message")) as [{ nanoseconds: readonly number[] }];
  return message.nanoseconds;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
