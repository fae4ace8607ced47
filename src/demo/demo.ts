/**
 * The demo: a fleet of real agents in processes of their own spends against one hard budget until every caller is refused,
 * and three books that share no code are laid side by side: the provider's, the ledger's and ClickHouse's.
 */
import { AgentProcess } from "./agent-process.ts";
import { askForApproval } from "./approval-run.ts";
import { clickHouseCount, deniedToolSpans, ledgerCount } from "./counts.ts";
import { fleetOf, fleetReport } from "./fleet.ts";
import { killRunaway } from "./kill-run.ts";
import { createWorkspace, ProcessorProcess } from "./processor-process.ts";
import { ProviderSimulator } from "./provider/simulator.ts";
import { waitFor } from "./wait.ts";

export interface DemoOptions {
  readonly seed: number;
  /** As people write it: `$0.50`. */
  readonly budget: string;
  readonly agents: number;
  readonly callers: number;
  /** Told in words what happens. */
  readonly onProgress: (line: string) => void;
  /** Ends the run; everything that was started is stopped. */
  readonly signal: AbortSignal;
}

export interface DemoResult {
  readonly limitNanoUsd: bigint;
  readonly providerNanoUsd: bigint;
  readonly ledgerNanoUsd: bigint;
  readonly clickhouseNanoUsd: bigint;
  /** What the provider billed above the limit. */
  readonly overshootNanoUsd: bigint;
  /** Still reserved in the ledger after all agents have ended. */
  readonly reservedNanoUsd: bigint;
  readonly budgetUsedRatio: number;
  /** Calls the provider billed. */
  readonly calls: number;
  /** Callers that ended because the budget refused them. */
  readonly refused: number;
  /** What stopped callers other than the budget. */
  readonly failed: readonly string[];
  /** The tool did not run, and its refusal is in ClickHouse. */
  readonly toolDenied: boolean;
  /** A tool waited for its approval, ran once with it, and asked again. */
  readonly approvalAsked: boolean;
  /** The runaway acknowledged its kill and did nothing after it. */
  readonly killed: boolean;
  /** From the act to the acknowledgement; `undefined` when there was none. */
  readonly killAfterMs: number | undefined;
  /** The three counts agree, nothing was overspent, every caller was refused by the budget, the tool was denied, the approval asked for and the runaway killed. */
  readonly ok: boolean;
}

const BUDGET_NAME = "demo-fleet";
const DENIED_TOOL = "db_drop_table";
const LATENCY_MS = { min: 40, max: 160 };
const PROGRESS_INTERVAL_MS = 1_000;
/** From the last agent's end until all its spans can be read. */
const VISIBLE_TIMEOUT_MS = 30_000;
const VISIBLE_INTERVAL_MS = 250;

export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  await using stack = new AsyncDisposableStack();
  const simulator = new ProviderSimulator({ seed: options.seed, latencyMs: LATENCY_MS });
  stack.defer(() => simulator.stop());
  const providerUrl = await simulator.start();
  options.onProgress(`provider simulator on ${providerUrl}, seed ${options.seed}`);

  const workspace = await createWorkspace({ governance: governance(options.budget) });
  stack.defer(() => workspace.remove());
  const processor = await ProcessorProcess.start({ workspace });
  stack.defer(async () => void (await processor.stop()));
  options.onProgress(`processor ready: OTLP ${processor.endpoints.otlp_http}, API ${processor.endpoints.api}`);
  options.signal.throwIfAborted();

  const fleet = startFleet({ ...options, providerUrl, processor });
  stack.defer(async () => void (await Promise.all(fleet.map((agent) => agent.kill()))));
  options.onProgress(
    `${fleet.length} agents started, ${options.callers} callers each, one budget of ${options.budget}`,
  );
  const report = await watch(fleet, simulator, options);
  options.onProgress(`all agents have ended: ${report.refused} callers refused; waiting for the last spans`);

  const provider = BigInt(simulator.count().nano_usd);
  const ledger = await ledgerCount(processor, BUDGET_NAME);
  const clickhouse = await visibleCount(processor, provider);
  const toolDenied =
    report.tools.length === 1 && report.tools[0] === "denied" && (await deniedToolSpans(processor, DENIED_TOOL)) === 1;
  const calls = simulator.count().calls;
  options.onProgress("a tool asks for approval, is approved once, and asks again");
  const approvalAsked = await askForApproval({ processor, providerUrl, seed: options.seed });
  options.onProgress("a runaway under no budget starts, and is killed");
  const kill = await killRunaway({ ...options, processor, simulator, providerUrl });
  return judge({
    limitNanoUsd: ledger.limitNanoUsd,
    providerNanoUsd: provider,
    ledgerNanoUsd: ledger.settledNanoUsd,
    clickhouseNanoUsd: clickhouse,
    reservedNanoUsd: ledger.reservedNanoUsd,
    calls,
    refused: report.refused,
    callers: options.agents * options.callers,
    failed: report.failed,
    toolDenied,
    approvalAsked,
    killed: kill.isKilled,
    killAfterMs: kill.afterMs,
  });
}

