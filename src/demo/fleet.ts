/** The demo's fleet: agents of both module systems and both SDKs, streamed and not, with bounds and without. */
import type { AgentProcess, CallPlan } from "./agent-process.ts";

export interface AgentKind {
  readonly name: string;
  readonly module: "mjs" | "cjs";
  readonly calls: readonly CallPlan[];
}

const OPENAI_MODEL = "gpt-4o-mini";
const ANTHROPIC_MODEL = "claude-haiku-4-5";
const BOUND = 150;

const CHAT: readonly CallPlan[] = [
  { api: "openai.chat", model: OPENAI_MODEL, stream: false, bound: BOUND },
  { api: "openai.chat", model: OPENAI_MODEL, stream: true, bound: BOUND },
];
const RESPONSES: readonly CallPlan[] = [
  { api: "openai.responses", model: OPENAI_MODEL, stream: false, bound: BOUND },
  { api: "openai.responses", model: OPENAI_MODEL, stream: true, bound: BOUND },
];
const MESSAGES: readonly CallPlan[] = [
  { api: "anthropic.messages", model: ANTHROPIC_MODEL, stream: false, bound: BOUND },
  { api: "anthropic.messages", model: ANTHROPIC_MODEL, stream: true, bound: BOUND },
];
const UNBOUNDED: readonly CallPlan[] = [
  { api: "openai.chat", model: OPENAI_MODEL, stream: true },
  { api: "openai.responses", model: OPENAI_MODEL, stream: false },
];

/** The kinds that fleets are made of, walked through in this order. */
export const FLEET: readonly AgentKind[] = [
  { name: "chat-esm", module: "mjs", calls: CHAT },
  { name: "claude-cjs", module: "cjs", calls: MESSAGES },
  { name: "responses-esm", module: "mjs", calls: RESPONSES },
  { name: "chat-cjs", module: "cjs", calls: CHAT },
  { name: "claude-esm", module: "mjs", calls: MESSAGES },
  { name: "responses-cjs", module: "cjs", calls: RESPONSES },
  { name: "mixed-esm", module: "mjs", calls: [...CHAT, ...MESSAGES, ...RESPONSES] },
  { name: "unbounded-cjs", module: "cjs", calls: [...UNBOUNDED, ...MESSAGES] },
];

/** `size` agents with names of their own, starting at the kind `first`. */
export function fleetOf(size: number, first = 0): readonly AgentKind[] {
  return Array.from({ length: size }, (_, index) => {
    const kind = FLEET[(first + index) % FLEET.length] as AgentKind;
    const round = Math.floor(index / FLEET.length);
    return round === 0 ? kind : { ...kind, name: `${kind.name}-${round + 1}` };
  });
}

/** Sums of what the agents of a fleet report. Throws when one did not end well. */
export async function fleetReport(agents: readonly AgentProcess[]): Promise<{
  readonly calls: number;
  readonly refused: number;
  readonly unavailable: number;
  readonly failed: readonly string[];
  readonly tools: readonly string[];
}> {
  const reports = await Promise.all(agents.map((agent) => agent.report()));
  const sum = (count: (report: (typeof reports)[number]) => number): number =>
    reports.reduce((total, report) => total + count(report), 0);
  return {
    calls: sum((report) => report.calls),
    refused: sum((report) => report.refused),
    unavailable: sum((report) => report.unavailable),
    failed: reports.flatMap((report, index) => report.failed.map((code) => `${agents[index]?.name}: ${code}`)),
    tools: reports.map((report) => report.tool).filter((tool) => tool !== ""),
  };
}
