/** One run of a fleet against one budget, and the three books after it. */
import { AgentProcess } from "../../src/demo/agent-process.ts";
import { clickHouseCount, ledgerCount, type LedgerCount } from "../../src/demo/counts.ts";
import { fleetOf, fleetReport } from "../../src/demo/fleet.ts";
import type { Endpoints, ProcessorProcess } from "../../src/demo/processor-process.ts";
import type { ProviderSimulator } from "../../src/demo/provider/simulator.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { delivered } from "./rig.ts";

export interface FleetRunOptions {
  /** Where the agents find their processor: one, or what stands before several. */
  readonly processor: { readonly endpoints: Pick<Endpoints, "api" | "otlp_http"> };
  readonly providerUrl: string;
  readonly seed: number;
  readonly agents: number;
  readonly callers: number;
  readonly labels: Readonly<Record<string, string>>;
  /** How long callers try again while the gate can't decide. */
  readonly unavailableMs?: number;
  /** Added to the agents' environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the agents; they run until each caller is refused. Which kinds make up the fleet changes with the seed. */
export function startFleet(options: FleetRunOptions): readonly AgentProcess[] {
  return fleetOf(options.agents, options.seed).map(
    (kind, index) =>
      new AgentProcess({
        name: kind.name,
        module: kind.module,
        endpoints: options.processor.endpoints,
        labels: options.labels,
        ...(options.env === undefined ? {} : { env: options.env }),
        plan: {
          providerUrl: options.providerUrl,
          apiKey: kind.name,
          seed: options.seed * 1_000 + index,
          callers: options.callers,
          calls: kind.calls,
          ...(options.unavailableMs === undefined ? {} : { unavailableMs: options.unavailableMs }),
        },
      }),
  );
}

export type FleetReport = Awaited<ReturnType<typeof fleetReport>>;

/** Waits for all agents, and kills those that are left when one of them ended badly. */
export async function finishFleet(agents: readonly AgentProcess[]): Promise<FleetReport> {
  try {
    return await fleetReport(agents);
  } finally {
    await Promise.all(agents.map((agent) => agent.kill()));
  }
}

export interface Books {
  readonly provider: bigint;
  readonly ledger: LedgerCount;
  readonly clickHouse: bigint;
}

const TIMEOUT_MS = 60_000;

/** The three books once all is delivered. */
export async function readBooks(options: {
  readonly processor: ProcessorProcess;
  readonly simulator: ProviderSimulator;
  readonly budget: string;
  /** The labels of the run. */
  readonly labels: Readonly<Record<string, string>>;
}): Promise<Books> {
  const { processor, simulator, budget, labels } = options;
  await waitFor(() => simulator.count().in_flight === 0, { what: "the provider", timeoutMs: TIMEOUT_MS });
  const provider = BigInt(simulator.count().nano_usd);
  const where = Object.entries(labels)
    .map(([key, value]) => `labels['${key}'] = '${value}'`)
    .join(" AND ");
  await delivered({ processor });
  const { nanoUsd: clickHouse } = await clickHouseCount(processor, where);
  return { provider, ledger: await ledgerCount(processor, budget, labels), clickHouse };
}
