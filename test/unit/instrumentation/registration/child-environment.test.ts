import { resolve } from "node:path";
import { ROOT_CONTEXT } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../../../instrumentation/src/config/config.ts";
import { childEnvironment, type Parent } from "../../../../instrumentation/src/registration/child-environment.ts";

const env = { PATH: "/bin", TOLLGATE_AGENT: "planner", TOLLGATE_API_KEY: "k", TOLLGATE_POLICY: "policy.yaml" };
const parent: Parent = {
  env,
  settings: {},
  registerUrl: "file:///x/instrumentation/dist/register.js",
  context: {},
  carried: { agents: ["planner"], session: "s", workflow: undefined, isTooDeep: false },
  active: ROOT_CONTEXT,
};
const childOf = (given: Partial<Parent>, childEnv: Record<string, string>, isRegistered = false) =>
  childEnvironment({ ...parent, ...given }, { env: childEnv, isRegistered });

describe("the environment of a child process", () => {
  it("registers it, says who started it, and finds the parent's policy from wherever it runs", () => {
    expect(childOf({}, env)).toEqual({
      NODE_OPTIONS: "--import=file:///x/instrumentation/dist/register.js",
      BAGGAGE: "tollgate.agents=planner,tollgate.session=s",
      TOLLGATE_POLICY: resolve("policy.yaml"),
    });
    const registered = { ...env, NODE_OPTIONS: "--import @tollgate/instrumentation/register" };
    expect(childOf({}, registered)).not.toHaveProperty("NODE_OPTIONS");
    expect(childOf({}, env, true)).not.toHaveProperty("NODE_OPTIONS");
    expect(childOf({}, { ...env, NODE_OPTIONS: "--no-warnings" })).toMatchObject({
      NODE_OPTIONS: "--no-warnings --import=file:///x/instrumentation/dist/register.js",
    });
  });

  it("lets it take another name, and lets it not deny its parent", () => {
    const added = childOf({}, { ...env, TOLLGATE_AGENT: "researcher", BAGGAGE: "" });
    expect(added).not.toHaveProperty("TOLLGATE_AGENT");
    const config = readConfig({ ...env, TOLLGATE_AGENT: "researcher", BAGGAGE: "", ...added });
    expect(config).toMatchObject({ agent: "researcher", labels: { ancestors: "planner" } });
  });

  it("makes the child of a sub-agent that sub-agent, with its labels", () => {
    const context = { agent: "writer", user: "ada", labels: { tier: "gold, old" } };
    const added = childOf({ context }, { ...env, OTEL_RESOURCE_ATTRIBUTES: "team=a" });
    expect(readConfig({ ...env, ...added })).toMatchObject({
      agent: "writer",
      labels: { team: "a", tier: "gold, old", user: "ada", ancestors: "planner" },
    });
  });

  it("hands on what connects to the processor where it was left out", () => {
    expect(childOf({}, { TOLLGATE_AGENT: "researcher" })).toMatchObject({ TOLLGATE_API_KEY: "k" });
  });

  it("leaves one alone that was replaced on purpose", () => {
    expect(childOf({}, { PATH: "/bin" })).toBeUndefined();
    expect(childOf({ env: { PATH: "/bin" } }, { PATH: "/bin" })).toHaveProperty("NODE_OPTIONS");
  });

  it("gives a child the settings of its parent's start, whatever the parent has written over them, but not over its own", () => {
    const settings = { TOLLGATE_BUDGET: "$1", TOLLGATE_ENDPOINT: "http://p" };
    const raised = { env: { PATH: "/bin", TOLLGATE_BUDGET: "$100" }, settings };
    expect(childOf(raised, { PATH: "/bin", TOLLGATE_BUDGET: "$100" })).toMatchObject(settings);
    expect(childOf({ env: { PATH: "/bin" }, settings }, { PATH: "/bin" })).toMatchObject(settings);
    expect(childOf(raised, { TOLLGATE_BUDGET: "$2" })).not.toHaveProperty("TOLLGATE_BUDGET");
  });

  it("forgets the span and the baggage of somebody else", () => {
    const nothing = { agents: [], session: undefined, workflow: undefined, isTooDeep: false };
    const stale = { ...env, TRACEPARENT: "00-…", BAGGAGE: "tollgate.agents=x" };
    expect(childOf({ carried: nothing }, stale)).toMatchObject({ TRACEPARENT: "", BAGGAGE: "" });
    expect(childOf({ carried: nothing }, env)).not.toHaveProperty("TRACEPARENT");
  });
});
