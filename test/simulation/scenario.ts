/** What a seed makes: some of these budgets, tight enough to be reached, who calls under which labels, and what goes wrong. */
import type { Budget } from "../../src/budget/budget.ts";
import type { Labels } from "../../src/budget/ledger.ts";
import { Random } from "../support/random.ts";
import type { Habits } from "./agent.ts";
import type { Weather } from "./network.ts";

export interface Scenario {
  readonly seed: number;
  /** Processors over one store; 0: one, with its own disk. */
  readonly replicas: number;
  readonly budgets: readonly Budget[];
  /** For each agent process the labels that it calls under. */
  readonly agents: readonly (readonly Labels[])[];
  readonly startMs: number;
  readonly durationMs: number;
  readonly ttlMs: number;
  readonly graceMs: number;
  readonly segmentBytesMax: number;
  readonly syncMsMax: number;
  /** Other steps of the disk. */
  readonly stepMsMax: number;
  readonly diskErrorRate: number;
  readonly weather: Weather;
  readonly habits: Habits;
  /** Mean time between the calls of one agent. */
  readonly callEveryMs: number;
  /** Mean time between things that go wrong. */
  readonly mishapEveryMs: number;
  /** How long an agent may be cut off. */
  readonly cutMsMax: number;
  readonly mishaps: readonly Mishap[];
  /** How long a processor may be away. @default by the seed */
  readonly restartMsMax?: number;
  /** Also: spend that no lease covers, calls that cost more than they reserved, limits that change at a restart. */
  readonly isWild: boolean;
  /** The ledger's clock is the true one, so that windows can be compared. */
  readonly isClockTrue: boolean;
  /** Nobody raises or changes a limit while it runs, so that thresholds fire once a window. */
  readonly areLimitsFixed: boolean;
  /** Events between two checks of everything. */
  readonly checkEvery: number;
}

export type Mishap =
  | "crash"
  | "restart"
  | "disk full"
  | "cut"
  | "kill"
  | "end"
  | "agent sleep"
  | "agent jump"
  | "ledger jump"
  | "ledger sleep"
  | "foreign spend"
  | "raise"
  | "reload"
  | "withdraw"
  | "rename";

/** Instants with something to get wrong after them: clock changes both ways, the ends of a month and a year. */
const STARTS = [
  Date.UTC(2026, 2, 29, 0, 58),
  Date.UTC(2026, 9, 25, 0, 58),
  Date.UTC(2026, 1, 28, 22, 58),
  Date.UTC(2026, 11, 31, 23, 58),
  Date.UTC(2026, 4, 4, 12),
  // The end of a week and, in a leap year, of February, in Berlin; of a month in Kathmandu (+5:45); half an hour's change on Lord Howe.
  Date.UTC(2026, 4, 3, 21, 58),
  Date.UTC(2028, 1, 29, 22, 58),
  Date.UTC(2026, 5, 30, 18, 13),
  Date.UTC(2026, 3, 4, 14, 58),
];

const MINUTE_MS = 60_000;

const THRESHOLDS: Budget["thresholds"] = [
  { atPercent: 50, do: "notify" },
  { atPercent: 80, do: "downgrade", fallback: { m1: "m2" } },
  { atPercent: 100, do: "stop" },
];

/** Most seeds are small; one in 250 is long, one in 500 large. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ 0x5eed);
  if (seed % 500 === 499) return largeScenario(seed, { agents: 100, durationMs: 5000 });
  return seed % 250 === 50 ? longScenario(seed, random) : smallScenario(seed, random);
}

/** Many agents, many budgets, for a short time. */
export function largeScenario(seed: number, size: { readonly agents: number; readonly durationMs: number }): Scenario {
  const random = new Random(seed ^ 0x1a49e);
  const small = smallScenario(seed, random);
  const teams = Math.ceil(size.agents / 10);
  const budgets = [
    ...Array.from({ length: teams }, (_, team) =>
      budget({
        name: `team ${team}`,
        scope: { team: `t${team}` },
        // From what a few calls cost to more than all of them do.
        limit: BigInt(random.between(500, 20_000)),
        thresholds: THRESHOLDS,
      }),
    ),
    budget({ name: "everything", limit: BigInt(size.agents) * 500n, thresholds: THRESHOLDS }),
    budget({
      name: "each agent",
      each: "agent",
      measure: "calls",
      limit: 40n,
      window: { kind: "calendar", unit: "minute" },
    }),
    budget({ name: "each model", each: "model", measure: "tokens", limit: BigInt(size.agents) * 400n }),
  ];
  const agents = Array.from({ length: size.agents }, (_, index): Labels[] => [
    { agent: `a${index}`, team: `t${index % teams}`, model: random.pick(["m1", "m2"]) },
  ]);
  return {
    ...small,
    budgets,
    agents,
    callEveryMs: 250,
    durationMs: size.durationMs,
    mishapEveryMs: 200,
    restartMsMax: 300,
    mishaps: [
      "crash",
      "cut",
      "kill",
      "end",
      "agent sleep",
      ...small.mishaps.filter((mishap) => mishap !== "foreign spend"),
    ],
    segmentBytesMax: 4 * 1024 * 1024,
    isWild: false,
    checkEvery: size.agents,
    habits: { ...small.habits, overrunRate: 0 },
  };
}

