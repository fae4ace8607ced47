/**
 * How much an agent may do by itself, on top of what policies say: it only ever takes away. Pure, and part of every decision,
 * so that the gate, /v1/decisions and a replay hold the same. What is declared to only read is nothing done.
 *
 *     observe     nothing is done: what would have been decided is in the reason
 *     suggest     each act is asked for
 *     supervised  acts that delete, send, execute or grant, or can't be undone, are asked for; so is what nobody declared
 *     autonomous  as the policies say; so is an agent of which nothing is said
 */
import { canonicalArguments } from "./canonical-json.ts";
import type { Decision, ShadowDecision } from "./decision.ts";
import type { PolicyRequest, ToolFacts } from "./request.ts";
import { foldToolName } from "./tool-name.ts";

/** The least first. */
export const AUTONOMY_LEVELS = ["observe", "suggest", "supervised", "autonomous"] as const;
export type Autonomy = (typeof AUTONOMY_LEVELS)[number];

/** Who acts for others has no more autonomy than any of them. What is no level is the least of all; "" and `undefined` say nothing. */
export function leastAutonomy(levels: Iterable<string | undefined>): string | undefined {
  let least: string | undefined;
  for (const level of levels) {
    if (level === undefined || level === "") continue;
    if (least === undefined || rankOf(level) < rankOf(least)) least = level;
  }
  return least;
}

function rankOf(level: string): number {
  return AUTONOMY_LEVELS.indexOf(level as Autonomy);
}

const RISKY: ReadonlySet<string> = new Set(["delete", "send", "execute", "grant"]);
/** Named where no policy decided, so that what was decided on is what an approval is for. */
const POLICY = "autonomy";

/** `decision` as the agent's autonomy leaves it. */
export function underAutonomy(decision: Decision, request: PolicyRequest): Decision {
  const { agent, tool } = request;
  const autonomy = agent?.autonomy;
  if (autonomy === undefined || autonomy === "" || autonomy === "autonomous") return decision;
  if (decision.decision === "deny" || decision.decision === "forbid") return decision;
  const rule = `autonomy: ${autonomy}`;
  const named = decision.policy === "" ? { policy: POLICY, policyVersion: autonomy } : {};
  const shared = { ...decision, ...named, rule, matched: [] };
  const problem = onlyReads(tool) ? undefined : problemOf(decision, request);
  if (problem !== undefined) return { ...shared, decision: "deny", rule: "request", reason: problem };
  switch (autonomy) {
    case "observe": {
      if (onlyReads(tool)) return decision;
      const would = `would be \`${decision.decision}\`: ${decision.reason}`;
      return {
        ...shared,
        decision: "deny",
        reason: `the agent only observes; ${would}`,
        shadow: [wouldBe(decision), ...decision.shadow],
      };
    }
    case "suggest":
      if (decision.decision === "require_approval" || onlyReads(tool)) return decision;
      return {
        ...shared,
        decision: "require_approval",
        reason: "the agent suggests, and each of its acts is asked for",
      };
    case "supervised":
      if (decision.decision === "require_approval" || !isRisky(tool)) return decision;
      return { ...shared, decision: "require_approval", reason: `a supervised agent asks before it ${doing(tool)}` };
    default:
      return { ...shared, decision: "deny", reason: `\`${autonomy}\` is no level of autonomy` };
  }
}

/**
 * Why nobody can be asked about the call: an approval is for exactly one act, so its name and its arguments must be told from all
 * others. Where a policy governs, it has denied such a call already.
 */
function problemOf(decision: Decision, { args, tool }: PolicyRequest): string | undefined {
  const name = foldToolName(tool.name);
  if (!name.ok) return name.reason;
  if (args === undefined || decision.arguments !== undefined) return undefined;
  const canonical = canonicalArguments(args);
  return canonical.ok ? undefined : canonical.reason;
}

function wouldBe({ decision, rule, reason, policy, policyVersion }: Decision): ShadowDecision {
  return { decision, rule, reason, policy, policyVersion };
}

/** Declared, and to nothing else. */
function onlyReads({ actions = [] }: ToolFacts): boolean {
  return actions.length > 0 && actions.every((action) => action === "read");
}

function isRisky({ actions = [], reversibility }: ToolFacts): boolean {
  const isUnknown = actions.length === 0;
  return isUnknown || reversibility === "irreversible" || actions.some((action) => RISKY.has(action));
}

function doing({ actions = [], reversibility }: ToolFacts): string {
  const risky = actions.filter((action) => RISKY.has(action));
  if (actions.length === 0) return "does what nobody declared";
  if (risky.length === 0) return reversibility === "irreversible" ? "does what can't be undone" : "acts";
  return risky.map((action) => `${action}s`).join(" or ");
}
