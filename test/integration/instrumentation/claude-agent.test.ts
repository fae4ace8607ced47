/**
 * The real `@anthropic-ai/claude-agent-sdk` with a stand-in for its executable (test/support/agents/claude-code.mjs), which speaks its
 * protocol: tools ask the gate, the process gets a bound from the budget, and what it reports is charged.
 */
import { join } from "node:path";
import type { Options, SDKResultMessage, SDKUserMessage } from "@anthropic-ai/claude-agent-sdk";
import { afterEach, expect, it } from "vitest";
import { AgentKilled, findTollgateError } from "../../../instrumentation/src/errors.ts";
import { registerGate } from "../../../instrumentation/src/gate/registry.ts";
import { costOf, hookFrameworks, startFrameworkRig, type FrameworkRig } from "../../support/framework-rig.ts";
import { collect } from "../../support/heap-kept.ts";
import { seenBy } from "../../support/libraries/seen.ts";
import { policyFile } from "../../support/policy-file.ts";

hookFrameworks();
const { prewarm, query, startup } = await import("@anthropic-ai/claude-agent-sdk");

const STAND_IN = join(import.meta.dirname, "..", "..", "support", "agents", "claude-code.mjs");

let rig: FrameworkRig;
const start = async (...options: Parameters<typeof startFrameworkRig>) =>
  void (rig = await startFrameworkRig(...options));

afterEach(() => rig.stop());

interface Ran {
  readonly ran: readonly string[];
  readonly denied: readonly string[];
  readonly budget: number | null;
}

type Prompt = Parameters<typeof query>[0]["prompt"];

function ask(
  steps: readonly object[],
  options: Options = {},
  env: Readonly<Record<string, string>> = {},
  prompt: Prompt = "go",
) {
  return query({ prompt, options: { ...standIn(steps, env), ...options } });
}

function standIn(steps: readonly object[], env: Readonly<Record<string, string>> = {}): Options {
  return {
    pathToClaudeCodeExecutable: STAND_IN,
    executable: process.execPath as "node",
    env: { PATH: process.env["PATH"], STAND_IN_STEPS: JSON.stringify(steps), ...env },
    settingSources: [],
  };
}

async function run(...given: Parameters<typeof ask>): Promise<Ran & { readonly subtype: string }> {
  let result: SDKResultMessage | undefined;
  for await (const message of ask(...given)) if (message.type === "result") result = message;
  if (result === undefined) throw new Error("no result");
  return {
    subtype: result.subtype,
    ...(JSON.parse("result" in result ? result.result : (result.errors[0] ?? "")) as Ran),
  };
}

it("gives the process what the budget has left, and charges what it reports", async () => {
  await start({ env: { TOLLGATE_BUDGET: "$0.50" } });
  expect(await run([{ cost: 0.1 }, { cost: 0.1 }])).toMatchObject({ subtype: "success", budget: 0.5 });
  expect(rig.calls().map(({ attributes }) => attributes)).toMatchObject([
    {
      "gen_ai.request.model": "claude-haiku-4-5",
      "gen_ai.usage.input_tokens": 15,
      "gen_ai.usage.cache_read.input_tokens": 5,
      "tollgate.cost.nano_usd": 200_000_000,
      "tollgate.cost.status": "estimated",
    },
  ]);
  expect(await run([{ cost: 0.2 }, { cost: 0.2 }])).toMatchObject({ subtype: "error_max_budget_usd", budget: 0.3 });
  expect(costOf(rig.calls())).toBe(600_000_000n);
  await expect(run([{ cost: 0.1 }])).rejects.toMatchObject({ code: "budget_exceeded" });
  const runs = rig.gated.spans().filter(({ name }) => name === "invoke_agent claude");
  expect(runs.map(({ attributes }) => attributes["tollgate.decision"])).toEqual(["allow", "allow", "deny"]);
  expect(rig.gated.gate.open.size).toBe(0);
});

it("keeps the app's own bound where it is lower, and sets none where no budget has to be held", async () => {
  await start({ env: { TOLLGATE_BUDGET: "$0.50" } });
  expect(await run([], { maxBudgetUsd: 0.25 })).toMatchObject({ budget: 0.25 });
  await rig.stop();
  await start();
  expect(await run([])).toMatchObject({ budget: null });
  expect(await run([], { maxBudgetUsd: 2 })).toMatchObject({ budget: 2 });
});

