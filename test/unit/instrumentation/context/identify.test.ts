import { context as openTelemetry, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../../../../instrumentation/src/config/config.ts";
import { AGENTS_ENTRY } from "../../../../instrumentation/src/context/carried.ts";
import {
  currentlyCarried,
  setProcessContext,
  withContext,
  withoutCarried,
} from "../../../../instrumentation/src/context/context.ts";
import { identify } from "../../../../instrumentation/src/context/identify.ts";
import { ProcessContextManager } from "../../../../instrumentation/src/telemetry/process-context-manager.ts";

beforeAll(() => void openTelemetry.setGlobalContextManager(new ProcessContextManager(readConfig({})).enable()));
afterEach(() => setProcessContext(undefined));
afterAll(() => openTelemetry.disable());

const planner = readConfig({ TOLLGATE_AGENT: "planner" });
const child = readConfig({
  TOLLGATE_AGENT: "researcher",
  BAGGAGE: "tollgate.agents=root%2Cplanner,tollgate.session=s-1,tollgate.workflow=w-1",
});
const received = (agents: string, more: Record<string, { value: string }> = {}) =>
  propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ [AGENTS_ENTRY]: { value: agents }, ...more }));

describe("whose call it is", () => {
  it("is the process's agent's, without ancestors, when nobody started it", () => {
    const { agent, labels, context } = identify(planner, undefined);
    expect({ agent, labels, context }).toEqual({ agent: "planner", labels: { agent: "planner" }, context: {} });
  });

  it("is a sub-agent's, with the process's agent and the agents around as ancestors", () => {
    setProcessContext(planner.context);
    withContext({ agent: "researcher", session: "s" }, () =>
      withContext({ agent: "reader" }, () => {
        expect(identify(planner, undefined)).toMatchObject({
          agent: "reader",
          labels: { agent: "reader", ancestors: "planner,researcher", parent_agent: "researcher", session: "s" },
          context: { parentAgent: "researcher", session: "s" },
        });
      }),
    );
  });

  it("keeps those who started the process, whatever name it takes", () => {
    expect(identify(child, undefined)).toMatchObject({
      agent: "researcher",
      labels: { ancestors: "root,planner", parent_agent: "planner", session: "s-1", workflow: "w-1" },
      context: { parentAgent: "planner", session: "s-1", workflow: "w-1" },
    });
    expect(child.labels).toEqual({ ancestors: "root,planner" });
    setProcessContext(child.context);
    withContext({ agent: "other", parentAgent: "nobody", labels: { ancestors: "" } }, () => {
      expect(identify(child, undefined).labels["ancestors"]).toBe("root,planner,researcher,nobody");
    });
    withContext({ labels: { agent: "renamed" } }, () => {
      expect(identify(child, undefined).labels["ancestors"]).toBe("root,planner,researcher");
    });
  });

  it("is on behalf of the caller over HTTP, whose session yields to one of its own", () => {
    const session = { "tollgate.session": { value: "theirs" } };
    openTelemetry.with(received("caller", session), () => {
      expect(identify(planner, undefined).labels).toMatchObject({ ancestors: "caller", session: "theirs" });
      withContext({ session: "ours" }, () => {
        expect(identify(planner, undefined).labels).toMatchObject({ ancestors: "caller", session: "ours" });
      });
    });
    const deaf = readConfig({ TOLLGATE_AGENT: "planner", TOLLGATE_BAGGAGE: "send" });
    openTelemetry.with(received("caller"), () => {
      expect(identify(deaf, undefined).labels).toEqual({ agent: "planner" });
    });
  });

  it("is nobody's when the chain does not fit: no budget of it may be lost", () => {
    const nest = (depth: number): unknown =>
      depth === 0 ? identify(planner, undefined).problem : withContext({ agent: `a${depth}` }, () => nest(depth - 1));
    expect(nest(16)).toBeUndefined();
    expect(nest(17)).toContain("the chain of agents");
    openTelemetry.with(received(","), () => expect(identify(planner, undefined).problem).toContain("the chain"));
  });

  it("yields to the registry", () => {
    const hello = { labels: { agent: "planner", team: "core" }, agent_verified: true } as never;
    withContext({ team: "mine" }, () => expect(identify(planner, hello).labels["team"]).toBe("core"));
  });
});

describe("what goes out", () => {
  it("carries the process's own context where nothing is active, and its spans belong to the one it was started in", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const root = new ProcessContextManager(
      readConfig({ BAGGAGE: "tollgate.agents=p", TRACEPARENT: traceparent }),
    ).active();
    expect(propagation.getBaggage(root)?.getEntry(AGENTS_ENTRY)?.value).toBe("p");
    expect(trace.getSpanContext(root)?.spanId).toBe("b7ad6b7169203331");
  });

  it("carries the agents, the session and the workflow, but not to a provider", () => {
    setProcessContext(planner.context);
    withContext({ agent: "researcher", session: "s", user: "ada" }, () => {
      const entries = propagation.getActiveBaggage()?.getAllEntries() ?? [];
      expect(Object.fromEntries(entries.map(([name, { value }]) => [name, value]))).toEqual({
        "tollgate.agents": "planner,researcher",
        "tollgate.session": "s",
      });
      expect(propagation.getBaggage(withoutCarried(openTelemetry.active()))?.getAllEntries()).toEqual([]);
    });
    expect(propagation.getActiveBaggage()).toBeUndefined();
  });

  it("leaks nothing between 64 contexts side by side", async () => {
    setProcessContext(planner.context);
    const seen = await Promise.all(
      Array.from({ length: 64 }, (_, index) =>
        withContext({ agent: `a${index}`, session: `s${index}` }, async () => {
          await new Promise((resolve) => setImmediate(resolve));
          const inner = withContext({ agent: `b${index}` }, async () => {
            await Promise.resolve();
            return identify(planner, undefined).labels;
          });
          const carried = currentlyCarried(planner.context);
          return { inner: await inner, carried };
        }),
      ),
    );
    for (const [index, { inner, carried }] of seen.entries()) {
      expect(inner).toMatchObject({ agent: `b${index}`, ancestors: `planner,a${index}`, session: `s${index}` });
      expect(carried).toMatchObject({ agents: ["planner", `a${index}`], session: `s${index}` });
    }
    expect(identify(planner, undefined).context).toEqual({});
  });
});
