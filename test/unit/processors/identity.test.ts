import { describe, expect, it } from "vitest";
import type { AgentRegistry } from "../../../src/processors/identity/identity.ts";
import { identify } from "../../../src/processors/identity/identity.ts";
import { type SpanWishes, makeSpan } from "../../fixtures/otlp/make-span.ts";

const registry: AgentRegistry = {
  find: (agent) => (agent === "planner" ? { owner: "platform", team: "data", role: "maintainer" } : undefined),
  mayActAs: (sender, agent) => sender === "key-1" && agent === "planner",
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

  it("holds the number and the length of labels in bounds", () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`key${index}`, "v"]));
    const facts = identified({ resource: { long: "x".repeat(1_000), ...many } });
    expect(Object.keys(facts.labels).length).toBeLessThanOrEqual(74);
    expect(facts.labels["long"]).toBeUndefined();
    expect(facts.labels["agent"]).toBe("unknown");
  });
});
