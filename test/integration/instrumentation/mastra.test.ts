/**
 * The real `@mastra/core`, both twins, against the provider simulator: the model inside Mastra's own is charged, once for each request,
 * whether it is an object of the AI SDK or a name; tools pass the gate under the name that the model knows, or under their id
 * where a workflow runs them; the agent and the thread are those of the run.
 */
import { createRequire } from "node:module";
import { createOpenAI } from "@ai-sdk/openai";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { AgentKilled, findTollgateError } from "../../../instrumentation/src/errors.ts";
import {
  charged,
  chain,
  costOf,
  exactly,
  abandoned,
  refusal,
  hookFrameworks,
  patchLog,
  proposed,
  startFrameworkRig,
} from "../../support/framework-rig.ts";
import type { FrameworkRig } from "../../support/framework-rig.ts";
import { faultHeaders } from "../../support/libraries/library.ts";
import { policyFile } from "../../support/policy-file.ts";

hookFrameworks();
const require = createRequire(import.meta.url);
const esm = {
  agents: await import("@mastra/core/agent"),
  tools: await import("@mastra/core/tools"),
  workflows: await import("@mastra/core/workflows"),
};
const { noopLogger } = await import("@mastra/core/logger");
type Twin = typeof esm;
const cjs: Twin = {
  agents: require("@mastra/core/agent") as Twin["agents"],
  tools: require("@mastra/core/tools") as Twin["tools"],
  workflows: require("@mastra/core/workflows") as Twin["workflows"],
};

let rig: FrameworkRig;
const start = async (...options: Parameters<typeof startFrameworkRig>) =>
  void (rig = await startFrameworkRig(...options));

afterEach(() => rig.stop());

