import { describe, expect, it } from "vitest";
import { type AgentEvidence, riskOf, type RiskOptions } from "../../../src/policy/agent-risk.ts";
import type { Beyond } from "../../../src/policy/blast-radius.ts";

const AGENT = {
  kind: "agent" as const,
  name: "db",
  owner: "data",
  autonomy: "supervised" as const,
  reviewed: "2026-11-01",
  rollback: "runbook",
  blast_radius: {
    systems: ["orders"],
    actions: ["read", "write"],
    environments: ["staging"],
    destinations: ["*.corp.example"],
    max_records: 10,
    max_usd_per_day: 5,
  },
};
const EVIDENCE: AgentEvidence = {
  runs: 40,
  acts: 1_000,
  denied: 1,
  observed: 0,
  errors: 2,
  approvalsAsked: 30,
  approvalsDenied: 0,
  approvalsEdited: 0,
  bypassed: 0,
  stops: 0,
  incidents: 0,
  incidentsLately: 0,
};
const GOOD: RiskOptions = {
  document: AGENT,
  evidence: EVIDENCE,
  drift: [],
  excess: [],
  hasPolicy: true,
  hasKey: true,
  nowMs: Date.parse("2026-11-21"),
};
const DRIFT: Beyond = { agent: "db", tool: "x", what: "tool", value: "" };
const withEvidence = (change: Partial<AgentEvidence>) => riskOf({ ...GOOD, evidence: { ...EVIDENCE, ...change } });

describe("the register of risks", () => {
  it("takes an agent of which nothing is declared for the worst, and says what is missing", () => {
    const { impact, gaps } = riskOf({ ...GOOD, document: undefined, hasPolicy: false, hasKey: false });
    expect(impact).toBe("high");
    expect(gaps).toContain("not registered");
    expect(gaps).toContain("no policy");
    expect(riskOf(GOOD).gaps).toEqual([]);
    const document = { ...AGENT, blast_radius: { systems: ["orders"], environments: [] } };
    expect(riskOf({ ...GOOD, document }).gaps).toEqual(["blast radius without actions, destinations, records, money"]);
    const old = riskOf({ ...GOOD, document: { ...AGENT, reviewed: "2026-05-01" } });
    expect(old.gaps).toEqual(["review is old"]);
  });

  it("takes impact from the declaration", () => {
    const impact = (change: object): string =>
      riskOf({ ...GOOD, document: { ...AGENT, blast_radius: { ...AGENT.blast_radius, ...change } } }).impact;
    expect(impact({})).toBe("low");
    for (const more of [
      { environments: ["production"] },
      { actions: ["delete"] },
      { max_records: 1_001 },
      { max_usd_per_day: 1_001 },
      { actions: ["send"], destinations: ["*"] },
      { actions: ["send"], destinations: undefined },
    ])
      expect([more, impact(more)]).toEqual([more, "medium"]);
    expect(impact({ actions: ["send"] })).toBe("low");
    expect(impact({ environments: ["prod"], actions: ["grant"] })).toBe("high");
  });

  it("finds what went beyond, was stopped or was refused often likely, and few acts or runs no proof of anything", () => {
    const likelihood = (change: Partial<AgentEvidence>): string => withEvidence({ denied: 0, ...change }).likelihood;
    expect(riskOf({ ...GOOD, drift: [DRIFT] }).likelihood).toBe("high");
    expect(likelihood({})).toBe("low");
    for (const high of [{ stops: 1 }, { incidents: 1 }, { denied: 51 }])
      expect([high, likelihood(high)]).toEqual([high, "high"]);
    for (const medium of [
      { acts: 199, errors: 0 },
      { runs: 9 },
      { denied: 1 },
      { errors: 201 },
      { approvalsDenied: 1 },
      { approvalsEdited: 1 },
      { bypassed: 1 },
      { incidentsLately: 1 },
    ])
      expect([medium, likelihood(medium)]).toEqual([medium, "medium"]);
  });

  it("proposes one level up only where runs, denials, overrides, incidents and errors all speak for it", () => {
    expect(riskOf(GOOD).proposal).toEqual({
      autonomy: "autonomous",
      because: "40 runs, 1000 acts, 1 denied, 0 overrides, 0 incidents, 2 failed",
    });
    for (const doubt of [
      { acts: 199 },
      { runs: 9 },
      { denied: 6 },
      { errors: 21 },
      { approvalsDenied: 1 },
      { approvalsEdited: 1 },
      { bypassed: 1 },
      { incidentsLately: 1 },
    ])
      expect([doubt, withEvidence(doubt).proposal]).toEqual([doubt, undefined]);
  });

  it("proposes one level up for an agent that only observes by what it would have done", () => {
    const document = { ...AGENT, autonomy: "observe" as const };
    const evidence = { ...EVIDENCE, acts: 10, observed: 190, denied: 0, errors: 0 };
    expect(riskOf({ ...GOOD, document, evidence }).proposal).toEqual({
      autonomy: "suggest",
      because: "40 runs, 10 acts, 190 only observed, 0 denied, 0 overrides, 0 incidents, 0 failed",
    });
    expect(riskOf({ ...GOOD, document, evidence: { ...evidence, observed: 189 } }).proposal).toBeUndefined();
  });

  it("proposes one level down on bad evidence, and says on which", () => {
    expect(riskOf({ ...GOOD, drift: [DRIFT] }).proposal).toEqual({
      autonomy: "suggest",
      because: "it did more than declared",
    });
    for (const [change, because] of [
      [{ stops: 1 }, "it was stopped"],
      [{ incidents: 1 }, "an incident is open"],
      [{ approvalsDenied: 2, approvalsEdited: 2 }, "4 of 30 acts that it asked for were denied or edited"],
      [{ denied: 51 }, "51 acts were denied and 1000 ran"],
      [{ errors: 201 }, "201 of 1000 acts failed"],
    ] as const)
      expect(withEvidence(change).proposal).toEqual({ autonomy: "suggest", because });
    // Too few to say so: less than three, or less than a tenth.
    for (const change of [{ approvalsDenied: 2, approvalsAsked: 2 }, { approvalsEdited: 3 }])
      expect(withEvidence(change).proposal).toBeUndefined();
  });

  it("proposes nothing where there is no level, or none below", () => {
    const { autonomy: _, ...without } = AGENT;
    expect(riskOf({ ...GOOD, document: without, drift: [DRIFT] }).proposal).toBeUndefined();
    const lowest = { ...AGENT, autonomy: "observe" as const };
    expect(riskOf({ ...GOOD, document: lowest, drift: [DRIFT] }).proposal).toBeUndefined();
  });
});
