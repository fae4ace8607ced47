import { describe, expect, it } from "vitest";
import type { AgentRegistry } from "../../../src/processors/identity/identity.ts";
import { identify } from "../../../src/processors/identity/identity.ts";
import type { Notice } from "../../../src/component/notice.ts";
import { SUCCESS } from "../../../src/component/outcome.ts";
import { identityProcessorFactory } from "../../../src/processors/identity/factory.ts";
import { type SpanWishes, makeBatch, makeSpan } from "../../fixtures/otlp/make-span.ts";

const registry: AgentRegistry = {
  find: (agent) => (agent === "planner" ? { owner: "platform", team: "data", role: "maintainer" } : undefined),
  mayActAs: (sender, agent) => sender === "key-1" && agent === "planner",
  namesOf: (sender) => (sender === "key-1" ? ["planner"] : ["other-*"]),
};

function identified(wishes: SpanWishes, sender?: string) {
  const span = makeSpan(1, wishes);
  identify({ span, sender, registry });
  return span.facts;
}

describe("identity", () => {
  it("takes the agent from Tollgate's attribute, then the conventions', then the service", () => {
    const resource = { "service.name": "svc" };
    const genAi = { "gen_ai.agent.name": "helper" };
    expect(identified({ resource, attributes: { ...genAi, "tollgate.agent.name": "planner" } }).agent).toBe("planner");
    expect(identified({ resource, attributes: genAi }).agent).toBe("helper");
    expect(identified({ resource }).agent).toBe("svc");
    expect(identified({ resource: {} }).agent).toBe("unknown");
  });

  it("believes no span that says it is verified, only the credential it came with", () => {
    const attributes = { "tollgate.agent.name": "planner", "tollgate.agent.verified": true };
    expect(identified({ attributes }).agentVerified).toBe(false);
    expect(identified({ attributes }, "key-2").agentVerified).toBe(false);
    expect(identified({ attributes }, "key-1").agentVerified).toBe(true);
    expect(identified({ attributes: { "tollgate.agent.name": "other" } }, "key-1").agentVerified).toBe(false);
  });

  it("lets the registry win over what a span claims", () => {
    const attributes = {
      "tollgate.agent.name": "planner",
      "tollgate.agent.team": "rich",
      "tollgate.label.role": "boss",
    };
    const facts = identified({ attributes, resource: { team: "richer", owner: "me" } });
    expect(facts).toMatchObject({ owner: "platform", team: "data", role: "maintainer" });
    expect(facts.labels).toMatchObject({ agent: "planner", owner: "platform", team: "data", role: "maintainer" });
  });

  it("makes labels of the resource, the context and the call, in this order", () => {
    const facts = identified({
      resource: { "service.name": "svc", team: "checkout", region: "eu", "process.pid": 1n, list: ["x"] },
      attributes: { "tollgate.label.region": "us", "tollgate.label.tenant": "t1", other: "x" },
      facts: { model: "gpt-4o", provider: "openai", session: "s1" },
    });
    expect(facts.labels).toEqual({
      "service.name": "svc",
      agent: "svc",
      team: "checkout",
      region: "us",
      tenant: "t1",
      model: "gpt-4o",
      provider: "openai",
      session: "s1",
    });
  });

  it("makes a label of a long name that begins as it does, is bounded, and is nobody else's", () => {
    const agentOf = (name: string): string =>
      identified({ attributes: { "gen_ai.agent.name": name } }).labels["agent"] ?? "";
    expect(agentOf("a".repeat(512))).toBe("a".repeat(512));
    const long = agentOf(`shop-${"a".repeat(100_000)}`);
    expect(long).toMatch(/^shop-a{200}/);
    expect(long.length).toBeLessThan(512);
    expect(long).not.toBe(agentOf(`shop-${"a".repeat(100_001)}`));
  });

  it("holds the number and the length of labels in bounds", () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`key${index}`, "v"]));
    const facts = identified({ resource: { long: "x".repeat(1_000), ...many } });
    expect(Object.keys(facts.labels).length).toBeLessThanOrEqual(74);
    expect(facts.labels["long"]).toBeUndefined();
    expect(facts.labels["agent"]).toBe("unknown");
  });

  it("counts a foreign name for the key's own agent, and keeps the claim", () => {
    const attributes = { "tollgate.agent.name": "victim", "tollgate.agent.claimed": "made up" };
    const span = makeSpan(1, { attributes });
    identify({ span, sender: "key-1", registry });
    expect(span.facts).toMatchObject({ agent: "planner", agentVerified: false, owner: "platform" });
    expect(span.facts.labels["agent"]).toBe("planner");
    expect(span.attributes.get("tollgate.agent.claimed")).toBe("victim");
  });

  it("counts a foreign name for nobody where the key has no one name", () => {
    const span = makeSpan(1, { attributes: { "tollgate.agent.name": "victim" } });
    identify({ span, sender: "key-2", registry });
    expect(span.facts).toMatchObject({ agent: "unknown", agentVerified: false });
    expect(span.attributes.get("tollgate.agent.claimed")).toBe("victim");
  });

  it("takes a span without a name for the key's own agent, and no word of a claim from outside", () => {
    const span = makeSpan(1, { resource: {}, attributes: { "tollgate.agent.claimed": "made up" } });
    identify({ span, sender: "key-1", registry });
    expect(span.facts).toMatchObject({ agent: "planner", agentVerified: true });
    expect(span.attributes.has("tollgate.agent.claimed")).toBe(false);
  });

  it("refuses a foreign name where that is configured, saying which key and which name, once in the log", async () => {
    const notices: Notice[] = [];
    const processor = identityProcessorFactory.create(
      { foreign_name: "refuse", foreign_tenant: "flag" },
      { next: { consume: async () => SUCCESS }, notify: (notice) => notices.push(notice), registry },
    );
    const foreign = { attributes: { "tollgate.agent.name": "victim" } };
    const own = { attributes: { "tollgate.agent.name": "planner" } };
    const outcome = await processor.consume(
      makeBatch([makeSpan(1, foreign), makeSpan(2, own), makeSpan(3, foreign)], "key-1"),
    );
    const reason = "the key for `planner` is not bound to the agent `victim`";
    expect(outcome).toEqual({ kind: "success", rejected: [{ reason, count: 2 }] });
    expect(notices).toEqual([
      {
        level: "warn",
        event: "foreign_agent_name",
        fields: { key_for: "planner", claimed: "victim", refused: true },
      },
    ]);
    expect(processor.stats()).toMatchObject({ received: 3, stored: 1, refused: 2 });
  });
});

