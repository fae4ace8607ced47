import type { Budget } from "../../budget/budget.ts";
import { excessOf } from "../../policy/blast-excess.ts";
import { type Beyond, beyondText } from "../../policy/blast-radius.ts";
import { Decider } from "../../policy/decider.ts";
import type { AgentRegistry } from "../../policy/registry.ts";
import { dayLimits } from "./day-limit.ts";

const SHOWN_MAX = 20;

export interface InForce {
  readonly registry: AgentRegistry;
  readonly budgets: readonly Budget[];
}

/** What documents would let agents do beyond the blast radii that they declare. */
export function excessIn({ registry, budgets }: InForce, decider: Decider = new Decider(registry)): readonly Beyond[] {
  const { agents, tools } = registry;
  const labelsOf = (agent: string) => registry.labels(agent, {});
  const dayLimit = dayLimits(budgets);
  return excessOf({
    agents,
    tools,
    labelsOf,
    decider,
    egressOf: (agent) => registry.egress(agent),
    dayLimitOf: (agent) => dayLimit(labelsOf(agent)),
  });
}

/** The same for people who put the documents in force; the rest is counted. */
export function excessNotes(inForce: InForce): readonly string[] {
  return beyondTexts(excessIn(inForce), SHOWN_MAX);
}

export function beyondTexts(all: readonly Beyond[], shownMax: number): readonly string[] {
  const shown = all.slice(0, shownMax).map(beyondText);
  return all.length > shownMax ? [...shown, `and ${all.length - shownMax} more beyond blast radii`] : shown;
}