/** What the seed makes, before several processors with one store. */
export function replicaScenario(seed: number): Scenario {
  const scenario = scenarioOf(seed);
  const random = new Random(seed ^ 0x7e91);
  return { ...scenario, replicas: random.between(1, 3), segmentBytesMax: random.pick([2048, 16_384, 1_048_576]) };
}

/** Few agents for hours: cut off for longer than every patience, over the turns of days. */
function longScenario(seed: number, random: Random): Scenario {
  const small = smallScenario(seed, random);
  return {
    ...small,
    agents: small.agents.slice(0, 2),
    durationMs: 120 * MINUTE_MS,
    callEveryMs: 20_000,
    mishapEveryMs: 10 * MINUTE_MS,
    cutMsMax: 90 * MINUTE_MS,
    ttlMs: 30_000,
    graceMs: 900_000,
    habits: { ...small.habits, longCallMsMax: 30 * MINUTE_MS },
  };
}

function smallScenario(seed: number, random: Random): Scenario {
  const isWild = random.chance(0.25);
  const ttlMs = random.pick([2000, 5000, 30_000]);
  const graceMs = ttlMs * random.pick([2, 10, 30]);
  const isClockTrue = random.chance(0.6);
  const clockMishaps: Mishap[] = isClockTrue ? [] : ["ledger jump", "ledger sleep"];
  const possible: readonly Mishap[] = [
    "crash",
    "crash",
    "restart",
    "disk full",
    "cut",
    "cut",
    "kill",
    "end",
    "agent sleep",
    "agent jump",
  ];
  const areLimitsFixed = random.chance(0.6);
  const changes: readonly Mishap[] = areLimitsFixed ? [] : ["raise", "reload", "reload", "withdraw", "rename"];
  const mishaps = [...possible.filter(() => random.chance(0.6)), ...clockMishaps, ...changes];
  const budgets = allBudgets(random).filter(() => random.chance(0.4));
  return {
    seed,
    replicas: 0,
    budgets: budgets.length > 0 ? budgets : allBudgets(random),
    agents: Array.from({ length: random.between(1, 4) }, (_, index) => labelsOf(index, random)),
    startMs: random.pick(STARTS) + random.below(120_000),
    durationMs: random.between(5000, 25_000),
    ttlMs,
    graceMs,
    segmentBytesMax: random.pick([1024, 4096, 65_536]),
    syncMsMax: random.pick([0, 5, 20]),
    stepMsMax: random.pick([0, 0, 2]),
    diskErrorRate: random.chance(0.3) ? 0.002 : 0,
    weather: {
      lossRate: random.pick([0, 0.02, 0.1]),
      doubleRate: random.pick([0, 0.05, 0.2]),
      delayMs: random.pick([2, 40, 200]),
      slowMs: Math.min(random.pick([100, 4000, 20_000]), graceMs / 4),
    },
    habits: {
      usdMax: random.pick([200, 800]),
      callMsMax: random.pick([300, 3000]),
      longCallMsMax: random.pick([5000, 60_000, (ttlMs + graceMs) * 2]),
      overrunRate: isWild ? 0.05 : 0,
      exportMs: random.pick([50, 1000, 5000]),
    },
    callEveryMs: random.pick([100, 250, 800]),
    mishapEveryMs: random.pick([700, 2000, 5000]),
    cutMsMax: random.pick([5000, ttlMs * 2, ttlMs + graceMs, (ttlMs + graceMs) * 3]),
    mishaps: isWild ? [...mishaps, "foreign spend", "foreign spend"] : mishaps,
    isWild,
    isClockTrue,
    areLimitsFixed: areLimitsFixed && !isWild,
    checkEvery: 1,
  };
}

