/** Agents of the real LangGraph, both twins: tools pass the tool gate, and the thread is the session. */
import { createRequire } from "node:module";
import type { BaseMessage } from "@langchain/core/messages";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { withContext } from "../../../instrumentation/src/index.ts";
import { chain, charged, exactly, hookFrameworks, proposed, startFrameworkRig } from "../../support/framework-rig.ts";
import type { FrameworkRig } from "../../support/framework-rig.ts";
import { policyFile } from "../../support/policy-file.ts";

hookFrameworks();
const require = createRequire(import.meta.url);
const esm = {
  openai: await import("@langchain/openai"),
  tools: await import("@langchain/core/tools"),
  prebuilt: await import("@langchain/langgraph/prebuilt"),
};
type Twin = typeof esm;
const cjs: Twin = {
  openai: require("@langchain/openai") as Twin["openai"],
  tools: require("@langchain/core/tools") as Twin["tools"],
  prebuilt: require("@langchain/langgraph/prebuilt") as Twin["prebuilt"],
};

let rig: FrameworkRig;
const start = async (...options: Parameters<typeof startFrameworkRig>) =>
  void (rig = await startFrameworkRig(...options));

afterEach(() => rig.stop());

describe.each([
  ["esm", esm],
  ["cjs", cjs],
] as const)("%s", (_name, twin) => {
  const model = () =>
    new twin.openai.ChatOpenAI({ model: "gpt-4o", apiKey: "test", configuration: { baseURL: `${rig.url}/v1` } });

  it("runs an agent with its tools behind the gate, in the session of its thread", async () => {
    await using policy = await policyFile({ allow: ["lookup"] });
    await start({ env: { TOLLGATE_POLICY: policy.path } });
    const { runs, messages } = await converse({ configurable: { thread_id: "thread-7" } });
    expect(runs).toHaveLength(1);
    expect(messages.map((message) => message.getType())).toEqual(["human", "ai", "tool", "ai"]);
    expect(charged(rig)).toEqual(exactly(rig, 2));
    expect(rig.tools().map(({ attributes }) => attributes["gen_ai.tool.call.id"])).toEqual(["call_1"]);
    expect(chain(rig)).toEqual(proposed("lookup"));
    const sessions = rig.gated.spans().map(({ attributes }) => attributes["tollgate.session.id"]);
    expect(sessions).toEqual(["thread-7", "thread-7", "thread-7"]);
  });

  it("denies a tool, and the model reads why", async () => {
    await using policy = await policyFile({ deny: ["lookup"] });
    await start({ env: { TOLLGATE_POLICY: policy.path } });
    const { runs, messages } = await withContext({ session: "mine" }, () =>
      converse({ configurable: { thread_id: "thread-7" } }),
    );
    expect(runs).toEqual([]);
    expect(JSON.stringify(messages[2]?.content)).toContain("denied");
    expect(rig.tools()[0]?.attributes).toMatchObject({ "tollgate.decision": "deny", "tollgate.session.id": "mine" });
  });

  async function converse(
    config: object,
  ): Promise<{ readonly runs: unknown[]; readonly messages: readonly BaseMessage[] }> {
    const runs: unknown[] = [];
    const run = async (input: unknown) => {
      runs.push(input);
      return "found";
    };
    const lookup = twin.tools.tool(run, { name: "lookup", description: "", schema: z.object({ text: z.string() }) });
    const agent = twin.prebuilt.createReactAgent({ llm: model(), tools: [lookup] });
    const { messages } = await agent.invoke({ messages: [{ role: "user", content: "find it" }] }, config);
    return { runs, messages };
  }
});
