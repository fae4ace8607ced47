/**
 * What other instrumentations of the same library add to the same call, in the same run: they record it, and have nothing to decide, to
 * reserve or to settle. The real packages, set up by bench/agents/trace-openai.mjs.
 */
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/demo/paths.ts";
import type { HeldEngine } from "./held-engine.ts";
import { type AgentOptions, type Block, quantile, TimedAgent } from "./timed-agent.ts";

const OTHERS = ["OpenTelemetry", "OpenLLMetry", "OpenInference"] as const;
const PRELOAD = join(PACKAGE_ROOT, "bench/agents/trace-openai.mjs");
const ROUNDS = 24;

/** How many calls a process makes before it is timed, and in one go. */
export interface Calls {
  readonly warmUp: number;
  readonly block: number;
  readonly callers: number;
}

/** Times the two that are there, `bare` and `gate`, and the others by turns; prints what each adds. */
export async function compareWithOthers(
  ours: Readonly<Record<"bare" | "gate", TimedAgent>>,
  options: Omit<AgentOptions, "nodeArgs" | "env"> & { readonly engine: HeldEngine; readonly calls: Calls },
): Promise<void> {
  const { engine, calls, ...where } = options;
  await using stack = new AsyncDisposableStack();
  const agents = new Map<string, TimedAgent>(Object.entries(ours));
  for (const name of OTHERS) {
    const env = { OTHER: name, OTEL_SERVICE_NAME: name };
    const agent = await TimedAgent.start({ ...where, nodeArgs: ["--import", PRELOAD], env });
    stack.defer(() => agent.end());
    await agent.time(calls.warmUp, calls.callers);
    agents.set(name, agent);
  }
  const one = await timeByTurns(agents, { engine, block: calls.block, callers: 1 });
  const many = await timeByTurns(agents, { engine, block: calls.block, callers: calls.callers });
  console.log(`beside others, that only record: added to a call, µs   (${ROUNDS} rounds by turns, medians)`);
  for (const name of agents.keys()) {
    if (name === "bare") continue;
    const us = (rounds: Rounds, of: keyof Block): string => (added(rounds, name, of) / 1_000).toFixed(0).padStart(4);
    console.log(
      `  ${name.padEnd(14)} one caller: p50 ${us(one, "p50")}, CPU ${us(one, "cpu")};   ${calls.callers} callers: time ${us(many, "each")}, CPU ${us(many, "cpu")}`,
    );
  }
}

type Rounds = readonly ReadonlyMap<string, Block>[];

async function timeByTurns(
  agents: ReadonlyMap<string, TimedAgent>,
  { engine, block, callers }: { readonly engine: HeldEngine; readonly block: number; readonly callers: number },
): Promise<Rounds> {
  const rounds: Map<string, Block>[] = [];
  const names = [...agents.keys()];
  while (rounds.length < ROUNDS) {
    const round = new Map<string, Block>();
    rounds.push(round);
    // Each is first, and behind each other one, as often as the others.
    const from = rounds.length % names.length;
    const order = [...names.slice(from), ...names.slice(0, from)];
    if (rounds.length % 2 === 0) order.reverse();
    await engine.during(async () => {
      for (const name of order) {
        const agent = agents.get(name);
        if (agent !== undefined) round.set(name, await agent.time(block, callers));
      }
    });
  }
  return rounds;
}

/** The median of what the rounds say that it takes more than the bare one. */
function added(rounds: Rounds, name: string, of: keyof Block): number {
  const differences = rounds.map(
    (round) => (round.get(name)?.[of] ?? Number.NaN) - (round.get("bare")?.[of] ?? Number.NaN),
  );
  return quantile(differences, 0.5);
}
