import { expect, it } from "vitest";
import { AgentRegistry, type PolicyBinding } from "../../../src/policy/registry.ts";

const CONTENT = {
  agents: [{ kind: "agent" as const, name: "shop", team: "checkout", role: "seller" }],
  policies: [],
  prices: [],
  requirePolicy: false,
  fingerprint: "v1",
};

it("wins over what a process claims, where it says something", () => {
  const registry = new AgentRegistry(CONTENT);
  expect(registry.labels("shop", { team: "free-riders", owner: "me", agent: "admin", env: "dev" })).toEqual({
    agent: "shop",
    team: "checkout",
    role: "seller",
    owner: "me",
    env: "dev",
  });
  expect(registry.labels("other", { team: "free-riders" })).toEqual({ agent: "other", team: "free-riders" });
});

it("is not confused by names that every object has", () => {
  const registry = new AgentRegistry(CONTENT);
  expect(registry.registered("constructor")).toBeUndefined();
  expect(registry.registered("__proto__")).toBeUndefined();
});

it("has a version that changes with its content only", () => {
  const version = new AgentRegistry(CONTENT).version;
  expect(new AgentRegistry({ ...CONTENT }).version).toBe(version);
  expect(new AgentRegistry({ ...CONTENT, fingerprint: "v2" }).version).not.toBe(version);
});

it("leaves nobody more autonomy than those it acts for, by document, by name and by its own word, incidents counted", () => {
  const agent = (name: string, autonomy?: "observe" | "supervised" | "autonomous", parent?: string) => ({
    kind: "agent" as const,
    name,
    ...(autonomy && { autonomy }),
    ...(parent && { parent }),
  });
  const agents = [
    agent("boss", "supervised"),
    agent("hand", "autonomous", "boss"),
    agent("free", "autonomous"),
    agent("plain"),
    { ...agent("other", "observe"), tenant: "acme" },
  ];
  const registry = new AgentRegistry({ ...CONTENT, agents });
  const level = (name: string, claimed = {}): unknown => registry.labels(name, claimed)["autonomy"];
  expect(["boss", "hand", "boss/x/y", "free", "plain", "stranger"].map((name) => level(name))).toEqual([
    "supervised",
    "supervised",
    "supervised",
    "autonomous",
    undefined,
    undefined,
  ]);
  expect(level("free", { ancestors: "boss" })).toBe("supervised");
  expect(level("stranger", { ancestors: "free,boss", autonomy: "autonomous" })).toBe("supervised");
  expect(level("stranger", { autonomy: "made-up", ancestors: "boss" })).toBe("made-up");
  expect(registry.autonomyOf(undefined)).toEqual({ boss: "supervised", hand: "supervised" });
  expect(registry.autonomyOf("acme")).toEqual({ other: "observe" });
  registry.demote(
    new Map([
      ["boss", "critical"],
      ["plain", "low"],
      ["stranger", "high"],
    ]),
  );
  expect(["boss", "hand", "boss/x", "free", "plain", "stranger"].map((name) => level(name))).toEqual([
    "observe",
    "observe",
    "observe",
    "autonomous",
    "supervised",
    undefined,
  ]);
  expect(registry.autonomyOf(undefined)).toEqual({ boss: "observe", hand: "observe", plain: "supervised" });
});

it("binds an agent by the policies of all above it, by document or by name, so that authority only shrinks", () => {
  const bind = (name: string, agent: string): PolicyBinding => ({
    name,
    appliesTo: (asked) => asked === agent,
    document: { kind: "policy", name, agents: [agent] },
  });
  const registry = new AgentRegistry({
    agents: [
      { kind: "agent", name: "helper", parent: "planner" },
      { kind: "agent", name: "a", parent: "b" },
      { kind: "agent", name: "b", parent: "a" },
    ],
    policies: [bind("of-planner", "planner"), bind("of-helper", "helper")],
    prices: [],
    requirePolicy: false,
    fingerprint: "",
  });
  expect(registry.policies("helper")).toEqual([
    { kind: "policy", name: "of-planner", agents: ["helper"] },
    { kind: "policy", name: "of-helper", agents: ["helper"] },
  ]);
  expect(registry.policies("planner/deep/er")).toEqual([
    { kind: "policy", name: "of-planner", agents: ["planner/deep/er"] },
  ]);
  // However deep work is delegated, who is at the top still binds it.
  expect(registry.policies(`planner${"/x".repeat(90)}`)).toHaveLength(1);
  expect(registry.policies("planner*/x")).toEqual([]);
  expect(registry.ancestors("a")).toEqual(["b"]);
  expect(registry.policies("planners")).toEqual([]);
});
