import { describe, expect, it } from "vitest";
import { riskOf, type RiskOptions } from "../../../src/policy/agent-risk.ts";
import type { Beyond } from "../../../src/policy/blast-radius.ts";

const AGENT = {
  kind: "agent" as const,
  name: "db",
  owner: "data",
  autonomy: "supervised" as const,
  reviewed: "2026-11-01",
  rollback: "runbook",
  blast_radius: { systems: ["orders"], actions: ["read", "write"], environments: ["staging"], max_records: 10 },
};
const GOOD: RiskOptions = {
  document: AGENT,
  evidence: { acts: 1_000, denied: 1, errors: 2, approvalsAsked: 3, approvalsDenied: 0, kills: 0, incidents: 0 },
  drift: [],
  excess: [],
  hasPolicy: true,
  hasKey: true,
  nowMs: Date.parse("2026-11-21"),
};
const DRIFT: Beyond = { agent: "db", tool: "x", what: "tool", value: "" };

describe("the register of risks", () => {
  it("takes an agent of which nothing is declared for the worst, and says what is missing", () => {
    const { impact, gaps } = riskOf({ ...GOOD, document: undefined, hasPolicy: false, hasKey: false });
    expect(impact).toBe("high");
    expect(gaps).toContain("not registered");
    expect(gaps).toContain("no policy");
    expect(riskOf(GOOD).gaps).toEqual([]);
  });

  it("finds what went beyond, was killed or was refused often likely, and few acts no proof of anything", () => {
    const likelihood = (change: Partial<RiskOptions>): string => riskOf({ ...GOOD, ...change }).likelihood;
    expect(likelihood({ drift: [DRIFT] })).toBe("high");
    expect(likelihood({ evidence: { ...GOOD.evidence, kills: 1 } })).toBe("high");
    expect(likelihood({ evidence: { ...GOOD.evidence, denied: 51 } })).toBe("high");
    expect(likelihood({ evidence: { ...GOOD.evidence, denied: 0, acts: 5, errors: 0 } })).toBe("medium");
    expect(likelihood({ evidence: { ...GOOD.evidence, denied: 0 } })).toBe("low");
  });

  it("proposes one level up on good evidence, one down on bad, and nothing where there is no level", () => {
    expect(riskOf(GOOD).proposal?.autonomy).toBe("autonomous");
    expect(riskOf({ ...GOOD, drift: [DRIFT] }).proposal).toEqual({
      autonomy: "suggest",
      because: "it did more than declared",
    });
    expect(riskOf({ ...GOOD, evidence: { ...GOOD.evidence, acts: 199 } }).proposal).toBeUndefined();
    const { autonomy: _, ...without } = AGENT;
    expect(riskOf({ ...GOOD, document: without, drift: [DRIFT] }).proposal).toBeUndefined();
  });
});