it("decides each tool of the process, beside the hooks of the app", async () => {
  await using policy = await policyFile({ allow: ["Read"], deny: ["Bash"] });
  await start({ env: { TOLLGATE_POLICY: policy.path } });
  const seen: string[] = [];
  const hooks: Options["hooks"] = {
    PreToolUse: [{ hooks: [async (input) => ("tool_name" in input && seen.push(String(input.tool_name)), {})] }],
  };
  const steps = [
    { tool: "Read", input: { file_path: "/a" } },
    { tool: "Bash", input: { command: "rm -rf /" } },
    { tool: "Read", input: { file_path: "/b" } },
  ];
  const result = await run(steps, { hooks });
  expect(result.ran).toEqual(["Read", "Read"]);
  expect(result.denied).toEqual([expect.stringContaining("is denied by `deny: Bash`")]);
  expect(seen).toEqual(["Read", "Bash", "Read"]);
  expect(
    rig
      .tools()
      .map(({ name, attributes }) => [name, attributes["gen_ai.tool.call.id"], attributes["tollgate.decision"]]),
  ).toEqual([
    ["execute_tool Read", "toolu_0", "allow"],
    ["execute_tool Bash", "toolu_1", "deny"],
    ["execute_tool Read", "toolu_2", "allow"],
  ]);
});

it("fails closed where the executable would let a tool run whose hook has failed", async () => {
  await start();
  await expect(run([{ tool: "Read", input: {} }], {}, { STAND_IN_OLD: "1" })).rejects.toThrow("onFailure");
  expect(rig.tools()).toEqual([]);
});

it("ends the process by a kill, and counts what it was given where it has reported nothing", async () => {
  await start({ env: { TOLLGATE_BUDGET: "$0.50" } });
  const work = run([{ cost: 0.1 }, { hang: true }]);
  await expect.poll(() => rig.gated.gate.open.size).toBe(1);
  for (const call of rig.gated.gate.open) call.stop(new AgentKilled({ agent: "a", reason: "enough" }));
  await expect(work).rejects.toSatisfy((error) => findTollgateError(error)?.code === "agent_killed");
  expect(costOf(rig.calls())).toBe(500_000_000n);
  expect(rig.gated.gate.open.size).toBe(0);
});

/** What the app sees of a query, and how it ends, without what a run has of its own. */
const see = (...given: Parameters<typeof ask>) =>
  seenBy(async () => {
    const types: string[] = [];
    for await (const { type } of ask(...given)) types.push(type);
    return types;
  });

it("ends with the app's own abort, and counts what it was given where it has reported nothing", async () => {
  const leave = () => {
    const abortController = new AbortController();
    const leaving = async () => (abortController.abort(), {});
    const hooks: Options["hooks"] = { PreToolUse: [{ hooks: [leaving] }] };
    return see([{ tool: "Read", input: {} }, { hang: true }], { abortController, hooks });
  };
  await start({ env: { TOLLGATE_BUDGET: "$0.50" } });
  const through = await leave();
  expect(costOf(rig.calls())).toBe(500_000_000n);
  expect(rig.gated.gate.open.size).toBe(0);
  registerGate(undefined);
  expect(through).toEqual(await leave());
});

it("counts what it was given where the process fails, in the SDK's own error", async () => {
  await start({ env: { TOLLGATE_BUDGET: "$0.50" } });
  const through = await see([{ cost: 0.1 }, { fail: true }]);
  expect(through).toMatchObject({ type: "error" });
  expect(costOf(rig.calls())).toBe(500_000_000n);
  expect(rig.gated.gate.open.size).toBe(0);
  registerGate(undefined);
  expect(through).toEqual(await see([{ cost: 0.1 }, { fail: true }]));
});

it("keeps 64 queries within a budget that ends in the middle, and starts no process for the others", async () => {
  await start({ env: { TOLLGATE_BUDGET: "$0.20", TOLLGATE_LOG: "error" } });
  const queries = Array.from({ length: 64 }, () => run([{ cost: 0.05 }], { maxBudgetUsd: 0.05 }));
  const ends = await Promise.allSettled(queries);
  const refused = ends.filter((end) => end.status === "rejected");
  expect(new Set(refused.map((end) => findTollgateError(end.reason)?.code))).toEqual(new Set(["budget_exceeded"]));
  expect(refused).toHaveLength(60);
  expect(costOf(rig.calls())).toBe(200_000_000n);
  expect(rig.gated.gate.open.size).toBe(0);
});

