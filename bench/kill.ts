/**
 * From a person's kill to the last call that can still pass, over 1,000 agents with connections of their own on loopback:
 * the real processor in a process of its own, and for each agent the instrumentation's own client, control stream and stop
 * gate. All agents live in this one process and share its core, so what is printed is more than what 1,000 machines would see.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../instrumentation/src/lease/clock.ts";
import { createHttpTransport } from "../instrumentation/src/lease/http-transport.ts";
import { LeaseClient } from "../instrumentation/src/lease/lease-client.ts";
import { StopGate } from "../instrumentation/src/stop/stop-gate.ts";
import { createWorkspace, ProcessorProcess } from "../src/demo/processor-process.ts";
import { waitFor } from "../src/demo/wait.ts";

const AGENTS = 1_000;
const ROUNDS = 5;
const STARTED_AT_ONCE = 50;
const TIMEOUT_MS = 30_000;
const SILENT = { log: () => {}, once: () => {} };

interface ConnectedAgent {
  readonly client: LeaseClient;
  readonly gate: StopGate;
  readonly caller: { readonly agent: string; readonly labels: Readonly<Record<string, string>> };
  /** When its gate was told last, by this process's clock. */
  toldAtMs: number;
}

interface Answer {
  readonly listening: number;
  readonly acknowledged: number;
  readonly processes: readonly { readonly after_ms: number | null }[];
}

await using stack = new AsyncDisposableStack();
const workspace = await createWorkspace({ governance: "" });
stack.defer(() => workspace.remove());
const processor = await ProcessorProcess.start({ workspace });
stack.defer(async () => void (await processor.stop()));
const token = (await readFile(join(workspace.dataDir, "token"), "utf8")).trim();

const agents: ConnectedAgent[] = [];
stack.defer(async () => void (await Promise.all(agents.map(({ client }) => client.close()))));
while (agents.length < AGENTS) {
  const some = Array.from({ length: STARTED_AT_ONCE }, (_, index) => connect(`agent-${agents.length + index}`));
  await Promise.all(some.map(({ client }) => client.start()));
  agents.push(...some);
}

const told: number[] = [];
const acknowledged: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const killedAtMs = performance.now();
  const answer = await post<Answer>("/v1/kill", { selector: "agent-*", reason: "bench" });
  if (answer.acknowledged < AGENTS) throw new Error(`${answer.acknowledged} of ${AGENTS} acknowledged`);
  if (agents.some(({ gate, caller }) => gate.isOpen(caller))) throw new Error("an agent that acknowledged goes on");
  told.push(...agents.map(({ toldAtMs }) => toldAtMs - killedAtMs));
  acknowledged.push(...answer.processes.map(({ after_ms: afterMs }) => afterMs ?? Number.POSITIVE_INFINITY));
  await post("/v1/kill/resume", { selector: "agent-*" });
  await waitFor(() => agents.every(({ gate, caller }) => gate.isOpen(caller)), {
    what: "resumption",
    timeoutMs: TIMEOUT_MS,
  });
}
console.log(`${AGENTS} connected agents, ${ROUNDS} kills`);
console.log(
  `kill → the agent's gate is shut   p50 ${at(told, 0.5)} ms, p99 ${at(told, 0.99)} ms, last ${at(told, 1)} ms`,
);
console.log(`kill → its acknowledgement        p50 ${at(acknowledged, 0.5)} ms, p99 ${at(acknowledged, 0.99)} ms`);

function connect(name: string): ConnectedAgent {
  const caller = { agent: name, labels: { agent: name } };
  const gate = new StopGate({
    clock: systemClock,
    pauseWaitMs: 0,
    processLabels: () => caller.labels,
    openCalls: new Set(),
  });
  const agent: ConnectedAgent = {
    gate,
    caller,
    toldAtMs: 0,
    client: new LeaseClient({
      transport: createHttpTransport({ endpoint: new URL(processor.endpoints.api), apiKey: undefined }),
      clock: systemClock,
      logger: SILENT,
      introduction: { agent: name, labels: {}, version: "bench" },
      expectsProcessor: true,
      onHello: () => {},
      onStops: (stops) => {
        const report = gate.onStops(stops);
        agent.toldAtMs = performance.now();
        return report;
      },
    }),
  };
  return agent;
}

async function post<Reply>(path: string, body: object): Promise<Reply> {
  const response = await fetch(`${processor.endpoints.api}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ wait_ms: TIMEOUT_MS, ...body }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Reply;
}

function at(values: readonly number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1);
}
