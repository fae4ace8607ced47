import { describe, expect, it } from "vitest";
import type { ServiceStatus } from "../../../src/api/status.ts";
import type { Governance } from "../../../src/config/governance/governance.ts";
import { configSchema } from "../../../src/service/config-schema.ts";
import type { QueueSource } from "../../../src/service/queues.ts";
import { spendWarnings, statusNotes, statusWarnings } from "../../../src/service/status-findings.ts";
import { makeBudget } from "../budget/make-budget.ts";
import { fineStatus } from "../../support/service-status.ts";
import { FLEET } from "../api/rig.ts";

const NO_GOVERNANCE: Governance = {
  budgets: [],
  policies: [],
  agents: [],
  prices: [],
  tools: [],
  alerts: [],
  runaways: [],
  documents: [],
  fingerprint: "",
};

function queue(recentEvictedEarly: number): QueueSource {
  const figures = { blocks: 0, items: 0, bytes: 0, bytesMax: 1, oldestAgeMs: 0, setAsideFiles: 0, recentEvictedEarly };
  return { component: "exporters.clickhouse", signal: "traces", read: () => figures };
}

const config = configSchema.parse({});

const warningsOf = (change: Partial<ServiceStatus>, queues: readonly QueueSource[] = []): readonly string[] =>
  statusWarnings({ ...fineStatus(), ...change }, { queues, config, governance: { current: NO_GOVERNANCE } });

const fine = fineStatus();
const [component] = fine.components;
const [spool] = fine.spools;
const engine = fine.engine;

it("names each hard budget that grants nothing for now, and why", () => {
  const closed = { ...FLEET, mode: "hard" as const, closedUntilMs: Date.UTC(2026, 10, 23, 3) };
  const budgets = [
    { ...FLEET, mode: "hard" as const, name: "open" },
    { ...closed, name: "awaited", past: "awaited" as const },
    { ...closed, name: "lost", past: "counted" as const },
    { ...closed, name: "soft", mode: "soft" as const },
  ];
  const truth = { differing: () => [] } as unknown as Parameters<typeof spendWarnings>[0]["truth"];
  const ledger = { eachBudget: () => budgets } as unknown as Parameters<typeof spendWarnings>[0]["ledger"];
  expect(spendWarnings({ truth, ledger })).toEqual([
    "budget `awaited`: grants nothing until ClickHouse tells what was spent before, at most until 2026-11-23T03:00:00.000Z",
    expect.stringMatching(
      /^budget `lost`: grants nothing until 2026-11-23T03:00:00\.000Z: the ledger's journal was lost/,
    ),
  ]);
});

describe("status finds", () => {
  it("nothing where nothing is wrong", () => {
    expect(warningsOf({}, [queue(0)])).toEqual([]);
  });

  it.each<[string, Partial<ServiceStatus>]>([
    [
      "grants and counts nothing since 2026-11-23T03:12:00.000Z, and tries again by itself: ENOSPC",
      { ledger: { ...fine.ledger, failure: { since: "2026-11-23T03:12:00.000Z", reason: "ENOSPC: no space left" } } },
    ],
    ["cannot be reached; 0 spans in the spool", { storage: { ...fine.storage, ready: false } }],
    ["took none of 3 inserts", { inserts: { ...fine.inserts, taken: 0, failed: 3 } }],
    ["2 spans set aside", { spans: { ...fine.spans, dropped: { poison: 2 } } }],
    [
      "-1 items are not accounted for",
      { components: component === undefined ? [] : [{ ...component, imbalance: -1 }] },
    ],
    ["80% full", { spools: spool === undefined ? [] : [{ ...spool, bytes: 860_000_000 }] }],
    ["has waited for 61 s", { spools: spool === undefined ? [] : [{ ...spool, blocks: 1, oldest_age_ms: 61_000 }] }],
    ["1 file of", { spools: spool === undefined ? [] : [{ ...spool, set_aside_files: 1 }] }],
    ["ended unasked 1 time ", { engine: engine === null ? null : { ...engine, crashes: 1, uptime_ms: 1_000 } }],
    ["visible after 3.5 s", { lag: { ...fine.lag, visible: { ...fine.lag.visible, p99_ms: 3_500 } } }],
  ])("%s", (text, change) => {
    expect(warningsOf(change)).toEqual([expect.stringContaining(text)]);
  });

  it("spans that deduplication forgot early", () => {
    expect(warningsOf({}, [queue(7)])).toEqual([expect.stringContaining("forgot 7 spans early")]);
  });

  it("budgets whose windows are longer than sums are kept", () => {
    const retention = { spans: "1d", spend: "48h" };
    const windows = [{ kind: "calendar", unit: "day" } as const, { kind: "calendar", unit: "week" } as const];
    const budgets = windows.map((window) => makeBudget({ name: `each-${window.unit}`, window }));
    const sources = { queues: [], config: configSchema.parse({ storage: { retention } }) };
    const current = { ...NO_GOVERNANCE, budgets };
    expect(statusWarnings(fineStatus(), { ...sources, governance: { current } })).toEqual([
      "budget `each-week`: its window (week) outlives the sums that `storage.retention.spend` keeps for 48 h",
    ]);
  });

  it("nothing in the lag of a handful of spans", () => {
    expect(warningsOf({ lag: { ...fine.lag, visible: { ...fine.lag.visible, p99_ms: 9_000, spans: 5 } } })).toEqual([]);
  });
});

describe("status notes", () => {
  it("that nobody needs a key, and which agents have no policy", () => {
    const agents = ["a", "b", "c", "d", "e", "f", "g"];
    expect(statusNotes({ ...fine, agents_without_policy: agents }, { config })).toEqual([
      "no `auth`: agents on this machine may come without a key",
      "no policy for a, b, c, d, e and 2 more: their tools are allowed",
    ]);
  });

  it("a crash of the engine that is over", () => {
    const notes = statusNotes({ ...fine, engine: engine === null ? null : { ...engine, crashes: 2 } }, { config });
    expect(notes).toContain("the embedded engine ended unasked 2 times since the start");
  });
});