describe("tenants", () => {
  const tenanted: AgentRegistry = {
    ...registry,
    find: (agent) => (agent === "rival-bot" ? { tenant: "rival" } : undefined),
    mayActAs: () => true,
    tenantOf: (sender) => (sender === "key-acme" ? "acme" : undefined),
    isTenantTaken: (tenant) => tenant === "acme",
  };
  const of = (wishes: SpanWishes, sender?: string) => {
    const span = makeSpan(1, wishes);
    const claimed = identify({ span, sender, registry: tenanted });
    return [span.facts.labels["tenant"], claimed, span.attributes.get("tollgate.tenant.claimed")];
  };
  const named = (name: string) => ({ attributes: { "tollgate.agent.name": name } });
  const claiming = (tenant: string) => ({ attributes: { "tollgate.label.tenant": tenant } });

  it("are the credential's, whatever the span claims by label, resource or agent", () => {
    expect(of({}, "key-acme")).toEqual(["acme", undefined, undefined]);
    expect(of(claiming("acme"), "key-acme")).toEqual(["acme", undefined, undefined]);
    expect(of(claiming("rival"), "key-acme")).toEqual(["acme", "rival", "rival"]);
    expect(of({ resource: { tenant: "rival" } }, "key-acme")).toEqual(["acme", "rival", "rival"]);
    expect(of(named("rival-bot"), "key-acme")).toEqual(["acme", "rival", "rival"]);
  });

  it("that have keys are spoken for by these only; others by whoever names them, as before", () => {
    expect(of(claiming("acme"), "key-other")).toEqual([undefined, "acme", "acme"]);
    expect(of(claiming("acme"))).toEqual([undefined, "acme", "acme"]);
    expect(of(claiming("free"))).toEqual(["free", undefined, undefined]);
    expect(of(named("rival-bot"))).toEqual(["rival", undefined, undefined]);
    const made = { attributes: { "tollgate.tenant.claimed": "made up" } };
    expect(of(made, "key-other")).toEqual([undefined, undefined, undefined]);
  });

  it("that are foreign are refused where that is configured", async () => {
    const notices: Notice[] = [];
    const processor = identityProcessorFactory.create(
      { foreign_name: "flag", foreign_tenant: "refuse" },
      { next: { consume: async () => SUCCESS }, notify: (notice) => notices.push(notice), registry: tenanted },
    );
    const spans = [claiming("acme"), claiming("rival"), claiming("rival")].map((wishes, n) => makeSpan(n + 1, wishes));
    const reason = "the key is not bound to the tenant `rival`";
    expect(await processor.consume(makeBatch(spans, "key-acme"))).toEqual({
      kind: "success",
      rejected: [{ reason, count: 2 }],
    });
    const fields = { has_key: true, claimed: "rival", refused: true };
    expect(notices).toEqual([{ level: "warn", event: "foreign_tenant", fields }]);
  });
});
