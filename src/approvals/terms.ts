import { compileGlob } from "@tollgate/instrumentation/policy";
import type { Act, Terms } from "./request.ts";

/** What config says, structurally. */
export interface TermsRules {
  readonly quorum: number;
  readonly expire_after_ms: number;
  readonly use_within_ms: number;
  readonly separation_of_duties: boolean;
  readonly rules: readonly ({ readonly agents: readonly string[]; readonly tools: readonly string[] } & {
    readonly [K in "quorum" | "expire_after_ms" | "use_within_ms"]?: number | undefined;
  } & { readonly separation_of_duties?: boolean | undefined })[];
}

/** Who answers for an agent, and so may not answer its requests where duties are separate. */
export type ResponsibleFor = (agent: string) => readonly string[];

/** Compiled once: the terms of an act by the first rule that matches it. */
export function termsBy(rules: TermsRules, responsibleFor: ResponsibleFor): (act: Act) => Terms {
  const compiled = rules.rules.map((rule) => ({
    rule,
    agents: rule.agents.map((pattern) => compileGlob(pattern)),
    tools: rule.tools.map((pattern) => compileGlob(pattern)),
  }));
  return (act) => {
    const rule = compiled.find(
      ({ agents, tools }) => agents.some((matches) => matches(act.agent)) && tools.some((matches) => matches(act.tool)),
    )?.rule;
    const isSeparate = rule?.separation_of_duties ?? rules.separation_of_duties;
    return {
      quorum: rule?.quorum ?? rules.quorum,
      expireAfterMs: rule?.expire_after_ms ?? rules.expire_after_ms,
      useWithinMs: rule?.use_within_ms ?? rules.use_within_ms,
      barred: isSeparate ? [...new Set([...responsibleFor(act.agent), act.user])].filter((name) => name !== "") : [],
    };
  };
}
