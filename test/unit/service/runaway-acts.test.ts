import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { NewStop } from "../../../src/kill/stop-store.ts";
import { runawayDocumentSchema } from "../../../src/runaway/runaway-document.ts";
import type { WatchedCall } from "../../../src/runaway/runaway-watch.ts";
import { RunawayActs } from "../../../src/service/runaway-acts.ts";
import { RunawayEpisodes } from "../../../src/service/runaway-episodes.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { FLEET } from "../api/rig.ts";
import { makeBudget } from "../budget/make-budget.ts";

let folder: string;
let clock: ManualClock;
let stops: NewStop[];
let lines: string[];
let episodes: RunawayEpisodes;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-runaway-"));
  clock = new ManualClock(Date.UTC(2026, 10, 10));
  stops = [];
  lines = [];
});

afterEach(() => rmSync(folder, { recursive: true }));

function acting(document: object, unpriced: number = 0): RunawayActs {
  episodes = new RunawayEpisodes(join(folder, "runaways.json"), clock);
  const acts = new RunawayActs({
    ledger: {
      eachBudget: () => [
        {
          ...FLEET,
          limit: 100n,
          settled: 60n,
          windowStartMs: Date.UTC(2026, 10, 1),
          windowEndMs: Date.UTC(2026, 11, 1),
        },
      ],
    },
    documents: () => ({
      runaways: documents,
      budgets: [makeBudget({ name: FLEET.name, window: { kind: "calendar", unit: "month" } })],
    }),
    stops: { list: { epoch: "e", revision: 0, acts: [] } },
    episodes,
    unpriced: {
      rows: [{ agent: "one", team: "a", provider: "", model: "m", calls: String(unpriced), tokens: "0" }],
      sinceMs: Date.UTC(2026, 10, 1),
    },
    clock,
    telemetry: new Telemetry({ write: (line) => void lines.push(line) }),
  });
  const documents = [runawayDocumentSchema.parse({ kind: "runaway", name: "r", ...document })];
  const reply = { durable: true, processes: [], listening: 0, acknowledged: 0 };
  acts.start({
    stop: async (stop) => {
      stops.push(stop);
      return { ...reply, stop: { id: "s", at: "", ...stop } };
    },
  });
  return acts;
}

const call: WatchedCall = {
  kind: "tool",
  labels: {},
  agent: "one",
  run: "s,1",
  isSession: true,
  atMs: Date.UTC(2026, 10, 10),
  nanoUsd: 0n,
  tool: "read",
  digest: "same",
  usage: undefined,
  depth: 0,
};

it("kills the session that loops, by a selector that means nothing else, and tells it once", () => {
  const acts = acting({ loops: { repeats: 3, do: "kill" } });
  for (let index = 0; index < 10; index += 1) acts.see(call);
  expect(stops).toMatchObject([{ act: "kill", selector: "agent=one,session=s\\,1", author: "runaway r" }]);
  expect(acts.found).toHaveLength(1);
});

it("does not find the same episode again after a restart in its midst", () => {
  const first = acting({ loops: { repeats: 3, do: "pause" } });
  for (let index = 0; index < 5; index += 1) first.see(call);
  first.stop();
  episodes.close();
  const second = acting({ loops: { repeats: 3, do: "pause" } });
  for (let index = 0; index < 5; index += 1) second.see({ ...call, atMs: call.atMs + 1_000 });
  expect(stops).toHaveLength(1);
});

it("only tells where the document asks for no more, and of an agent without a name", () => {
  const told = acting({ loops: { repeats: 3 } });
  for (let index = 0; index < 5; index += 1) told.see(call);
  const nameless = acting({ loops: { repeats: 3, do: "kill" } });
  for (let index = 0; index < 5; index += 1) nameless.see({ ...call, agent: "" });
  expect(stops).toEqual([]);
});

it("tells once when a budget will end before its month, and when that is", () => {
  const acts = acting({ burn_rate: {} });
  clock.advance(60_000);
  expect(lines.filter((line) => line.includes("used up before its window ends"))).toHaveLength(1);
  const state = {
    ...FLEET,
    limit: 100n,
    settled: 60n,
    windowStartMs: Date.UTC(2026, 10, 1),
    windowEndMs: Date.UTC(2026, 11, 1),
  };
  expect(new Date(acts.exhaustedAtMs(state) ?? 0).toISOString().slice(0, 10)).toBe("2026-11-16");
});

it("pauses an agent with more calls without a price than it may have, once a month", () => {
  acting({ scope: { team: "a" }, unpriced: { per_month: 100, do: "pause" } }, 101);
  clock.advance(60_000);
  expect(stops).toMatchObject([{ act: "pause", selector: "agent=one" }]);
  acting({ scope: { team: "b" }, unpriced: { per_month: 100, do: "pause" } }, 101);
  clock.advance(60_000);
  expect(stops).toHaveLength(1);
});
