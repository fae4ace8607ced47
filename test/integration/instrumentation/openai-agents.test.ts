/**
 * The real `@openai/agents`, both twins, against the provider simulator: models are charged once, in the gated `openai`; function
 * tools pass the tool gate; who hands over is the parent of who takes over.
 */
import { createRequire } from "node:module";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { registerGate } from "../../../instrumentation/src/gate/registry.ts";
import { registerToolGate } from "../../../instrumentation/src/guard/tool-registry.ts";
import {
  chain,
  charged,
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
const esm = { agents: await import("@openai/agents"), openai: await import("openai") };
type Twin = typeof esm;
const cjs: Twin = {
  agents: require("@openai/agents") as Twin["agents"],
  openai: require("openai") as Twin["openai"],
};

let rig: FrameworkRig;
const start = async (...options: Parameters<typeof startFrameworkRig>) =>
  void (rig = await startFrameworkRig(...options));

it("is patched in all its places, in both twins", () => {
  const lines = patchLog.filter((line) => line.includes("agents-core"));
  expect(lines).toHaveLength(6);
  expect(lines.filter((line) => !line.includes("is gated"))).toEqual([]);
});

describe.each([
  ["esm", esm],
  ["cjs", cjs],
] as const)("%s", (_name, { agents, openai }) => {
  afterEach(() => rig.stop());

  const model = (defaultHeaders = {}) => {
    const client = new openai.OpenAI({ apiKey: "test", baseURL: `${rig.url}/v1`, maxRetries: 0, defaultHeaders });
    return new agents.OpenAIChatCompletionsModel(client as never, "gpt-4o");
  };
  const runner = () => new agents.Runner({ tracingDisabled: true });
  const make = (options: object = {}) =>
    new agents.Agent({ name: "Triage", instructions: "Help.", model: model(), ...options });

  it("charges a run once for each call, streamed and not, with what the app sees without the gate", async () => {
    await start();
    const see = async () => {
      const whole = await runner().run(make(), "say hello");
      const streamed = await runner().run(make(), "say it again", { stream: true });
      const events: string[] = [];
      for await (const event of streamed) events.push(event.type);
      return { output: whole.finalOutput, usage: whole.rawResponses[0]?.usage, events, streamed: streamed.finalOutput };
    };
    const through = await see();
    expect(charged(rig)).toEqual(exactly(rig, 2));
    expect(rig.calls().map(({ attributes }) => attributes["tollgate.agent.name"])).toEqual(["Triage", "Triage"]);
    registerGate(undefined);
    registerToolGate(undefined);
    expect(through).toEqual(await see());
  });

  it("is refused, and given up in the middle of a stream, as in its other twin", async () => {
    await start();
    const left = await abandoned(rig, async () => {
      const leaving = new AbortController();
      const agent = make({ model: model(faultHeaders("pace=10")) });
      const run = await runner().run(agent, "say hello", { stream: true, signal: leaving.signal });
      for await (const { type } of run) if (type === "raw_model_stream_event") leaving.abort();
      await run.completed;
    });
    expect(left).toEqual({ status: "estimated", isBilled: true, isCovered: true });
    expect(await refusal(rig, () => runner().run(make(), "say hello"))).toEqual({ code: "agent_killed", requests: 0 });
  });

  it.each([
    ["allow", 1, "allow", false],
    ["deny", 0, "deny", true],
    ["allow", 1, "allow", true],
    ["deny", 0, "deny", false],
  ] as const)("decides a function tool: %s runs it %d times", async (list, times, decision, stream) => {
    await using policy = await policyFile({ [list]: ["lookup"] });
    await start({ env: { TOLLGATE_POLICY: policy.path } });
    const runs: unknown[] = [];
    const lookup = agents.tool({
      name: "lookup",
      description: "looks up",
      parameters: z.object({ text: z.string() }),
      execute: async (input) => void runs.push(input),
    });
    const result = stream
      ? await runner().run(make({ tools: [lookup] }), "find it", { stream: true })
      : await runner().run(make({ tools: [lookup] }), "find it");
    if ("completed" in result) await result.completed;
    expect(runs).toHaveLength(times);
    expect(typeof result.finalOutput).toBe("string");
    expect(charged(rig)).toEqual(exactly(rig, 2));
    expect(rig.tools().map(({ attributes }) => attributes)).toMatchObject([
      { "gen_ai.tool.call.id": "call_1", "tollgate.decision": decision, "tollgate.agent.name": "Triage" },
    ]);
    expect(chain(rig)).toEqual(proposed("lookup"));
    const told = JSON.stringify(result.history);
    expect(told.includes("is denied by")).toBe(decision === "deny");
  });

  it("makes who hands over the parent of who takes over, in the session of the group", async () => {
    await start({ env: { TOLLGATE_AGENT: "desk" } });
    const billing = make({ name: "Billing" });
    const triage = agents.Agent.create({ name: "Triage", model: model(), handoffs: [billing as never] });
    const grouped = new agents.Runner({ groupId: "chat-9", workflowName: "support", traceIncludeSensitiveData: false });
    agents.setTracingDisabled(false);
    const result = await grouped.run(triage, "my bill");
    agents.setTracingDisabled(true);
    expect(result.lastAgent?.name).toBe("Billing");
    expect(charged(rig)).toEqual(exactly(rig, 2));
    expect(rig.calls().map(({ attributes }) => attributes)).toMatchObject([
      { "tollgate.agent.name": "Triage", "tollgate.agent.parent": "desk", "tollgate.session.id": "chat-9" },
      { "tollgate.agent.name": "Billing", "tollgate.agent.parent": "Triage", "tollgate.workflow.id": "support" },
    ]);
  });
});
