import { type CompiledPolicy, decide, type PolicyRequest, type ToolCatalogue } from "@tollgate/instrumentation/policy";
import type { PolicyCase } from "./case-document.ts";

export interface CaseResult {
  readonly name: string;
  readonly passed: boolean;
  readonly wanted: string;
  readonly decision: string;
  readonly rule: string;
  readonly reason: string;
}

/** The rule of a call that no policy is for. */
const NO_POLICY = "no policy";
const UNTESTED =
  "no policy of these files is for this call: say whose it is, as `agent: { name: … }`, or that `rule: no policy` is wanted";

/** Decides on a case as the gate would: with all the policies that mean its agent. */
export function runCase(
  policyCase: PolicyCase,
  { policies, tools }: { readonly policies: readonly CompiledPolicy[]; readonly tools: ToolCatalogue },
): CaseResult {
  const { decision, rule, reason } = decide(policies, requestOf(policyCase, tools));
  // It would pass whatever the policies say.
  const isUntested = rule === NO_POLICY && policyCase.rule !== NO_POLICY;
  const passed =
    !isUntested &&
    decision === policyCase.decision &&
    (policyCase.rule === undefined || policyCase.rule === rule) &&
    (policyCase.reason === undefined || reason.includes(policyCase.reason));
  const wanted = [policyCase.decision, policyCase.rule, policyCase.reason].filter((part) => part !== undefined);
  return {
    name: policyCase.name ?? `${policyCase.tool} is ${policyCase.decision}`,
    passed,
    wanted: wanted.join(", "),
    decision,
    rule,
    reason: isUntested ? UNTESTED : reason,
  };
}

function requestOf(policyCase: PolicyCase, tools: ToolCatalogue): PolicyRequest {
  const { tool, args, agent, session, tool_facts: facts, expansion, model, environment, now } = policyCase;
  const { destination, destinations } = policyCase;
  const { changed, ...declared } = facts ?? {};
  return {
    tool: { ...tools.factsOf(tool, declared), ...(changed === undefined ? {} : { isChanged: changed }) },
    args,
    ...(agent && { agent: defined(agent) }),
    ...(session && { session: sessionOf(session) }),
    ...(expansion && { expansion }),
    ...(model && { model }),
    ...(destination && { destination }),
    ...(destinations && { destinations }),
    ...(environment && { environment }),
    ...(now && { now: new Date(now) }),
  };
}

function sessionOf(session: NonNullable<PolicyCase["session"]>): NonNullable<PolicyRequest["session"]> {
  const { spent_usd: spentUsd, dry_runs: dryRuns, rehearsed: isRehearsed, ...rest } = session;
  return defined({ ...rest, spentUsd, dryRuns, isRehearsed });
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function defined<T extends object>(value: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Partial<Defined<T>>;
}
