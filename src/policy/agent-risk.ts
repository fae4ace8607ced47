/**
 * The register of risks: how likely an agent does harm, by what it did; how much, by what was declared of it; and what is
 * missing to know either. The criteria are these functions, in plain numbers, so that a change of them is a change of code.
 */
import { type Autonomy, AUTONOMY_LEVELS } from "@tollgate/instrumentation/policy";
import type { AgentDocument } from "./agent-document.ts";
import type { Beyond } from "./blast-radius.ts";
import { counted } from "../support/counted.ts";

export type RiskLevel = "low" | "medium" | "high";

/** What an agent did in the window that is looked at. */
export interface AgentEvidence {
  /** Sessions, or workflows or traces where there are none. */
  readonly runs: number;
  /** Tool calls and model calls. */
  readonly acts: number;
  readonly denied: number;
  /** Acts that policies would have let through, of an agent that is to observe only. */
  readonly observed: number;
  readonly errors: number;
  readonly approvalsAsked: number;
  readonly approvalsDenied: number;
  /** Somebody made something else of what it asked for. */
  readonly approvalsEdited: number;
  /** Acts that a bypass let through. */
  readonly bypassed: number;
  /** Kills and pauses of it, in force or lifted in the window. */
  readonly stops: number;
  /** That are open. */
  readonly incidents: number;
  /** That are open, or were opened in the window. */
  readonly incidentsLately: number;
}

/** Words of people against what the agent asked for, or against what its policies asked of it. */
export function overridesOf({ approvalsDenied, approvalsEdited, bypassed, stops }: AgentEvidence): number {
  return approvalsDenied + approvalsEdited + bypassed + stops;
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
/** Fewer acts, or runs, than these prove nothing good. */
const PROOF_ACTS_MIN = 200;
const PROOF_RUNS_MIN = 10;
const PROOF_DENIED_SHARE_MAX = 0.005;
const PROOF_ERRORS_SHARE_MAX = 0.02;
const BAD_DENIED_SHARE = 0.05;
const BAD_ERRORS_SHARE = 0.2;
/** So many of its requests denied or edited, and more than this share of all, are bad. */
const BAD_OVERRIDES_MIN = 3;
const BAD_OVERRIDES_SHARE = 0.1;
const USD_A_DAY_MUCH = 1_000;

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
  const { denied, errors, stops, incidents, incidentsLately } = evidence;
  const acts = evidence.acts + evidence.observed;
  if (stops > 0 || incidents > 0 || drift.length > 0 || denied > acts * BAD_DENIED_SHARE) return "high";
  const isDoubtful = excess.length > 0 || incidentsLately > 0 || overridesOf(evidence) > 0;
  if (isDoubtful || denied > 0 || errors > acts * BAD_ERRORS_SHARE) return "medium";
  return acts < PROOF_ACTS_MIN || evidence.runs < PROOF_RUNS_MIN ? "medium" : "low";
}

/** What nobody declared is taken for the worst. */
function impactOf(document: AgentDocument | undefined): RiskLevel {
  const radius = document?.blast_radius;
  if (radius?.actions === undefined || radius.environments === undefined) return "high";
  const inProduction = radius.environments.some((environment) => /^prod/i.test(environment));
  const sendsAnywhere = radius.actions.includes("send") && (radius.destinations ?? ["*"]).includes("*");
  const harms = sendsAnywhere || radius.actions.some((action) => HARMFUL.has(action));
  const isMuch = (radius.max_usd_per_day ?? 0) > USD_A_DAY_MUCH;
  const isMany = isMuch || (radius.max_records ?? RECORDS_MANY + 1) > RECORDS_MANY;
  if (inProduction && (harms || isMany)) return "high";
  return inProduction || harms || isMany ? "medium" : "low";
}

const DIMENSIONS = [
  ["systems", "systems"],
  ["actions", "actions"],
  ["environments", "environments"],
  ["destinations", "destinations"],
  ["max_records", "records"],
  ["max_usd_per_day", "money"],
] as const;

function gapsOf({ document, hasPolicy, hasKey, excess, drift, nowMs }: RiskOptions): readonly string[] {
  const { owner, blast_radius: radius, rollback, autonomy, reviewed } = document ?? {};
  const open =
    radius === undefined ? [] : DIMENSIONS.flatMap(([key, name]) => (radius[key] === undefined ? [name] : []));
  const reviewedMs = reviewed === undefined ? undefined : Date.parse(reviewed);
  const gaps: readonly (readonly [boolean, string])[] = [
    [document === undefined, "not registered"],
    [owner === undefined, "no owner"],
    [!hasPolicy, "no policy"],
    [!hasKey, "no key"],
    [radius === undefined, "no blast radius"],
    [radius !== undefined && open.length > 0, `blast radius without ${open.join(", ")}`],
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
  const because = badEvidence(evidence, drift);
  const down = AUTONOMY_LEVELS[at - 1];
  if (because.length > 0) return down === undefined ? undefined : { autonomy: down, because: because.join(", ") };
  const up = AUTONOMY_LEVELS[at + 1];
  return up === undefined || !isProven(evidence) ? undefined : { autonomy: up, because: evidenceText(evidence) };
}

function badEvidence(evidence: AgentEvidence, drift: readonly Beyond[]): readonly string[] {
  const { denied, errors, approvalsAsked: asked, approvalsDenied, approvalsEdited, stops, incidents } = evidence;
  const acts = evidence.acts + evidence.observed;
  const corrected = approvalsDenied + approvalsEdited;
  const areManyCorrected = corrected >= BAD_OVERRIDES_MIN && corrected > asked * BAD_OVERRIDES_SHARE;
  const bad: readonly (readonly [boolean, string])[] = [
    [stops > 0, "it was stopped"],
    [incidents > 0, "an incident is open"],
    [drift.length > 0, "it did more than declared"],
    [areManyCorrected, `${corrected} of ${asked} acts that it asked for were denied or edited`],
    [denied > acts * BAD_DENIED_SHARE, `${denied} acts were denied and ${acts} ran`],
    [errors > acts * BAD_ERRORS_SHARE, `${errors} of ${acts} acts failed`],
  ];
  return bad.filter(([isBad]) => isBad).map(([, text]) => text);
}

/** What ran under a bypass was not held by what it is to be proved under. */
function isProven(evidence: AgentEvidence): boolean {
  const acts = evidence.acts + evidence.observed;
  return (
    acts >= PROOF_ACTS_MIN &&
    evidence.runs >= PROOF_RUNS_MIN &&
    overridesOf(evidence) === 0 &&
    evidence.incidentsLately === 0 &&
    evidence.denied <= acts * PROOF_DENIED_SHARE_MAX &&
    evidence.errors <= acts * PROOF_ERRORS_SHARE_MAX
  );
}

/** What is known of it, in the order of the criteria. */
export function evidenceText(evidence: AgentEvidence): string {
  const { runs, acts, observed, denied, errors, incidentsLately } = evidence;
  const would = observed === 0 ? "" : `, ${observed} only observed`;
  const overrides = counted(overridesOf(evidence), "override");
  const incidents = counted(incidentsLately, "incident");
  return `${counted(runs, "run")}, ${counted(acts, "act")}${would}, ${denied} denied, ${overrides}, ${incidents}, ${errors} failed`;
}
