/** Documents change on disk while the service runs: what is valid is put in force, what is not leaves the last good set. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Governance } from "../../../src/config/governance/governance.ts";
import type { NewChange } from "../../../src/changes/change-log.ts";
import { GovernanceSource } from "../../../src/service/governance-source.ts";
import { LiveGovernance } from "../../../src/service/live-governance.ts";
import { loadSetup } from "../../../src/service/setup.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryTable } from "../../support/memory-table.ts";

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
  recordFailure: Error | undefined;
  readonly live: LiveGovernance;
  readonly source: GovernanceSource;

  /** `name`: of one processor among several. */
  constructor(name = "applied") {
    writeFileSync(join(directory, "tollgate.yaml"), "governance: { paths: [./governance] }\n");
    const setup = loadSetup({ file: join(directory, "tollgate.yaml"), dataDir: undefined, environment: {} });
    const source = new GovernanceSource({ files: setup.governanceReader, file: join(directory, `${name}.json`) });
    this.source = source;
    this.live = new LiveGovernance({
      governance: source.restore() ?? setup.governance,
      source,
      apply: async (governance, { areBudgetsNew }) => {
        if (this.failure !== undefined) throw this.failure;
        this.applied.push({ governance, areBudgetsNew });
      },
      versionOf: ({ documents }) => `v-${documents.map(({ name }) => name).join("-")}`,
      excessOf: ({ agents }) => agents.map(({ name }) => `${name} may do more`),
      recordChange: async (change) => {
        if (this.recordFailure !== undefined) throw this.recordFailure;
        this.recorded.push(change);
      },
      clock: this.clock,
      telemetry: new Telemetry({ write: (line) => void this.lines.push(line) }),
      pollIntervalMs: POLL_MS,
    });
  }

  /** One of several processors that share a ledger, as a start makes it. */
  static async sharing(table: MemoryTable, name: string): Promise<World> {
    const world = new World(name);
    await world.source.join({ table, clock: world.clock, onDamage: () => {} });
    world.live.start();
    await world.live.reload("start");
    return world;
  }

  async stop(): Promise<void> {
    await this.live.stop();
    await this.source.leave();
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
  expect(before).toMatchObject({ limit: "$25.00" });
  expect(after).toMatchObject({ limit: "$30.00" });
});

const POLICY = { kind: "policy", name: "shop", allow: ["read_*"] };
const sent = (value: unknown = POLICY) => [{ file: "candidate/shop.yaml", value }];
const wanted = { documents: sent(), author: "ada", reason: "launch", expectedVersion: undefined, isDryRun: false };
const names = ({ live }: World): readonly string[] => live.current.documents.map(({ name }) => name);

it("puts a set that somebody sent in force as a whole, on record with author and diff before it holds", async () => {
  write(BUDGET);
  const world = new World();
  expect(await world.live.put(wanted)).toMatchObject({
    outcome: "applied",
    version: "v-shop",
    changes: [
      { subject: "policy shop", change: "added", after: POLICY },
      { subject: "budget fleet", change: "removed" },
    ],
  });
  expect(names(world)).toEqual(["shop"]);
  expect(world.applied).toMatchObject([{ areBudgetsNew: true }]);
  expect(world.recorded.map(({ author, action, subject }) => [author, action, subject])).toEqual([
    ["ada", "governance.apply", "1 documents"],
    ["ada", "document", "policy shop"],
    ["ada", "document", "budget fleet"],
  ]);
  expect(world.recorded[0]).toMatchObject({
    before: { version: "v-fleet" },
    after: { version: "v-shop", reason: "launch" },
  });
  expect(await world.live.put(wanted)).toMatchObject({ outcome: "unchanged", changes: [] });
});

