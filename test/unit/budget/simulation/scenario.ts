/** What a seed makes: some of these budgets, tight enough to be reached, and who calls under which labels. */
import type { Budget } from "../../../../src/budget/budget.ts";
import type { Labels } from "../../../../src/budget/ledger.ts";
import { Random } from "../../../support/random.ts";

export function scenarioOf(seed: number): { budgets: readonly Budget[]; labels: readonly (readonly Labels[])[] } {
  const random = new Random(seed ^ 0x5eed);
  const usd = (low: number, high: number): bigint => BigInt(random.between(low, high));
  const all: Budget[] = [
    budget({ name: "fleet", limit: usd(4000, 60_000) }),
    budget({ name: "each agent", each: "agent", limit: usd(4000, 40_000) }),
    budget({ name: "team a", scope: { team: "A" }, limit: usd(4000, 30_000) }),
    budget({
      name: "tokens of m1",
      scope: { model: "m1", team: "*" },
      measure: "tokens",
      limit: usd(300, 3000),
      window: { kind: "calendar", unit: "minute" },
    }),
    budget({
      name: "day",
      measure: "usd",
      limit: usd(4000, 60_000),
      window: { kind: "calendar", unit: "day" },
      timeZone: "Europe/Berlin",
    }),
    budget({
      name: "hour",
      measure: "calls",
      limit: usd(50, 400),
      window: { kind: "calendar", unit: "hour" },
      timeZone: "Asia/Kolkata",
    }),
    budget({
      name: "rolling",
      measure: "calls",
      limit: usd(30, 200),
      window: { kind: "rolling", durationMs: 300_000 },
    }),
    budget({ name: "session", measure: "tokens", limit: usd(400, 5000), window: { kind: "run", label: "session" } }),
    budget({ name: "soft", mode: "soft", limit: 100n }),
    budget({ name: "observed", mode: "observe", measure: "tokens", limit: 5n, each: "model" }),
  ];
  const budgets = all.filter(() => random.chance(0.5));
  const labels = Array.from({ length: random.between(2, 5) }, (_, index) =>
    Array.from({ length: random.between(1, 3) }, (): Labels => ({
      agent: `agent-${index % 3}`,
      team: random.pick(["a", "A", "b"]),
      model: random.pick(["m1", "m2"]),
      ...(random.chance(0.7) ? { session: random.pick(["s1", "s2", "S2"]) } : {}),
    })),
  );
  return { budgets: budgets.length > 0 ? budgets : all, labels };
}

function budget(of: Partial<Budget> & Pick<Budget, "name" | "limit">): Budget {
  return {
    scope: {},
    each: undefined,
    measure: "usd",
    window: { kind: "lifetime" },
    timeZone: "UTC",
    mode: "hard",
    unknownPrice: "deny",
    thresholds: [],
    ...of,
  };
}
