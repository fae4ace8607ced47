/** A runaway under no budget at all, stopped by one command: it has to acknowledge, and the provider must hear no more of it. */
import { AgentProcess } from "./agent-process.ts";
import type { ProcessorProcess } from "./processor-process.ts";
import type { ProviderSimulator } from "./provider/simulator.ts";
import { waitFor } from "./wait.ts";

export interface KillRun {
  readonly processor: ProcessorProcess;
  readonly simulator: ProviderSimulator;
  readonly providerUrl: string;
  readonly seed: number;
  readonly callers: number;
}

export interface KillOutcome {
  /** The process acknowledged, every caller of it was stopped by the kill, and none called again. */
  readonly isKilled: boolean;
  /** From the act to the acknowledgement, by the processor's clock; `undefined` when there was none. */
  readonly afterMs: number | undefined;
}

/** The processor's answer, as far as it matters here. */
interface Reply {
  readonly processes: readonly { readonly acknowledged: boolean; readonly after_ms: number | null }[];
}

const NAME = "runaway";
const CALLS_BEFORE = 20;
const TIMEOUT_MS = 20_000;

export async function killRunaway({ processor, simulator, providerUrl, seed, callers }: KillRun): Promise<KillOutcome> {
  const apiKey = `demo-${NAME}`;
  const billed = (): number => simulator.count().by_key[apiKey]?.calls ?? 0;
  const agent = new AgentProcess({
    name: NAME,
    module: "mjs",
    endpoints: processor.endpoints,
    labels: { team: NAME },
    plan: {
      providerUrl,
      apiKey,
      seed,
      callers,
      calls: [
        { api: "openai.chat", model: "gpt-4o-mini", stream: true, bound: 150 },
        { api: "anthropic.messages", model: "claude-haiku-4-5", stream: false, bound: 150 },
      ],
    },
  });
  try {
    await waitFor(() => billed() >= CALLS_BEFORE, { what: "calls of the runaway", timeoutMs: TIMEOUT_MS });
    const [reply] = (await processor.cli("kill", NAME, "--reason", "the demo's runaway")) as readonly Reply[];
    // What the provider hears from here on was sent after the agent had acknowledged.
    const { requests } = simulator.count();
    const report = await agent.report();
    const process = reply?.processes[0];
    const isStopped = report.failed.length === callers && report.failed.every((code) => code === "agent_killed");
    return {
      isKilled: process?.acknowledged === true && isStopped && simulator.count().requests === requests,
      afterMs: process?.after_ms ?? undefined,
    };
  } finally {
    await agent.kill();
  }
}
