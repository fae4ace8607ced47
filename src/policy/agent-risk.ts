/**
 * The register of risks: how likely an agent does harm, by what it did; how much, by what was declared of it; and what is
 * missing to know either. The criteria are these functions, in plain numbers, so that a change of them is a change of code.
 */
import type { AgentDocument } from "./agent-document.ts";
import type { Beyond } from "./blast-radius.ts";
import { type Autonomy, AUTONOMY_LEVELS } from "./demotion.ts";

export type RiskLevel = "low" | "medium" | "high";

/** What an agent did in the window that is looked at. */
export interface AgentEvidence {
  /** Tool calls and model calls. */
  readonly acts: number;
  readonly denied: number;
  readonly errors: number;
  readonly approvalsAsked: number;
  readonly approvalsDenied: number;
  /** Kills in force or lifted in the window. */
  readonly kills: number;
  /** That are open. */
  readonly incidents: number;
}

export interface AgentRisk {
  readonly likelihood: RiskLevel;
  readonly impact: RiskLevel;
  readonly risk: RiskLevel;
  readonly gaps: readonly string[];
  readonly proposal: { readonly autonomy: Autonomy; readonly because: string } | undefined;
}

const LEVELS: readonly RiskLevel[] = ["low", "medium", "high"];
const HARMFUL: ReadonlySet<string> = new Set(["delete", "grant", "execute"]);
const RECORDS_MANY = 1_000;
const REVIEW_DAYS_MAX = 180;
/** Fewer acts than these prove nothing good. */
const PROOF_ACTS_MIN = 200;
const PROOF_DENIED_SHARE_MAX = 0.005;
const PROOF_ERRORS_SHARE_MAX = 0.02;
const BAD_DENIED_SHARE = 0.05;
const BAD_ERRORS_SHARE = 0.2;

export interface RiskOptions {
  /** `undefined`: nobody registered it. */
  readonly document: AgentDocument | undefined;
  readonly evidence: AgentEvidence;
  readonly drift: readonly Beyond[];
  readonly excess: readonly Beyond[];
  readonly hasPolicy: boolean;
  readonly hasKey: boolean;
  readonly nowMs: number;
}

export function riskOf(options: RiskOptions): AgentRisk {
  const likelihood = likelihoodOf(options);
  const impact = impactOf(options.document);
  const sum = LEVELS.indexOf(likelihood) + LEVELS.indexOf(impact);
  return {
    likelihood,
    impact,
    risk: sum >= 3 ? "high" : sum === 2 ? "medium" : "low",
    gaps: gapsOf(options),
    proposal: proposalOf(options),
  };
}

function likelihoodOf({ evidence, drift, excess }: RiskOptions): RiskLevel {
  const { acts, denied, errors, approvalsDenied, kills, incidents } = evidence;
  if (kills > 0 || incidents > 0 || drift.length > 0 || denied > acts * BAD_DENIED_SHARE) return "high";
  if (excess.length > 0 || approvalsDenied > 0 || denied > 0 || errors > acts * BAD_ERRORS_SHARE) return "medium";
  return acts < PROOF_ACTS_MIN ? "medium" : "low";
}

/** What nobody declared is taken for the worst. */
function impactOf(document: AgentDocument | undefined): RiskLevel {
  const radius = document?.blast_radius;
  if (radius?.actions === undefined || radius.environments === undefined) return "high";
  const inProduction = radius.environments.some((environment) => /^prod/i.test(environment));
  const harms = radius.actions.some((action) => HARMFUL.has(action));
  const isMany = (radius.max_records ?? RECORDS_MANY + 1) > RECORDS_MANY;
  if (inProduction && (harms || isMany)) return "high";
  return inProduction || harms || isMany ? "medium" : "low";
}

function gapsOf({ document, hasPolicy, hasKey, excess, drift, nowMs }: RiskOptions): readonly string[] {
  const { owner, blast_radius: radius, rollback, autonomy, reviewed } = document ?? {};
  const reviewedMs = reviewed === undefined ? undefined : Date.parse(reviewed);
  const gaps: readonly (readonly [boolean, string])[] = [
    [document === undefined, "not registered"],
    [owner === undefined, "no owner"],
    [!hasPolicy, "no policy"],
    [!hasKey, "no key"],
    [radius === undefined, "no blast radius"],
    [autonomy === undefined, "no autonomy"],
    [rollback === undefined, "no rollback"],
    [reviewedMs === undefined, "never reviewed"],
    [reviewedMs !== undefined && nowMs - reviewedMs > REVIEW_DAYS_MAX * 86_400_000, "review is old"],
    [excess.length > 0, "policies allow more than declared"],
    [drift.length > 0, "did more than declared"],
  ];
  return gaps.filter(([isMissing]) => isMissing).map(([, gap]) => gap);
}

/** One level up on good evidence, one down on bad; a person decides, by the agent's document. */
function proposalOf({ document, evidence, drift }: RiskOptions): AgentRisk["proposal"] {
  const autonomy = document?.autonomy;
  if (autonomy === undefined) return undefined;
  const at = AUTONOMY_LEVELS.indexOf(autonomy);
  const { acts, denied, errors, approvalsDenied, kills, incidents } = evidence;
  const bad: readonly (readonly [boolean, string])[] = [
    [kills > 0, "it was killed"],
    [incidents > 0, "an incident is open"],
    [drift.length > 0, "it did more than declared"],
    [denied > acts * BAD_DENIED_SHARE, `${denied} acts were denied and ${acts} ran`],
    [errors > acts * BAD_ERRORS_SHARE, `${errors} of ${acts} acts failed`],
  ];
  const because = bad.filter(([isBad]) => isBad).map(([, text]) => text);
  const down = AUTONOMY_LEVELS[at - 1];
  if (because.length > 0) return down === undefined ? undefined : { autonomy: down, because: because.join(", ") };
  const up = AUTONOMY_LEVELS[at + 1];
  const isProven =
    acts >= PROOF_ACTS_MIN &&
    approvalsDenied === 0 &&
    denied <= acts * PROOF_DENIED_SHARE_MAX &&
    errors <= acts * PROOF_ERRORS_SHARE_MAX;
  if (up === undefined || !isProven) return undefined;
  return { autonomy: up, because: `${acts} acts, ${denied} denied, ${errors} failed, no approval denied` };
}