it("takes nothing of a set with a mistake, and names every mistake", async () => {
  write(BUDGET);
  const world = new World();
  const documents = [...sent(), ...sent({ ...POLICY, name: "x", allow: "no list" }), ...sent({ kind: "budget" })];
  const made = await world.live.put({ ...wanted, documents });
  expect(made).toMatchObject({ outcome: "refused" });
  expect(made.outcome === "refused" && made.problems.length).toBeGreaterThan(1);
  expect([names(world), world.applied, world.recorded]).toEqual([["fleet"], [], []]);
});

it("only says what would change when it is asked that, and refuses when another version is in force than was expected", async () => {
  write(BUDGET);
  const world = new World();
  expect(await world.live.put({ ...wanted, isDryRun: true })).toMatchObject({ outcome: "planned", version: "v-shop" });
  expect(await world.live.put({ ...wanted, expectedVersion: "v-other" })).toEqual({
    outcome: "stale",
    version: "v-fleet",
  });
  expect([names(world), world.applied, world.recorded]).toEqual([["fleet"], [], []]);
  expect(await world.live.put({ ...wanted, expectedVersion: "v-fleet" })).toMatchObject({ outcome: "applied" });
});

it("has an applied set in force after a restart, and goes back to the files only when it is told to", async () => {
  write(BUDGET);
  await new World().live.put(wanted);
  const world = new World();
  expect(names(world)).toEqual(["shop"]);
  expect(world.live.state()).toMatchObject({ author: "ada", version: "v-shop" });
  expect(await world.live.reload("test")).toBe("unchanged");

  write(BUDGET.replace("25", "30"));
  expect(await world.live.reload("files")).toBe("refused");
  expect(world.live.refusal?.problems).toEqual([expect.stringContaining("what `ada` applied at")]);
  expect(names(world)).toEqual(["shop"]);

  expect(await world.live.put({ ...wanted, documents: undefined })).toMatchObject({ outcome: "applied" });
  expect(world.live.refusal).toBeUndefined();
  expect(world.live.current.budgets.map(({ limit }) => limit)).toEqual([30_000_000_000n]);
  expect(names(new World())).toEqual(["fleet"]);
});

it("says what documents let agents do beyond what they declare, when they are loaded, applied or only planned, each once", async () => {
  const agent = (name: string): string => `kind: agent\nname: ${name}\n`;
  write(agent("shop"), "agents.yaml");
  const world = new World();
  world.live.start();
  const documents = [{ file: "a.yaml", value: { kind: "agent", name: "cook" } }];
  const planned = await world.live.put({ ...wanted, documents, isDryRun: true });
  expect(planned).toMatchObject({ outcome: "planned", notes: ["cook may do more"] });
  write(agent("shop") + "---\n" + agent("cook"), "agents.yaml");
  await world.live.reload("test");
  await world.live.reload("test");
  const said = world.lines.filter((line) => line.includes("documents let an agent do more"));
  expect(said).toEqual([expect.stringContaining("shop may do more"), expect.stringContaining("cook may do more")]);
  await world.stop();
});

it("leaves what was in force when the ledger can't take a set, and says so on record", async () => {
  write(BUDGET);
  const world = new World();
  world.failure = new Error("the journal is full");
  expect(await world.live.put(wanted)).toEqual({ outcome: "failed", reason: "the journal is full" });
  expect(names(world)).toEqual(["fleet"]);
  expect(world.recorded.map(({ action }) => action)).toEqual(["governance.apply", "governance.apply_failed"]);
  expect(names(new World())).toEqual(["fleet"]);
});

it("changes nothing that can't be put on record", async () => {
  write(BUDGET);
  const world = new World();
  world.recordFailure = new Error("no space left on device");
  expect(await world.live.put(wanted)).toEqual({ outcome: "failed", reason: "no space left on device" });
  expect([names(world), world.applied]).toEqual([["fleet"], []]);
  expect(names(new World())).toEqual(["fleet"]);
});