describe.each([
  ["esm", esm],
  ["cjs", cjs],
] as const)("%s", (_name, { agents, tools, workflows }) => {
  const models = {
    object: () => createOpenAI({ apiKey: "k", baseURL: `${rig.url}/v1` }).chat("gpt-4o"),
    name: () => ({ id: "openai/gpt-4o" as const, url: `${rig.url}/v1`, apiKey: "k" }),
  };
  const make = (options: object = {}) => {
    const agent = new agents.Agent({
      id: "helper",
      name: "The helper",
      instructions: "Help.",
      model: models.object() as never,
      maxRetries: 0,
      ...options,
    });
    // It would print each refusal.
    (agent as unknown as { __setLogger(logger: unknown): void }).__setLogger(noopLogger);
    return agent;
  };
  const settings = { modelSettings: { maxOutputTokens: 100, maxRetries: 0 } };

  it("is refused, and given up in the middle of a stream, as in its other twin", async () => {
    await start();
    const left = await abandoned(rig, async () => {
      const leaving = new AbortController();
      const headers = faultHeaders("pace=10");
      const model = createOpenAI({ apiKey: "k", baseURL: `${rig.url}/v1`, headers }).chat("gpt-4o") as never;
      const run = await make({ model }).stream("say hello", { ...settings, abortSignal: leaving.signal });
      for await (const { type } of run.fullStream) if (type === "text-delta") leaving.abort();
    });
    expect(left).toEqual({ status: "estimated", isBilled: true, isCovered: true });
    expect(await refusal(rig, () => make().generate("say hello", settings))).toEqual({
      code: "agent_killed",
      requests: 0,
    });
  });

  const lookup = (given: unknown[]) =>
    tools.createTool({
      id: "look-up",
      description: "looks up",
      inputSchema: z.object({ text: z.string() }),
      outputSchema: z.string(),
      execute: async (input) => {
        given.push(input);
        return "found";
      },
    });

  it("charges a run once for each request, streamed and not", async () => {
    await start();
    const agent = make();
    const { text } = await agent.generate("say hello", settings);
    const streamed = await agent.stream("say it again", { ...settings, memory: { thread: "t1", resource: "r" } });
    const pieces: string[] = [];
    for await (const piece of streamed.textStream) pieces.push(piece);
    expect([text, pieces.join("")]).not.toContain("");
    expect(charged(rig)).toEqual(exactly(rig, 2));
    expect(rig.calls().map(({ attributes }) => attributes)).toMatchObject([
      { "gen_ai.request.model": "gpt-4o", "tollgate.agent.name": "helper" },
      { "gen_ai.request.model": "gpt-4o", "tollgate.agent.name": "helper", "tollgate.session.id": "t1" },
    ]);
  });

  it("charges a model given by its name, by what was seen where Mastra does not ask for a stream's usage", async () => {
    await start();
    const agent = make({ model: models.name() });
    await agent.generate("say hello", settings);
    expect(charged(rig)).toEqual(exactly(rig, 1));
    await (await agent.stream("say it again", settings)).consumeStream();
    expect(rig.calls().map(({ attributes }) => attributes["tollgate.cost.status"])).toEqual(["exact", "estimated"]);
    expect(costOf(rig.calls())).toBeGreaterThanOrEqual(rig.paid());
  });

  it.each(["object", "name"] as const)("ends a run in its middle by a kill, with a model given by %s", async (kind) => {
    await start({ simulator: { outputTokens: { min: 400, max: 500 }, pieceIntervalMs: 2 } });
    const streamed = await make({ model: models[kind]() }).stream("a story", { modelSettings: { maxRetries: 0 } });
    const kinds: string[] = [];
    for await (const { type } of streamed.fullStream) {
      kinds.push(type);
      if (type !== "text-delta") continue;
      for (const call of rig.gated.gate.open) call.stop(new AgentKilled({ agent: "a", reason: "enough" }));
    }
    expect(findTollgateError(streamed.error)?.code).toBe("agent_killed");
    expect(kinds).toContain("error");
    await expect.poll(() => rig.simulator.count().in_flight).toBe(0);
    await expect.poll(() => rig.calls().length).toBe(1);
    expect(costOf(rig.calls())).toBeGreaterThanOrEqual(rig.paid());
  });

  it.each(["object", "name"] as const)(
    "charges nothing for what the provider refuses, with a model given by %s",
    async (kind) => {
      await start({ simulator: { faults: "server_error" } });
      await expect(make({ model: models[kind]() }).generate("x", settings)).rejects.toThrow(/error/i);
      expect(new Set(rig.calls().map(({ attributes }) => attributes["error.type"]))).toEqual(new Set(["500"]));
      expect([costOf(rig.calls()), rig.paid()]).toEqual([0n, 0n]);
    },
  );

  it.each([
    ["allow", 1],
    ["deny", 0],
  ] as const)("decides the tool of an agent: %s runs it %d times, and the run goes on", async (list, times) => {
    await using policy = await policyFile({ [list]: ["lookup"] });
    await start({ env: { TOLLGATE_POLICY: policy.path } });
    const given: unknown[] = [];
    const { text } = await make({ tools: { lookup: lookup(given) } }).generate("look it up", settings);
    expect(text).not.toBe("");
    expect(given).toHaveLength(times);
    expect(rig.tools().map(({ attributes }) => attributes["tollgate.decision"])).toEqual([list]);
    expect(chain(rig)).toEqual(proposed("lookup"));
    expect(charged(rig)).toEqual(exactly(rig, 2));
  });

  it.each([
    ["allow", 1, "success"],
    ["deny", 0, "failed"],
  ] as const)(
    "decides a tool that is a step of a workflow by its id: %s runs it %d times",
    async (list, times, status) => {
      await using policy = await policyFile({ [list]: ["look-up"] });
      await start({ env: { TOLLGATE_POLICY: policy.path } });
      const given: unknown[] = [];
      const flow = workflows
        .createWorkflow({ id: "flow", inputSchema: z.object({ text: z.string() }), outputSchema: z.string() })
        .then(workflows.createStep(lookup(given)) as never)
        .commit();
      const run = await flow.createRun();
      expect((await run.start({ inputData: { text: "it" } })).status).toBe(status);
      expect(given).toHaveLength(times);
      expect(rig.tools().map(({ attributes }) => attributes["tollgate.decision"])).toEqual([list]);
    },
  );
});

it("is patched in each file that has a place, and nothing of it is not", () => {
  const lines = patchLog.filter((line) => line.includes("@mastra/core"));
  expect(lines.filter((line) => !line.includes("is gated"))).toEqual([]);
  expect(lines.length).toBeGreaterThanOrEqual(8);
});
