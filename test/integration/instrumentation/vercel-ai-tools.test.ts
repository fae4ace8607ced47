/** Tools of the real `ai`: decided before they run, in whatever way the model is asked. */
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import {
  chain,
  charged,
  exactly,
  hookFrameworks,
  proposed,
  startFrameworkRig,
  type FrameworkRig,
} from "../../support/framework-rig.ts";
import { policyFile } from "../../support/policy-file.ts";

hookFrameworks();
const ai = await import("ai");
const { createOpenAI } = await import("@ai-sdk/openai");

let rig: FrameworkRig;

const model = () => createOpenAI({ apiKey: "test", baseURL: `${rig.url}/v1` }).chat("gpt-4o");
const start = async (...options: Parameters<typeof startFrameworkRig>) =>
  void (rig = await startFrameworkRig(...options));

afterEach(() => rig.stop());

describe("tools", () => {
  const lookup = (runs: unknown[]) =>
    ai.tool({
      description: "looks up",
      inputSchema: z.object({ text: z.string() }),
      execute: async (input) => {
        runs.push(input);
        return { found: true };
      },
    });

  it.each(["generate", "stream"])("run behind the gate, named by the model's own call (%s)", async (how) => {
    await using policy = await policyFile({ allow: ["lookup"] });
    await start({ env: { TOLLGATE_POLICY: policy.path } });
    const runs: unknown[] = [];
    await converse(how, { lookup: lookup(runs) });
    expect(runs).toHaveLength(1);
    expect(charged(rig)).toEqual(exactly(rig, 2));
    const [tool] = rig.tools();
    expect(tool?.attributes).toMatchObject({
      "gen_ai.tool.name": "lookup",
      "gen_ai.tool.call.id": "call_1",
      "tollgate.decision": "allow",
    });
    expect(chain(rig)).toEqual(proposed("lookup"));
  });

  it.each(["generate", "stream"])("that are denied do not run, and the model reads why (%s)", async (how) => {
    await using policy = await policyFile({ deny: ["lookup"] });
    await start({ env: { TOLLGATE_POLICY: policy.path } });
    const runs: unknown[] = [];
    const errors = await converse(how, { lookup: lookup(runs) });
    expect(runs).toEqual([]);
    expect(errors.map((error) => findTollgateError(error)?.code)).toEqual(["tool_denied"]);
    expect(charged(rig)).toEqual(exactly(rig, 2));
    expect(rig.tools()[0]?.attributes).toMatchObject({ "tollgate.decision": "deny" });
  });

  /** Errors of tools, over all steps. */
  async function converse(how: string, tools: { readonly lookup: ReturnType<typeof lookup> }): Promise<unknown[]> {
    const options = { model: model(), prompt: "find it", tools, stopWhen: ai.stepCountIs(4) };
    const steps = how === "generate" ? (await ai.generateText(options)).steps : await ai.streamText(options).steps;
    return steps.flatMap(({ content }) => content).flatMap((part) => (part.type === "tool-error" ? [part.error] : []));
  }
});
