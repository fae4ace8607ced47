/** A processor and a provider for one test file: started before, stopped after, whatever happens between. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import {
  ProcessorProcess,
  type ReceiverKeys,
  type StorageKeys,
  type Workspace,
} from "../../src/demo/processor-process.ts";
import { createWorkspace } from "./workspace.ts";
import { ProviderSimulator, type SimulatorOptions } from "../../src/demo/provider/simulator.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { ownEndpoints } from "./own-ports.ts";
import { scrapeFlows } from "./scrape.ts";

export interface RigOptions {
  readonly governance: string;
  readonly config?: string;
  readonly simulator?: SimulatorOptions;
  /** Added to the processor's environment at its first start. */
  readonly env?: Readonly<Record<string, string>>;
  /** For its first start, too. */
  readonly receiver?: ReceiverKeys;
  readonly storage?: StorageKeys;
}

export interface Rig {
  readonly workspace: Workspace;
  processor: ProcessorProcess;
  readonly simulator: ProviderSimulator;
  readonly providerUrl: string;
}

/** From the last call until its span can be read. */
const VISIBLE_TIMEOUT_MS = 60_000;
const VISIBLE_INTERVAL_MS = 200;
const DELIVERED_TIMEOUT_MS = 60_000;

/** Registers the hooks; the rig is there once they ran. */
export function useRig(options: RigOptions): () => Rig {
  const stack = new AsyncDisposableStack();
  let rig: Rig | undefined;
  beforeAll(async () => {
    const simulator = new ProviderSimulator(options.simulator);
    stack.defer(() => simulator.stop());
    const providerUrl = await simulator.start();
    const workspace = await createWorkspace(options);
    stack.defer(() => workspace.remove());
    const processor = await ProcessorProcess.start({
      workspace,
      at: await ownEndpoints(),
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.receiver === undefined ? {} : { receiver: options.receiver }),
      ...(options.storage === undefined ? {} : { storage: options.storage }),
    });
    const started: Rig = { workspace, processor, simulator, providerUrl };
    stack.defer(async () => void (await started.processor.stop()));
    rig = started;
  });
  afterAll(() => stack.disposeAsync());
  return () => {
    if (rig === undefined) throw new Error("the rig has not started");
    return rig;
  };
}

export type SqlRow = Readonly<Record<string, unknown>>;

/**
 * Waits until nothing is in flight in any component. An insert is answered after all its views, so tables and roll-ups agree from here on;
 * rows of one of them prove nothing about another.
 */
export async function delivered(rig: Pick<Rig, "processor">, timeoutMs = DELIVERED_TIMEOUT_MS): Promise<void> {
  const { endpoints, workspace } = rig.processor;
  const token = (await readFile(join(workspace.dataDir, "token"), "utf8")).trim();
  await waitFor(
    async () => {
      const flows = await scrapeFlows(endpoints.api, token);
      return flows.size > 0 && [...flows.values()].every(({ inFlight }) => inFlight === 0);
    },
    { what: "delivery of all that was taken", timeoutMs, intervalMs: VISIBLE_INTERVAL_MS },
  );
}

/** Rows of a query once there are at least `rows` of them. */
export async function sqlRows(rig: Pick<Rig, "processor">, query: string, rows: number): Promise<readonly SqlRow[]> {
  return waitFor(
    async () => {
      const found = (await rig.processor.cli("sql", query)) as readonly SqlRow[];
      return found.length >= rows ? found : undefined;
    },
    { what: `${rows} rows of ${query}`, timeoutMs: VISIBLE_TIMEOUT_MS, intervalMs: VISIBLE_INTERVAL_MS },
  );
}