it("has what was applied at one processor in force at all, and on record where it was applied with its diff", async () => {
  write(BUDGET);
  const table = new MemoryTable();
  const [first, second] = [await World.sharing(table, "first"), await World.sharing(table, "second")];
  expect(await first.live.put(wanted)).toMatchObject({ outcome: "applied", version: "v-shop" });
  await second.source.look();
  await second.live.reload("test");
  expect([names(first), names(second)]).toEqual([["shop"], ["shop"]]);
  expect(second.live.state()).toMatchObject({ author: "ada", version: "v-shop" });
  expect(second.recorded).toMatchObject([
    { author: "ada", action: "governance.follow", before: { version: "v-fleet" }, after: { version: "v-shop" } },
  ]);
  // Not known here yet when it is asked for: an expectation is held against what the fleet has.
  expect(await second.live.put({ ...wanted, documents: undefined, expectedVersion: "v-shop" })).toMatchObject({
    outcome: "applied",
  });
  expect(await first.live.put({ ...wanted, expectedVersion: "v-shop" })).toEqual({
    outcome: "stale",
    version: "v-fleet",
  });
  expect([names(first), names(second)]).toEqual([["fleet"], ["fleet"]]);
  await Promise.all([first.stop(), second.stop()]);
});

it("lets one of two that apply at the same moment win, everywhere, and the other say so", async () => {
  write(BUDGET);
  const table = new MemoryTable();
  const [first, second] = [await World.sharing(table, "first"), await World.sharing(table, "second")];
  const theirs = { ...wanted, author: "bob", documents: sent({ ...POLICY, name: "theirs" }) };
  table.before = () => second.live.put(theirs);
  expect(await first.live.put(wanted)).toMatchObject({ outcome: "stale" });
  await first.live.reload("test");
  expect([names(first), names(second)]).toEqual([["theirs"], ["theirs"]]);
  expect(first.recorded.map(({ action }) => action)).toContain("governance.apply_failed");
  await Promise.all([first.stop(), second.stop()]);
});

it("knows what was applied while it was down, gives it back to an emptied store, and applies nothing without the store", async () => {
  write(BUDGET);
  const table = new MemoryTable();
  const first = await World.sharing(table, "first");
  await (await World.sharing(table, "second")).stop();
  await first.live.put(wanted);
  await first.stop();
  const second = await World.sharing(table, "second");
  expect(second.source.current()?.documents.map(({ name }) => name)).toEqual(["shop"]);
  expect(names(second)).toEqual(["shop"]);
  table.isAway = true;
  const theirs = { ...wanted, documents: sent({ ...POLICY, name: "theirs" }) };
  expect(await second.live.put(theirs)).toEqual({ outcome: "failed", reason: "away" });
  expect(names(second)).toEqual(["shop"]);
  await second.stop();

  const emptied = new MemoryTable();
  const again = await World.sharing(emptied, "second");
  expect(emptied.ids).toEqual(["applied"]);
  expect(names(await World.sharing(emptied, "third"))).toEqual(["shop"]);
  await again.stop();
});

it("takes the fleet's set in place of one that was applied before it was shared", async () => {
  write(BUDGET);
  await new World("first").live.put({ ...wanted, documents: sent({ ...POLICY, name: "alone" }) });
  const table = new MemoryTable();
  const second = await World.sharing(table, "second");
  await second.live.put(wanted);
  const first = await World.sharing(table, "first");
  expect(names(first)).toEqual(["shop"]);
  await Promise.all([first.stop(), second.stop()]);
});

it("tries again when the ledger could not take what another processor applied", async () => {
  write(BUDGET);
  const table = new MemoryTable();
  const [first, second] = [await World.sharing(table, "first"), await World.sharing(table, "second")];
  second.failure = new Error("the store is away");
  await first.live.put(wanted);
  await second.source.look();
  expect(await second.live.reload("test")).toBe("refused");
  expect(second.live.refusal?.problems).toEqual(["the store is away"]);
  second.failure = undefined;
  second.clock.advance(6_000);
  await second.live.reload("test");
  expect(names(second)).toEqual(["shop"]);
  await Promise.all([first.stop(), second.stop()]);
});
