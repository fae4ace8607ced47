/** From a crossed threshold to an act: once, over restarts, and lifted when a pause has no more reason. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BudgetState, Threshold, ThresholdCrossing } from "../../../src/budget/ledger.ts";
import { StopStore } from "../../../src/kill/stop-store.ts";
import { ThresholdActs } from "../../../src/service/threshold-acts.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-thresholds-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A ledger that fires what it is told, and a desk over the real store. */
class World {
  readonly clock = new ManualClock();
  readonly stops = new StopStore({ file: join(directory, "stops.json"), clock: this.clock });
  readonly lines: string[] = [];
  fired: ThresholdCrossing[] = [];
  #listener: (crossing: ThresholdCrossing) => void = () => {};
  readonly acts = new ThresholdActs({
    ledger: {
      firedThresholds: () => this.fired,
      onThreshold: (listener) => {
        this.#listener = listener;
        return () => {};
      },
    },
    desk: {
      stop: async (stop) => {
        this.stops.add(stop);
        return undefined as never;
      },
      resume: async (reference) => {
        this.stops.lift(reference);
        return undefined as never;
      },
    },
    stops: this.stops,
    clock: this.clock,
    telemetry: new Telemetry({ write: (line) => void this.lines.push(line) }),
  });

  fire(crossing: ThresholdCrossing): void {
    this.fired = [...this.fired, crossing];
    this.#listener(crossing);
  }

  start(): this {
    this.stops.load();
    this.acts.start();
    return this;
  }
}

function withThreshold(of: ThresholdCrossing, more: Partial<Threshold>): ThresholdCrossing {
  return { ...of, threshold: { ...of.threshold, ...more } };
}

function crossing(act: Threshold["do"], scope: Record<string, string>, exactKeys: string[] = []): ThresholdCrossing {
  const budget = { name: "fleet", scope, settled: 90n, limit: 100n, measure: "usd" } as unknown as BudgetState;
  return { key: JSON.stringify(scope), threshold: { atPercent: 90, do: act }, budget, exactKeys };
}

describe("a threshold that fires", () => {
  it("is an event, and nothing more for `notify`", () => {
    const world = new World().start();
    world.fire(crossing("notify", { team: "a" }));
    expect(world.lines.join()).toContain("a budget crossed one of its thresholds budget=fleet");
    expect(world.stops.list.acts).toEqual([]);
  });

  it("kills whom its budget is about: patterns as patterns, one value as that value, nobody named as all", () => {
    const world = new World().start();
    world.fire(crossing("kill", { team: "shop-*", user: "a*,b" }, ["user"]));
    world.fire(crossing("kill", {}));
    expect(world.stops.list.acts).toMatchObject([
      { act: "kill", selector: "team=shop-*,user=a\\*\\,b", author: "budget fleet" },
      { act: "kill", selector: "all" },
    ]);
  });

  it("acts after a restart if it had not yet, and not again once a person has lifted it", () => {
    const kill = crossing("kill", { team: "a" });
    const first = new World();
    first.fired = [kill];
    first.start();
    expect(first.stops.list.acts).toHaveLength(1);
    first.stops.lift({ selector: "team=a" });
    first.acts.stop();
    const second = new World();
    second.fired = [kill];
    second.start();
    expect(second.stops.list.acts).toEqual([]);
  });

  it("acts once where a look finds what fired before its journal has said so", () => {
    const world = new World().start();
    const kill = crossing("kill", { team: "a" });
    world.fired = [kill];
    world.clock.advance(1_000);
    world.fire(kill);
    expect(world.stops.list.acts).toHaveLength(1);
    expect(world.lines.join()).toContain("crossed one of its thresholds");
  });

  it("acts where another processor of the fleet counted it, within a second and once, without a second event", () => {
    const world = new World().start();
    world.fired = [crossing("kill", { agent: "x" })];
    world.clock.advance(3_000);
    expect(world.stops.list.acts).toMatchObject([{ act: "kill", selector: "agent=x" }]);
    expect(world.lines.join()).not.toContain("crossed one of its thresholds");
  });

  it("pauses until its window turns or its limit is raised; a kill waits for a person", () => {
    const world = new World().start();
    world.fire(crossing("pause", { team: "a" }));
    world.fire(crossing("kill", { team: "b" }));
    world.clock.advance(1_500);
    expect(world.stops.list.acts).toHaveLength(2);
    world.fired = [];
    world.clock.advance(1_500);
    expect(world.stops.list.acts).toMatchObject([{ act: "kill" }]);
    world.fire(crossing("pause", { team: "a" }));
    expect(world.stops.list.acts).toHaveLength(2);
  });

  it("holds until a person allows more, and says how long calls wait for a pause that has a time-out", () => {
    const world = new World().start();
    world.fire(crossing("require_approval", { team: "a" }));
    world.fire(withThreshold(crossing("require_approval", { team: "b" }), { timeoutMs: 5_000 }));
    world.fire(withThreshold(crossing("pause", { team: "c" }), { timeoutMs: 600_000 }));
    expect(world.stops.list.acts).toMatchObject([
      { act: "pause", asks: "approval", wait_ms: 0, selector: "team=a" },
      { act: "pause", asks: "approval", wait_ms: 5_000 },
      { act: "pause", wait_ms: 600_000 },
    ]);
    expect(world.stops.list.acts[2]).not.toHaveProperty("asks");
    world.fired = [];
    world.clock.advance(1_500);
    expect(world.stops.list.acts).toEqual([]);
  });
});