it("charges what a query reports that the app has let go of, read in part or never", async () => {
  await start({ env: { TOLLGATE_BUDGET: "$0.50" } });
  const letGo = async () => {
    void ask([{ cost: 0.1 }], { maxBudgetUsd: 0.2 });
    // Its result is read, its end is not.
    await ask([{ cost: 0.2 }], { maxBudgetUsd: 0.2 }).next();
  };
  await letGo();
  await expect.poll(() => (collect(), rig.gated.gate.open.size)).toBe(0);
  expect(costOf(rig.calls())).toBe(300_000_000n);
});

async function* prompts(count: number, end: Promise<void>): AsyncGenerator<SDKUserMessage> {
  for (let index = 0; index < count; index += 1)
    yield { type: "user", message: { role: "user", content: "go" }, parent_tool_use_id: null };
  await end;
}

it.each([
  { of: "that has reported all that was asked", count: 1, charged: 100_000_000n },
  { of: "with a turn of which nothing is reported", count: 2, charged: 500_000_000n },
])("charges a conversation $of by what is sure when the app leaves it", async ({ count, charged }) => {
  await start({ env: { TOLLGATE_BUDGET: "$0.50" } });
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const steps = [{ cost: 0.1 }, { turn: true }, { cost: 0.1 }, { hang: true }];
  for await (const { type } of ask(steps, {}, {}, prompts(count, end))) if (type === "result") break;
  resolve();
  expect(costOf(rig.calls())).toBe(charged);
  expect(rig.gated.gate.open.size).toBe(0);
});

it("charges prompts that a process took together by its one report, where it ends by itself", async () => {
  await start({ env: { TOLLGATE_BUDGET: "$0.50" } });
  const { promise: isTaken, resolve: onTaken } = Promise.withResolvers<void>();
  const together = async function* (): AsyncGenerator<SDKUserMessage> {
    yield* prompts(2, Promise.resolve());
    onTaken();
  };
  for await (const { type } of ask([{ cost: 0.1 }], {}, {}, together())) if (type === "result") await isTaken;
  expect(costOf(rig.calls())).toBe(100_000_000n);
  expect(rig.gated.gate.open.size).toBe(0);
});

it("charges nothing for a query that the SDK does not start", async () => {
  await start({ env: { TOLLGATE_BUDGET: "$0.50" } });
  await expect(run([], { model: "same", fallbackModel: "same" })).rejects.toThrow(/fallback/i);
  expect(costOf(rig.calls())).toBe(0n);
  void ask([], { model: "same", fallbackModel: "same" });
  await expect.poll(() => rig.gated.gate.open.size).toBe(0);
  expect(await run([])).toMatchObject({ budget: 0.5 });
});

it("gives the app the messages that it gets without the gate", async () => {
  await start();
  const read = async () => {
    const messages: unknown[] = [];
    for await (const message of ask([{ cost: 0.1 }])) messages.push(message);
    return messages;
  };
  const through = await read();
  registerGate(undefined);
  expect(through).toEqual(await read());
});

it("bounds, decides and charges what is asked of a process that an app starts ahead, and has no spare ones", async () => {
  await using policy = await policyFile({ deny: ["Bash"], allow: ["*"] });
  await start({ env: { TOLLGATE_BUDGET: "$0.50", TOLLGATE_POLICY: policy.path } });
  const asked = async (): Promise<unknown> => {
    const warm = await startup({
      options: standIn([{ cost: 0.4 }, { tool: "Bash", input: { command: "ls" } }, { cost: 0.4 }]),
    });
    let result: SDKResultMessage | undefined;
    for await (const message of warm.query("go")) if (message.type === "result") result = message;
    expect(() => warm.query("once more")).toThrow("only be called once");
    return result;
  };
  expect(await asked()).toMatchObject({ subtype: "error_max_budget_usd" });
  expect(rig.tools().map(({ attributes }) => attributes["tollgate.decision"])).toEqual(["deny"]);
  expect(costOf(rig.calls())).toBe(800_000_000n);
  await expect(asked()).rejects.toMatchObject({ code: "budget_exceeded" });
  await expect(prewarm({ options: standIn([]) })).rejects.toThrow("start the session with `query()`");
});
