/**
 * Goal: three processors over one Valkey serve one fleet as if they were one ledger, whatever is killed: no overshoot by the
 * provider's count, the budget used to its end, and nothing held when all are done.
 * Method: real `serve` processes and a real redis-server (AOF always); the agents' connections are spread over the replicas,
 * so that leases are opened at one and renewed at another. At seeded marks of the spend, kill -9 of a replica, of the
 * store, or of both; what was killed is started again. `TOLLGATE_FAULT_ROUNDS` sets the rounds, `TOLLGATE_FAULT_SEED` the seed,
 * `TOLLGATE_FAULT_AGENTS` and `TOLLGATE_FAULT_CALLERS` the fleet: 8 agents of 64 callers, some 45 seconds of two busy cores.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ledgerCount } from "../../src/demo/counts.ts";
import { ProcessorProcess, type Workspace } from "../../src/demo/processor-process.ts";
import { createWorkspace } from "../support/workspace.ts";
import { ProviderSimulator } from "../../src/demo/provider/simulator.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { Balancer } from "../support/balancer.ts";
import { finishFleet, startFleet } from "../support/fleet-run.ts";
import { ownEndpoints } from "../support/own-ports.ts";
import { Random } from "../support/random.ts";
import { RedisServer } from "../support/redis-server.ts";

const rounds = Number(process.env["TOLLGATE_FAULT_ROUNDS"] ?? 2);
const seed = Number(process.env["TOLLGATE_FAULT_SEED"] ?? 20_261_121);
const REPLICAS = 3;
const AGENTS = Number(process.env["TOLLGATE_FAULT_AGENTS"] ?? 8);
const CALLERS = Number(process.env["TOLLGATE_FAULT_CALLERS"] ?? 64);
/** A larger fleet needs more time for everything, and more money to be at work with. */
const SCALE = Math.ceil((AGENTS * CALLERS) / 128);
/** So much that the fleet is still at work when the last kill comes. */
const LIMIT_USD_CENTS = (4 + 3 * rounds) * SCALE;
const LIMIT_NANO_USD = BigInt(LIMIT_USD_CENTS) * 10_000_000n;
const ROUND_TIMEOUT_MS = 60_000 * SCALE;

interface Replica {
  readonly workspace: Workspace;
  processor: ProcessorProcess;
}

const stack = new AsyncDisposableStack();
const replicas: Replica[] = [];
const simulator = new ProviderSimulator({ seed, latencyMs: { min: 20, max: 60 } });
let providerUrl = "";
let store: RedisServer;
let api: Balancer;
let otlp: Balancer;

const missing = RedisServer.missing();
if (missing !== undefined) console.warn(missing);

beforeAll(async () => {
  if (missing !== undefined) return;
  providerUrl = await simulator.start();
  stack.defer(() => simulator.stop());
  store = await RedisServer.start();
  stack.defer(() => store.remove());
  const limit = `$${(LIMIT_USD_CENTS / 100).toFixed(2)}`;
  const governance = `{ kind: budget, name: fleet, scope: { run: replicas }, limit: ${limit}, window: lifetime, mode: hard }\n`;
  const config = `ledger: { store: valkey, url: "${store.url}" }\n`;
  await Promise.all(
    Array.from({ length: REPLICAS }, async () => {
      const workspace = await createWorkspace({ governance, config });
      stack.defer(() => workspace.remove());
      const replica = { workspace, processor: await ProcessorProcess.start({ workspace, at: await ownEndpoints() }) };
      stack.defer(async () => void (await replica.processor.stop()));
      replicas.push(replica);
    }),
  );
  api = await Balancer.start(replicas.map(({ processor }) => processor.endpoints.api));
  stack.defer(() => api.stop());
  otlp = await Balancer.start(replicas.map(({ processor }) => processor.endpoints.otlp_http));
  stack.defer(() => otlp.stop());
});
afterAll(() => stack.disposeAsync(), 120_000);

test.skipIf(missing !== undefined)(
  `kill -9 of replicas and of their store, ${rounds} rounds: nothing overspent, the budget used, nothing held`,
  async () => {
    const random = new Random(seed);
    const fleet = startFleet({
      processor: { endpoints: { api: api.url, otlp_http: otlp.url } },
      providerUrl,
      seed,
      agents: AGENTS,
      callers: CALLERS,
      labels: { run: "replicas" },
      unavailableMs: rounds * ROUND_TIMEOUT_MS,
    });
    const killed = { replica: 0, store: 0, both: 0 };
    for (let round = 1; round <= rounds; round += 1) {
      const mark = (LIMIT_NANO_USD * BigInt(round * 10 + random.below(8))) / BigInt(rounds * 10 + 12);
      await waitFor(() => BigInt(simulator.count().nano_usd) >= mark, {
        what: `round ${round}: ${mark} of ${LIMIT_NANO_USD}`,
        timeoutMs: ROUND_TIMEOUT_MS,
      });
      const what = round === 1 ? "replica" : round === 2 ? "store" : random.pick(["replica", "store", "both"] as const);
      killed[what] += 1;
      await kill(what, random);
    }
    const report = await finishFleet(fleet);
    await waitFor(() => simulator.count().in_flight === 0, { what: "the provider", timeoutMs: ROUND_TIMEOUT_MS });
    const provider = BigInt(simulator.count().nano_usd);
    const used = Number(provider) / Number(LIMIT_NANO_USD);
    console.log({ seed, ...killed, calls: report.calls, unavailable: report.unavailable, used: used.toFixed(4) });

    expect(report.failed).toEqual([]);
    expect(report.refused).toBe(AGENTS * CALLERS);
    expect(provider).toBeLessThanOrEqual(LIMIT_NANO_USD);
    expect(used).toBeGreaterThanOrEqual(0.95);
    for (const { processor } of replicas) {
      const count = await ledgerCount(processor, "fleet");
      expect(count).toEqual({ limitNanoUsd: LIMIT_NANO_USD, settledNanoUsd: provider, reservedNanoUsd: 0n });
    }
    await waitFor(async () => (await storedNanoUsd()) >= provider, {
      what: "spans",
      timeoutMs: ROUND_TIMEOUT_MS,
      intervalMs: 500,
    });
    expect(await storedNanoUsd()).toBe(provider);
  },
  rounds * ROUND_TIMEOUT_MS + 120_000 * SCALE,
);

/** Cost of all spans, each once: a batch whose first receiver died is sent again, and then each of two engines has it. */
async function storedNanoUsd(): Promise<bigint> {
  const spans = new Map<string, bigint>();
  for (const { processor } of replicas) {
    const [row] = (await processor.cli("sql", SPANS)) as readonly { readonly spans: readonly string[] }[];
    for (const span of row?.spans ?? []) {
      const [id = "", cost = "0"] = span.split(" ");
      spans.set(id, BigInt(cost));
    }
  }
  return [...spans.values()].reduce((sum, cost) => sum + cost, 0n);
}

const SPANS = "SELECT groupArray(concat(trace_id, span_id, ' ', toString(cost_nano_usd))) AS spans FROM llm_calls";

async function kill(what: "replica" | "store" | "both", random: Random): Promise<void> {
  const replica = random.pick(replicas);
  const gone = [...(what === "store" ? [] : [replica.processor.kill()]), ...(what === "replica" ? [] : [store.kill()])];
  await Promise.all(gone);
  if (what !== "replica") await store.run();
  if (what === "store") return;
  const { workspace, processor } = replica;
  replica.processor = await ProcessorProcess.start({ workspace, at: processor.endpoints });
}
