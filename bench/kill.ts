/**
 * From a person's kill to the last call that can still pass, over 1,000 agents with connections of their own on loopback:
 * the real processor in a process of its own, and for each agent the instrumentation's own client, control stream and stop
 * gate. All agents live in this one process and share its core. On 1,000 machines nobody's gate waits while another agent makes its
 * connection to say that it has heard; here it does. So each kill is made twice: with acknowledgements that wait until all gates are
 * shut, and with all of it in one process at once, which is more than any fleet would see. The first kill finds code that has
 * never run, in the processor as in the agents: it is a row of its own, and held to the promise by itself.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../instrumentation/src/lease/clock.ts";
import { createHttpTransport } from "../instrumentation/src/lease/http-transport.ts";
import { LeaseClient } from "../instrumentation/src/lease/lease-client.ts";
import { StopGate } from "../instrumentation/src/stop/stop-gate.ts";
import { createWorkspace, ProcessorProcess } from "../src/demo/processor-process.ts";
import { waitFor } from "../src/demo/wait.ts";
import { percentile } from "./budget-parts/figures.ts";

const AGENTS = 1_000;
const ROUNDS = 5;
const STARTED_AT_ONCE = 50;
const PROMISED_MS = 250;
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

/** What acknowledgements wait for. */
let allTold = Promise.withResolvers<void>();
allTold.resolve();
let untold = 0;

const agents: ConnectedAgent[] = [];
stack.defer(async () => void (await Promise.all(agents.map(({ client }) => client.close()))));
while (agents.length < AGENTS) {
  const some = Array.from({ length: STARTED_AT_ONCE }, (_, index) => connect(`agent-${agents.length + index}`));
  await Promise.all(some.map(({ client }) => client.start()));
  agents.push(...some);
}

// Who kills has an HTTP client that runs and a connection; loading ours is not what is measured.
await (await fetch(`${processor.endpoints.api}/v1/kill`, { headers: { authorization: `Bearer ${token}` } })).text();
const told = { first: [] as number[], apart: [] as number[], together: [] as number[] };
const acknowledged: number[] = [];
for (let round = 0; round < 1 + 2 * ROUNDS; round += 1) {
  const isApart = round % 2 === 0;
  allTold = Promise.withResolvers();
  untold = AGENTS;
  if (!isApart) allTold.resolve();
  const killedAtMs = performance.now();
  const answer = await post<Answer>("/v1/kill", { selector: "agent-*", reason: "bench" });
  if (answer.acknowledged < AGENTS) throw new Error(`${answer.acknowledged} of ${AGENTS} acknowledged`);
  if (agents.some(({ gate, caller }) => gate.isOpen(caller))) throw new Error("an agent that acknowledged goes on");
  const kind = round === 0 ? "first" : isApart ? "apart" : "together";
  told[kind].push(...agents.map(({ toldAtMs }) => toldAtMs - killedAtMs));
  if (!isApart)
    acknowledged.push(...answer.processes.map(({ after_ms: afterMs }) => afterMs ?? Number.POSITIVE_INFINITY));
  allTold.resolve();
  await post("/v1/kill/resume", { selector: "agent-*" });
  await waitFor(() => agents.every(({ gate, caller }) => gate.isOpen(caller)), {
    what: "resumption",
    timeoutMs: TIMEOUT_MS,
  });
}
console.log(
  `${AGENTS} connected agents, a first kill and ${ROUNDS} more of each kind (promise: p99 under ${PROMISED_MS} ms)`,
);
console.log(`first kill → the agent's gate is shut   ${row(told.first)}`);
console.log(`later kills                             ${row(told.apart)}`);
console.log(`the same with all acknowledging         ${row(told.together)}`);
console.log(`kill → its acknowledgement              ${row(acknowledged)}`);
if (Math.max(percentile(told.first, 0.99), percentile(told.apart, 0.99)) >= PROMISED_MS) process.exitCode = 1;

function connect(name: string): ConnectedAgent {
  const caller = { agent: name, labels: { agent: name } };
  const gate = new StopGate({
    clock: systemClock,
    pauseWaitMs: 0,
    processLabels: () => caller.labels,
    openCalls: new Set(),
  });
  const transport = createHttpTransport({ endpoint: new URL(processor.endpoints.api), apiKey: undefined });
  const agent: ConnectedAgent = {
    gate,
    caller,
    toldAtMs: 0,
    client: new LeaseClient({
      transport: { ...transport, stopped: (report) => allTold.promise.then(() => transport.stopped(report)) },
      clock: systemClock,
      logger: SILENT,
      introduction: { agent: name, labels: {}, version: "bench" },
      expectsProcessor: true,
      onHello: () => {},
      onStops: (stops) => {
        const report = gate.onStops(stops);
        agent.toldAtMs = performance.now();
        untold -= 1;
        if (untold === 0) allTold.resolve();
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

function row(values: readonly number[]): string {
  const [p50, p99, last] = [0.5, 0.99, 1].map((share) => percentile(values, share).toFixed(1));
  return `p50 ${p50} ms, p99 ${p99} ms, last ${last} ms`;
}