function labelsOf(index: number, random: Random): Labels[] {
  return Array.from({ length: random.between(1, 3) }, (): Labels => ({
    agent: `agent-${index % 3}`,
    team: random.pick(["a", "A", "b"]),
    model: random.pick(["m1", "m2"]),
    ...(random.chance(0.7) ? { session: random.pick(["s1", "s2", "S2"]) } : {}),
    ...(random.chance(0.2) ? { ancestors: random.pick(["planner", "planner,agent-0"]) } : {}),
  }));
}

function allBudgets(random: Random): Budget[] {
  const between = (low: number, high: number): bigint => BigInt(random.between(low, high));
  const thresholds = THRESHOLDS;
  return [
    budget({ name: "fleet", limit: between(4000, 60_000), thresholds }),
    budget({
      name: "each agent",
      each: "agent",
      limit: between(4000, 40_000),
      thresholds,
      ...(random.chance(0.5) ? { exceptions: { "agent-0": between(500, 4000) } } : {}),
    }),
    budget({
      name: "team a",
      scope: { team: "A" },
      limit: between(4000, 30_000),
      thresholds: random.chance(0.5) ? [{ atPercent: 70, do: "stop_gracefully" }] : [],
    }),
    budget({ name: "runs", measure: "concurrent_runs", limit: between(1, 4) }),
    budget({ name: "planner", scope: { agent: "planner" }, limit: between(2000, 9000) }),
    budget({
      name: "tokens of m1",
      scope: { model: "m1", team: "*" },
      measure: "tokens",
      limit: between(300, 3000),
      window: { kind: "calendar", unit: "minute" },
      thresholds,
    }),
    budget({
      name: "day",
      limit: between(4000, 60_000),
      window: { kind: "calendar", unit: "day" },
      timeZone: random.pick(["Europe/Berlin", "America/New_York", "UTC"]),
    }),
    budget({
      name: "hour",
      measure: "calls",
      limit: between(50, 400),
      window: { kind: "calendar", unit: "hour" },
      timeZone: random.pick(["Asia/Kolkata", "Europe/Berlin"]),
    }),
    budget({
      name: "week",
      limit: between(4000, 60_000),
      window: { kind: "calendar", unit: random.pick(["week", "month"]) },
      timeZone: random.pick(["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"]),
      thresholds,
    }),
    budget({
      name: "half hours",
      measure: "tokens",
      limit: between(500, 6000),
      window: { kind: "calendar", unit: random.pick(["day", "hour"]) },
      timeZone: random.pick(["Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu"]),
    }),
    // Of three values, the empty one among them.
    budget({ name: "few sessions", each: "session", eachMax: random.pick([1, 2]), limit: between(2000, 20_000) }),
    budget({
      name: "rolling",
      measure: "calls",
      limit: between(30, 200),
      window: { kind: "rolling", durationMs: 5 * MINUTE_MS },
      thresholds,
    }),
    budget({
      name: "rolling minute",
      limit: between(3000, 20_000),
      window: { kind: "rolling", durationMs: MINUTE_MS },
    }),
    budget({
      name: "session",
      measure: "tokens",
      limit: between(400, 5000),
      window: { kind: "run", label: "session" },
    }),
    budget({ name: "output", measure: "output_tokens", limit: between(200, 2000) }),
    budget({ name: "cached", measure: "cached_tokens", limit: between(200, 2000), each: "agent" }),
    budget({ name: "unpriced", measure: "unpriced_calls", limit: between(5, 40), thresholds }),
    budget({
      name: "carried",
      limit: between(4000, 20_000),
      window: { kind: "calendar", unit: "minute" },
      carryOverPercent: random.pick([25, 100]),
    }),
    budget({ name: "soft", mode: "soft", limit: 100n, thresholds }),
    budget({ name: "observed", mode: "observe", measure: "tokens", limit: 5n, each: "model" }),
  ];
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
