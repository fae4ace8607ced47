/**
 * Goal: a tool that the app gives up while its decision is waited for does not run, however it is decided later; who waits hears of it at
 * once, and no approval is used for it. Method: the agent is paused, or a person is asked, right before the tool runs; frameworks as an app
 * has them, and a processor that answers when the test says so.
 */
import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { z } from "zod";
import { patchAnthropicTools } from "../../../instrumentation/src/anthropic/patch-tools.ts";
import { patchToolRunner } from "../../../instrumentation/src/openai/patch-tools.ts";
import { runGated } from "../../../instrumentation/src/guard/covered-tool.ts";
import { ToolGate } from "../../../instrumentation/src/guard/tool-gate.ts";
import { registeredToolGate } from "../../../instrumentation/src/guard/tool-registry.ts";
import type { Answer, ApprovalTransport } from "../../../instrumentation/src/lease/transport.ts";
import type { ApprovalReply } from "../../../instrumentation/src/protocol.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import { hookFrameworks, KILL, startFrameworkRig, type FrameworkRig } from "../../support/framework-rig.ts";
import { startGatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";

hookFrameworks();
const ai = await import("ai");
const { createOpenAI } = await import("@ai-sdk/openai");
const { tool: langchainTool } = await import("@langchain/core/tools");
const agents = await import("@openai/agents");
const { default: OpenAI } = await import("openai");
const { AbstractChatCompletionRunner } = await import("openai/lib/AbstractChatCompletionRunner");
patchToolRunner(AbstractChatCompletionRunner.prototype);
const { runRunnableTool } = await import("@anthropic-ai/sdk/lib/tools/BetaRunnableTool");
let runAnthropicTool = runRunnableTool;
patchAnthropicTools({
  runRunnableTool: [runRunnableTool, (patched) => (runAnthropicTool = patched as typeof runRunnableTool)],
});
const { createTool } = await import("@mastra/core/tools");

interface Setting {
  readonly rig: FrameworkRig;
  readonly signal: AbortSignal;
  /** Right before the tool is decided on. */
  readonly onAsked: () => void;
  readonly onRun: () => string;
}

const WAYS: Readonly<Record<string, (setting: Setting) => Promise<unknown>>> = {
  async "the AI SDK"({ rig, signal, onAsked, onRun }) {
    const model = createOpenAI({ apiKey: "test", baseURL: `${rig.url}/v1` }).chat("gpt-4o");
    const inputSchema = z.object({ text: z.string() });
    const lookup = ai.tool({ inputSchema, execute: async () => onRun(), onInputAvailable: onAsked });
    return ai.generateText({ model, prompt: "find it", tools: { lookup }, abortSignal: signal, maxRetries: 0 });
  },
  async LangChain({ signal, onAsked, onRun }) {
    const schema = z.object({ text: z.string() });
    const lookup = langchainTool(async () => onRun(), { name: "lookup", description: "looks up", schema });
    onAsked();
    return lookup.invoke({ text: "a" }, { signal });
  },
  async "OpenAI's client"({ rig, signal, onAsked, onRun }) {
    const client = new OpenAI({ apiKey: "test", baseURL: `${rig.url}/v1`, maxRetries: 0 });
    const lookup = {
      type: "function" as const,
      function: {
        name: "lookup",
        parameters: { type: "object" },
        parse: (text: string) => (onAsked(), JSON.parse(text) as object),
        function: onRun,
      },
    };
    const messages = [{ role: "user" as const, content: "find it" }];
    return client.chat.completions.runTools({ model: "gpt-4o", messages, tools: [lookup] } as never, { signal }).done();
  },
  async "Anthropic's client"({ signal, onAsked, onRun }) {
    const input_schema = { type: "object" as const };
    const lookup = {
      type: "custom" as const,
      name: "lookup",
      input_schema,
      parse: (input: unknown) => input,
      run: onRun,
    };
    const toolUse = {
      type: "tool_use" as const,
      id: "t",
      name: "lookup",
      input: {},
      caller: { type: "direct" as const },
    };
    onAsked();
    return runAnthropicTool(lookup, {}, { toolUse, toolUseBlock: toolUse, signal });
  },
  async "a Mastra tool"({ signal, onAsked, onRun }) {
    const lookup = createTool({ id: "lookup", description: "looks up", execute: async () => onRun() });
    onAsked();
    return lookup.execute?.({} as never, { abortSignal: signal } as never);
  },
  async "OpenAI's agents"({ rig, signal, onAsked, onRun }) {
    const client = new OpenAI({ apiKey: "test", baseURL: `${rig.url}/v1`, maxRetries: 0 });
    const lookup = agents.tool({
      name: "lookup",
      description: "looks up",
      parameters: z.object({ text: z.string() }),
      needsApproval: async () => (onAsked(), false),
      execute: async () => onRun(),
    });
    const model = new agents.OpenAIChatCompletionsModel(client as never, "gpt-4o");
    const agent = new agents.Agent({ name: "Triage", instructions: "Help.", model, tools: [lookup] });
    return new agents.Runner({ tracingDisabled: true }).run(agent, "find it", { signal });
  },
};

it.each(Object.entries(WAYS))(
  "does not run a tool of %s that was given up while its agent was paused",
  async (_way, use) => {
    const rig = await startFrameworkRig();
    const { stops } = rig.gated.gate;
    const leaving = new AbortController();
    let runs = 0;
    let isAsked = false;
    const end = use({
      rig,
      signal: leaving.signal,
      onAsked() {
        isAsked = true;
        stops.onStops({ epoch: "e", revision: 1, acts: [{ ...KILL, act: "pause" }] });
      },
      onRun: () => ((runs += 1), "found"),
    });
    const over = end.catch((error: unknown) => error);
    await waitFor(() => isAsked, { what: "the tool", timeoutMs: 60_000 });
    await new Promise((resolve) => setImmediate(resolve));
    leaving.abort(new Error("the app's own"));
    await over;
    stops.onStops({ epoch: "e", revision: 2, acts: [] });
    await waitFor(() => rig.tools().length === 1, { what: "the tool's span", timeoutMs: 60_000 });
    expect(runs).toBe(0);
    await rig.stop();
  },
);

it("leaves a tool alone that has begun, or was given up before it was asked for, as it is without the gate", async () => {
  const rig = await startFrameworkRig();
  const gate = registeredToolGate();
  if (gate === undefined) throw new Error("no gate");
  const { stops } = rig.gated.gate;
  const call = { name: "lookup", options: {}, parameters: [], run: () => "found" };
  expect(runGated(gate, { ...call, signal: AbortSignal.abort() })).toBe("found");
  stops.onStops({ epoch: "e", revision: 1, acts: [{ ...KILL, act: "pause" }] });
  const leaving = new AbortController();
  const [begun, done] = [Promise.withResolvers<void>(), Promise.withResolvers<string>()];
  const run = (): Promise<string> => (begun.resolve(), done.promise);
  const end = runGated(gate, { ...call, run, signal: leaving.signal });
  stops.onStops({ epoch: "e", revision: 2, acts: [] });
  await begun.promise;
  leaving.abort();
  done.resolve("found");
  expect(await end).toBe("found");
  expect(getEventListeners(leaving.signal, "abort")).toEqual([]);
  await rig.stop();
});

/** Answers `approved` once it is told to, and remembers what was used. */
class People implements ApprovalTransport {
  asked = 0;
  used = 0;
  state: ApprovalReply["state"] = "pending";

  async ask(): Promise<Answer<ApprovalReply>> {
    this.asked += 1;
    return { kind: "reply", reply: this.#reply };
  }

  async use(): Promise<Answer<ApprovalReply>> {
    this.used += 1;
    return { kind: "reply", reply: { ...this.#reply, state: "consumed" } };
  }

  get #reply(): ApprovalReply {
    return { id: "1", state: this.state, act_digest: "d", arguments_digest: "e", expires_at: "2099-01-01T00:00:00Z" };
  }
}

it("uses no approval for what was given up while a person was asked, and says so at once", async () => {
  const people = new People();
  const ledger = Object.assign(new MemoryLedger(10n ** 10n), { approvals: people });
  ledger.policies = [{ kind: "policy", name: "p", require_approval: ["*"] }];
  const gated = startGatedProcess({ transport: ledger });
  const gate = new ToolGate(gated.gate);
  await gated.gate.leases?.reached();
  if (gated.gate.hello !== undefined) gate.onHello(gated.gate.hello);
  let runs = 0;
  const leaving = new AbortController();
  const options = { approvalWaitMs: 600_000 };
  const call = { name: "drop", options, parameters: [{ table: "t" }], run: () => (runs += 1) };
  const end = runGated(gate, { ...call, signal: leaving.signal }) as Promise<unknown>;
  const over = end.catch((error: unknown) => error);
  await waitFor(() => people.asked === 1, { what: "the question", timeoutMs: 60_000 });
  // Approved in the very moment in which it is given up.
  people.state = "approved";
  leaving.abort(new Error("the app's own"));
  expect(await over).toEqual(new Error("the app's own"));
  await waitFor(() => gated.spans().length === 1, { what: "the tool's span", timeoutMs: 60_000 });
  expect(gated.spans()[0]?.attributes["error.type"]).toBe("approval_pending");
  expect([runs, people.used]).toEqual([0, 0]);
  expect(getEventListeners(leaving.signal, "abort")).toEqual([]);
  expect(await runGated(gate, call)).toBe(1);
  expect(people.used).toBe(1);
  await gated.stop();
});
