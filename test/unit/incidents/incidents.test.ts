/**
 * Goal: what was done about an incident is kept and on record, and an open one holds its agents closer until a person closes it.
 * Method: real journals, one of them shared over a table in memory; the watch over lists that a test writes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StopAct } from "@tollgate/instrumentation/protocol";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { AgentActs } from "../../../src/api/agents.ts";
import { IncidentDesk } from "../../../src/incidents/incident-desk.ts";
import { IncidentStore } from "../../../src/incidents/incident-store.ts";
import { agentDocumentSchema } from "../../../src/policy/agent-document.ts";
import type { Beyond } from "../../../src/policy/blast-radius.ts";
import { demoted } from "../../../src/policy/demotion.ts";
import { AgentRegistry } from "../../../src/policy/registry.ts";
import { IncidentWatch } from "../../../src/service/incident-watch.ts";
import type { SharedTable } from "../../../src/support/shared-table.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const DAY_MS = 86_400_000;
let directory = "";
let clock: ManualClock;
const recorded: { readonly author: string; readonly action: string; readonly subject: string }[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-incidents-"));
  clock = new ManualClock();
  recorded.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true }));

async function open(name: string, table?: SharedTable) {
  const shared = table === undefined ? {} : { table };
  const store = new IncidentStore({ file: join(directory, name), clock, ...shared, onDamage: () => {} });
  await store.start();
  const desk = new IncidentDesk({ store, clock, record: async (change) => void recorded.push(change) });
  return { store, desk };
}

const WRONG = { title: "wrong mails", severity: "high", agents: ["shop"], by: "ann" } as const;

it("what was done about it survives a restart, in order, with its authors on record", async () => {
  const { desk, store } = await open("a");
  const { id = "" } = (await desk.open(WRONG)) ?? {};
  await desk.change(id, { kind: "note", text: "looking" }, "bob");
  await desk.change(id, { kind: "tag", tags: ["mail", "mail", "customers"] }, "bob");
  await desk.change(id, { kind: "closed", text: "fixed" }, "ann");
  await store.stop();
  const again = await open("a");
  expect(again.desk.get(id)).toMatchObject({ state: "closed", tags: ["mail", "customers"], revision: 4 });
  expect(again.desk.get(id)?.entries.map(({ by, kind, text }) => [by, kind, text])).toEqual([
    ["ann", "opened", "wrong mails"],
    ["bob", "note", "looking"],
    ["bob", "tag", "mail, mail, customers"],
    ["ann", "closed", "fixed"],
  ]);
  expect(await again.desk.change(id, { kind: "tag", tags: ["late"] }, "bob")).toEqual({ outcome: "closed" });
  expect(await again.desk.change(id, { kind: "note", text: "post mortem" }, "bob")).toMatchObject({
    outcome: "changed",
  });
  expect(await again.desk.change("inc_none", { kind: "note", text: "x" }, "bob")).toBeUndefined();
  const actions = ["incident.open", "incident.note", "incident.tag", "incident.close", "incident.note"];
  expect(recorded.map(({ action }) => action)).toEqual(actions);
});

it("of two processors that see the same reason one opens it, and both follow it up without losing a note", async () => {
  const table = new MemoryTable();
  const [a, b] = [await open("a", table), await open("b", table)];
  const wanted = { ...WRONG, source: "kill stop_1" };
  table.before = () => b.desk.open(wanted);
  const { id = "" } = (await a.desk.open(wanted)) ?? {};
  expect(recorded).toHaveLength(1);
  table.before = () => b.desk.change(id, { kind: "note", text: "from b" }, "bob");
  await a.desk.change(id, { kind: "note", text: "from a" }, "ann");
  await b.desk.look();
  expect(b.desk.get(id)?.entries.map(({ text }) => text)).toEqual(["wrong mails", "from b", "from a"]);
});

it("takes a level from what the document says, everything but reading where it is critical, and nothing where none is said", () => {
  expect(["autonomous", "supervised", "suggest", "observe"].map((level) => demoted(level as "observe", "low"))).toEqual(
    ["supervised", "suggest", "observe", "observe"],
  );
  expect([demoted("autonomous", "critical"), demoted(undefined, "critical")]).toEqual(["observe", "observe"]);
  expect([demoted(undefined, "high"), demoted("autonomous", undefined)]).toEqual([undefined, "autonomous"]);
});

it("a kill, acts beyond the blast radius and too many forbidden ones each open one, which demotes at once until it is closed", async () => {
  const { desk, store } = await open("a");
  const names = ["killed", "drifting", "forbidden", "good"];
  const agents = names.map((name) => agentDocumentSchema.parse({ kind: "agent", name, autonomy: "autonomous" }));
  const registry = new AgentRegistry({ agents, policies: [], prices: [], requirePolicy: false, fingerprint: "f" });
  const levels = (): unknown => names.map((name) => registry.labels(name, {})["autonomy"]);
  const acts: StopAct[] = [];
  const findings: { acts: AgentActs[]; drift: Beyond[] } = { acts: [], drift: [] };
  let demotions = 0;
  const lines: string[] = [];
  const watch = new IncidentWatch({
    store,
    desk,
    registry,
    findings,
    stops: { list: { epoch: "e", revision: 1, acts } },
    onDemotion: () => (demotions += 1),
    clock,
    telemetry: new Telemetry({ write: (line) => void lines.push(line), now: () => clock.now() }),
  });
  await watch.start();
  const { version } = registry;
  await watch.look();
  expect([levels(), registry.version, demotions]).toEqual([names.map(() => "autonomous"), version, 0]);

  const act = { act: "kill", reason: "runs wild", author: "ann", at: "" } as const;
  acts.push({ ...act, id: "stop_2", selector: "agent=go*" });
  // Lifted before anybody looked.
  watch.killed({ ...act, id: "stop_1", selector: "agent=killed" });
  findings.drift.push({ agent: "drifting", tool: "t", what: "system", value: "prod" });
  const row = {
    tool: "t",
    environment: "",
    acts: "0",
    denied: "9",
    observed: "0",
    errors: "0",
    cost_nano_usd: "0",
    unpriced_calls: "0",
  };
  findings.acts.push({ ...row, agent: "forbidden", forbidden: "6" }, { ...row, agent: "good", forbidden: "5" });
  await watch.look();
  await watch.look();
  expect(levels()).toEqual(["supervised", "supervised", "supervised", "autonomous"]);
  expect(registry.version).not.toBe(version);
  expect(store.all().map(({ agents: [agent] }) => agent)).toEqual(["killed", "drifting", "forbidden"]);
  expect(lines.filter((line) => line.includes("an incident is open"))).toHaveLength(3);

  for (const { id } of store.all()) await desk.change(id, { kind: "closed", text: "seen" }, "ann");
  await watch.look();
  expect([levels(), registry.version]).toEqual([names.map(() => "autonomous"), version]);
  // Still there a day after somebody said that it is seen: it goes on.
  clock.jump(DAY_MS + 1);
  await watch.look();
  expect(levels()).toEqual(["autonomous", "supervised", "supervised", "autonomous"]);
  await watch.stop();
});
