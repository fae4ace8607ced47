/** Documents change on disk while the service runs: what is valid is put in force, what is not leaves the last good set. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Governance } from "../../../src/config/governance/governance.ts";
import type { NewChange } from "../../../src/changes/change-log.ts";
import { LiveGovernance } from "../../../src/service/live-governance.ts";
import { loadSetup } from "../../../src/service/setup.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const BUDGET = "kind: budget\nname: fleet\nlimit: $25.00\nwindow: day\n";
const POLL_MS = 5_000;

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-live-"));
  mkdirSync(join(directory, "governance"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(text: string, name = "budgets.yaml"): void {
  writeFileSync(join(directory, "governance", name), text);
}

class World {
  readonly clock = new ManualClock();
  readonly lines: string[] = [];
  readonly applied: { governance: Governance; areBudgetsNew: boolean }[] = [];
  readonly recorded: NewChange[] = [];
  failure: Error | undefined;
  readonly live: LiveGovernance;

  constructor() {
    writeFileSync(join(directory, "tollgate.yaml"), "governance: { paths: [./governance] }\n");
    const setup = loadSetup({ file: join(directory, "tollgate.yaml"), dataDir: undefined, environment: {} });
    this.live = new LiveGovernance({
      governance: setup.governance,
      reader: setup.governanceReader,
      apply: async (governance, { areBudgetsNew }) => {
        if (this.failure !== undefined) throw this.failure;
        this.applied.push({ governance, areBudgetsNew });
      },
      version: () => "v",
      recordChange: async (change) => void this.recorded.push(change),
      clock: this.clock,
      telemetry: new Telemetry({ write: (line) => void this.lines.push(line) }),
      pollIntervalMs: POLL_MS,
    });
  }
}

it("puts a changed limit in force and tells whether budgets changed", async () => {
  write(BUDGET);
  const { live, applied, clock } = new World();
  live.start();
  clock.advance(POLL_MS);
  write(BUDGET.replace("25", "30"));
  clock.advance(POLL_MS);
  await live.reload("test");
  expect(applied.map(({ governance, areBudgetsNew }) => [governance.budgets[0]?.limit, areBudgetsNew])).toEqual([
    [30_000_000_000n, true],
  ]);
  write("kind: policy\nname: p\nallow: ['*']\n", "policy.yaml");
  expect(await live.reload("test")).toBe("applied");
  expect(applied.at(-1)?.areBudgetsNew).toBe(false);
  await live.stop();
});

it("finds a change by looking where nothing tells of it, and waits until the files are still", async () => {
  write(BUDGET);
  const { live, applied, clock } = new World();
  live.start();
  clock.advance(POLL_MS);
  write(BUDGET.replace("25", "30"));
  clock.advance(100);
  write(BUDGET.replace("25", "31"));
  clock.advance(2 * POLL_MS);
  await live.stop();
  expect(applied.map(({ governance }) => governance.budgets[0]?.limit)).toEqual([31_000_000_000n]);
});

it("keeps the last good set for as long as the files are not valid, and says so", async () => {
  write(BUDGET);
  const world = new World();
  write(BUDGET.replace("$25.00", "5abc"));
  expect(await world.live.reload("test")).toBe("refused");
  expect(world.live.current.budgets[0]?.limit).toBe(25_000_000_000n);
  expect(world.live.refusal?.problems).toEqual([expect.stringContaining("limit: expected an amount")]);
  expect(world.lines.join("")).toContain("the governance files are not valid");
  write(BUDGET);
  expect(await world.live.reload("test")).toBe("applied");
  expect(world.live.refusal).toBeUndefined();
  expect(world.applied).toHaveLength(1);
});

it("takes a directory that vanished for a mistake, and an empty one for a wish", async () => {
  write(BUDGET);
  const { live, applied } = new World();
  rmSync(join(directory, "governance"), { recursive: true });
  expect(await live.reload("test")).toBe("refused");
  expect(live.refusal?.problems).toEqual([expect.stringContaining("no such file or directory")]);
  mkdirSync(join(directory, "governance"));
  expect(await live.reload("test")).toBe("applied");
  expect(applied.at(-1)?.governance.budgets).toEqual([]);
});

it("keeps the last good set when the ledger cannot take the new one", async () => {
  write(BUDGET);
  const world = new World();
  world.failure = new Error("the journal is full");
  write(BUDGET.replace("25", "30"));
  expect(await world.live.reload("test")).toBe("refused");
  expect(world.live.refusal?.problems).toEqual(["the journal is full"]);
  expect(world.live.current.budgets[0]?.limit).toBe(25_000_000_000n);
});

it("applies nothing when the files say what they said", async () => {
  write(BUDGET);
  const world = new World();
  write(`# a comment\n${BUDGET}`);
  expect(await world.live.reload("test")).toBe("unchanged");
  expect(world.applied).toEqual([]);
});

it("records who changed which document, with what it said before and says now", async () => {
  write(BUDGET);
  const { live, recorded } = new World();
  write(BUDGET.replace("25", "30"));
  await live.reload("SIGHUP");
  expect(recorded).toMatchObject([
    { author: "governance SIGHUP", action: "document", subject: expect.stringMatching(/^budget /) as string },
  ]);
  const [{ before, after } = { before: "", after: "" }] = recorded as { before: unknown; after: unknown }[];
  expect(JSON.stringify(before)).toContain("25000000000");
  expect(JSON.stringify(after)).toContain("30000000000");
});
