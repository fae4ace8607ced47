/**
 * How much an agent may do by itself, on top of what policies say: it only ever takes away. Pure, and part of every decision,
 * so that the gate, /v1/decisions and a replay hold the same. What is declared to only read is nothing done.
 *
 *     observe     nothing is done: what would have been decided is in the reason
 *     suggest     each act is asked for
 *     supervised  acts that delete, send, execute or grant, or can't be undone, are asked for; so is what nobody declared
 *     autonomous  as the policies say; so is an agent of which nothing is said
 */
import type { Decision } from "./decision.ts";
import type { PolicyRequest, ToolFacts } from "./request.ts";

const RISKY: ReadonlySet<string> = new Set(["delete", "send", "execute", "grant"]);
/** Named where no policy decided, so that what was decided on is what an approval is for. */
const POLICY = "autonomy";

/** `decision` as the agent's autonomy leaves it. */
export function underAutonomy(decision: Decision, { agent, tool }: PolicyRequest): Decision {
  const autonomy = agent?.autonomy;
  if (autonomy === undefined || autonomy === "" || autonomy === "autonomous") return decision;
  if (decision.decision === "deny" || decision.decision === "forbid") return decision;
  const rule = `autonomy: ${autonomy}`;
  const named = decision.policy === "" ? { policy: POLICY, policyVersion: autonomy } : {};
  const shared = { ...decision, ...named, rule, matched: [] };
  switch (autonomy) {
    case "observe": {
      if (onlyReads(tool)) return decision;
      const would = `would be \`${decision.decision}\`: ${decision.reason}`;
      return { ...shared, decision: "deny", reason: `the agent only observes; ${would}` };
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
