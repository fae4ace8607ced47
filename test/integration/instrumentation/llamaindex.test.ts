/**
 * The real LlamaIndex packages, both twins, against the provider simulator: models go through the copy of `openai` (5) that its adapter
 * brings along, and are charged there once; tools that its agents and agent workflows run pass the tool gate.
 */
import { createRequire } from "node:module";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { waitFor } from "../../../src/demo/wait.ts";
import {
  chain,
  charged,
  costOf,
  exactly,
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
  openai: await import("@llamaindex/openai"),
  tools: await import("@llamaindex/core/tools"),
  workflow: await import("@llamaindex/workflow"),
};
type Twin = typeof esm;
const cjs: Twin = {
  openai: require("@llamaindex/openai") as Twin["openai"],
  tools: require("@llamaindex/core/tools") as Twin["tools"],
  workflow: require("@llamaindex/workflow") as Twin["workflow"],
};
const user = { role: "user" as const, content: "say hello" };

let rig: FrameworkRig;
const start = async (...options: Parameters<typeof startFrameworkRig>) =>
  void (rig = await startFrameworkRig(...options));

afterEach(() => rig.stop());

describe.each([
  ["esm", esm],
  ["cjs", cjs],
] as const)("%s", (_name, { openai, tools, workflow }) => {
  const model = (options: object = {}) =>
    new openai.OpenAI({
      model: "gpt-4o",
      apiKey: "k",
      baseURL: `${rig.url}/v1`,
      maxRetries: 0,
      maxTokens: 100,
      ...options,
    });

  it("charges a chat once, streamed and not", async () => {
    await start();
    const { message } = await model().chat({ messages: [user] });
    expect(message.content).not.toBe("");
    for await (const _chunk of await model().chat({ messages: [user], stream: true }));
    expect(charged(rig)).toEqual(exactly(rig, 2));
  });

  it("has no signal to end a call by: what is given as one goes nowhere", async () => {
    await start();
    const signal = AbortSignal.abort();
    const asked = { messages: [user], signal };
    expect((await model().chat(asked)).message.content).not.toBe("");
    const texts: string[] = [];
    for await (const { delta } of await model().chat({ ...asked, stream: true })) texts.push(delta);
    expect(texts.join("")).not.toBe("");
    expect(charged(rig)).toEqual(exactly(rig, 2));
  });

  it("charges no less than was billed for a stream that the session's own signal ends in its middle", async () => {
    await start();
    const leaving = new AbortController();
    const defaultHeaders = faultHeaders("pace=10");
    const llm = model({ additionalSessionOptions: { defaultHeaders, fetchOptions: { signal: leaving.signal } } });
    const texts: string[] = [];
    for await (const { delta } of await llm.chat({ messages: [user], stream: true })) {
      texts.push(delta);
      leaving.abort();
    }
    const isIdle = () => rig.simulator.count().in_flight === 0;
    await waitFor(isIdle, { what: "the provider", timeoutMs: 60_000 });
    expect(texts.length).toBeGreaterThan(0);
    expect(rig.calls().map(({ attributes }) => attributes["tollgate.cost.status"])).toEqual(["estimated"]);
    expect(rig.paid()).toBeGreaterThan(0n);
    expect(costOf(rig.calls())).toBeGreaterThanOrEqual(rig.paid());
  });

  it.each([
    ["allow", 1],
    ["deny", 0],
  ] as const)(
    "decides the tool of an agent: %s runs it %d times, and the model reads what became of it",
    async (list, times) => {
      await using policy = await policyFile({ [list]: ["lookup"] });
      await start({ env: { TOLLGATE_POLICY: policy.path } });
      const given: unknown[] = [];
      const lookup = tools.tool({
        name: "lookup",
        description: "looks up",
        parameters: z.object({ text: z.string() }),
        execute: (input) => {
          given.push(input);
          return "found";
        },
      });
      const agent = workflow.agent({ llm: model(), tools: [lookup] });
      const { data } = await agent.run("look it up");
      expect(data.result).not.toBe("");
      expect(given).toHaveLength(times);
      expect(rig.tools().map(({ attributes }) => attributes["tollgate.decision"])).toEqual([list]);
      expect(chain(rig)).toEqual(proposed("lookup"));
      expect(charged(rig)).toEqual(exactly(rig, 2));
    },
  );
});

it("is patched in each file that runs tools, and so is the SDK below", () => {
  const lines = patchLog.filter((line) => /@llamaindex[/\\](?:core|openai)[/\\]/.test(line));
  expect(lines.filter((line) => !line.includes("is gated"))).toEqual([]);
  expect(lines.length).toBeGreaterThanOrEqual(6);
});