/** Holds the three counts against each other and against the limit. */
export function judge(
  counted: Omit<DemoResult, "overshootNanoUsd" | "budgetUsedRatio" | "ok"> & { readonly callers: number },
): DemoResult {
  const { callers, ...result } = counted;
  const { limitNanoUsd: limit, providerNanoUsd: provider } = result;
  const overshootNanoUsd = provider > limit ? provider - limit : 0n;
  return {
    ...result,
    overshootNanoUsd,
    budgetUsedRatio: Number(provider) / Number(limit),
    ok:
      provider === result.ledgerNanoUsd &&
      provider === result.clickhouseNanoUsd &&
      overshootNanoUsd === 0n &&
      result.refused === callers &&
      result.toolDenied &&
      result.approvalAsked &&
      result.killed,
  };
}

function governance(budget: string): string {
  return [
    "kind: budget",
    `name: ${BUDGET_NAME}`,
    "scope: { team: demo }",
    `limit: ${JSON.stringify(budget)}`,
    "window: lifetime",
    "mode: hard",
    "---",
    "kind: policy",
    "name: demo-tools",
    'agents: ["*"]',
    'allow: ["*"]',
    'deny: ["db_drop_*"]',
    'require_approval: ["db_write_*"]',
    "",
  ].join("\n");
}

function startFleet(
  options: DemoOptions & { readonly providerUrl: string; readonly processor: ProcessorProcess },
): readonly AgentProcess[] {
  return fleetOf(options.agents).map(
    (kind, index) =>
      new AgentProcess({
        name: kind.name,
        module: kind.module,
        endpoints: options.processor.endpoints,
        labels: { team: "demo" },
        plan: {
          providerUrl: options.providerUrl,
          apiKey: `demo-${kind.name}`,
          seed: options.seed * 1_000 + index,
          callers: options.callers,
          calls: kind.calls,
          ...(index === 0 ? { deniedTool: DENIED_TOOL } : {}),
        },
      }),
  );
}

/** Says what the provider has billed so far until all agents have ended. */
async function watch(
  fleet: readonly AgentProcess[],
  simulator: ProviderSimulator,
  { signal, onProgress }: DemoOptions,
): ReturnType<typeof fleetReport> {
  const timer = setInterval(() => {
    const { calls, nano_usd, in_flight } = simulator.count();
    onProgress(`  ${calls} calls billed, $${dollars(BigInt(nano_usd))}, ${in_flight} in flight`);
  }, PROGRESS_INTERVAL_MS);
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
  try {
    return await Promise.race([fleetReport(fleet), aborted]);
  } finally {
    clearInterval(timer);
  }
}

/** ClickHouse's sum once it has reached what the provider billed, or as it stands at the deadline. */
async function visibleCount(processor: ProcessorProcess, wanted: bigint): Promise<bigint> {
  let last = 0n;
  const probe = async (): Promise<boolean> => {
    last = (await clickHouseCount(processor)).nanoUsd;
    return last >= wanted;
  };
  // A count that stays short is a finding for the table, not a crash.
  await waitFor(probe, { what: "spans", timeoutMs: VISIBLE_TIMEOUT_MS, intervalMs: VISIBLE_INTERVAL_MS }).catch(
    () => false,
  );
  return last;
}

/** Nano-dollars as a decimal string with 9 places. */
export function dollars(nanoUsd: bigint): string {
  const digits = nanoUsd.toString().padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}
