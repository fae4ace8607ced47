/** What goes beyond what an agent was declared to touch, and how people are told of it. Pure. */
import { compileGlob } from "@tollgate/instrumentation/policy";
import { formatUsd, type NanoUsd } from "@tollgate/instrumentation/pricing";
import type { AgentDocument } from "./agent-document.ts";
import type { ToolDocument } from "./tool-document.ts";

/** Something beyond the declaration. */
export interface Beyond {
  readonly agent: string;
  /** Names, where several are meant; "" where it is no tool's doing. */
  readonly tool: string;
  readonly what: "system" | "action" | "environment" | "tool" | "money" | "destination" | "records";
  /** The system, the action, the environment, the amount; "" for a tool that nobody declared. */
  readonly value: string;
  /** Nobody did it yet: documents in force would let it happen. */
  readonly isPossible?: true;
}

export type Radius = NonNullable<AgentDocument["blast_radius"]>;

/** An action of a tool whose document names none. */
export const UNDECLARED_ACTION = "(undeclared)";

/** What is declared of a tool beyond the systems and actions of a radius. */
export function beyondOf(
  radius: Radius,
  { systems, actions }: ToolDocument,
): readonly Pick<Beyond, "what" | "value">[] {
  const beyond = (what: "system" | "action", values: readonly string[], declared: readonly string[] | undefined) =>
    declared === undefined
      ? []
      : values.filter((value) => !declared.includes(value)).map((value) => ({ what, value }) as const);
  const does = actions.length === 0 ? [UNDECLARED_ACTION] : actions;
  return [...beyond("system", systems, radius.systems), ...beyond("action", does, radius.actions)];
}

/** Whether a name, or all of a pattern, is among what patterns mean. Case does not count. */
export function meansOneOf(patterns: readonly string[]): (name: string) => boolean {
  const globs = patterns.map((pattern) => compileGlob(pattern.toLowerCase()));
  return (name) => globs.some((matches) => matches(name.toLowerCase()));
}

/** Money that was, or could be, spent in a day. */
export function inADay(nanoUsd: bigint): string {
  return `$${formatUsd(nanoUsd as NanoUsd).replace(/(\.\d{2}\d*?)0+$/, "$1")} in a day`;
}

/** One finding for people. */
export function beyondText({ agent, tool, what, value, isPossible }: Beyond): string {
  const who = `agent \`${agent}\``;
  const may = isPossible === true;
  switch (what) {
    case "money":
      return `${who} ${may ? "may spend" : "spent"} ${value}, beyond its blast radius`;
    case "tool":
      if (tool === "") return `${who} may use tools that no \`kind: tool\` document declares`;
      return `${who} ${may ? "may use" : "uses"} \`${tool}\`, which no \`kind: tool\` document declares`;
    case "records":
      return `${who}: \`${tool}\` ${may ? "may be" : "was"} about ${value} records at once, beyond its blast radius`;
    case "environment":
    case "destination":
    case "system":
    case "action": {
      const doer = tool === "" ? "it" : `\`${tool}\``;
      return `${who}: ${doer} ${may ? "may reach" : "reaches"} the ${what} \`${value}\`, beyond its blast radius`;
    }
    default:
      return what satisfies never;
  }
}
