/**
 * Stands in for the executable of `@anthropic-ai/claude-agent-sdk`: speaks its stream-json protocol (read in sdk.mjs 0.3.330) on
 * standard input and output. STAND_IN_STEPS says what the agent does: `{cost}` is a call of a model that costs so many dollars,
 * `{tool, input}` a tool that asks the hooks first, `{hang}` waits for ever, `{fail}` ends the process, `{turn}` reports and goes on with the next
 * prompt. It stops by `--max-budget-usd` as the real one says it does: after the call that exceeds it. The result says which tools ran.
 */
import { createInterface } from "node:readline";

const steps = JSON.parse(process.env.STAND_IN_STEPS ?? "[]");
const flag = "--max-budget-usd=";
const given = process.argv.find((argument) => argument.startsWith(flag))?.slice(flag.length);
const budget = given === undefined ? Number.POSITIVE_INFINITY : Number(given);
const session_id = "6f1c7a0e-0000-4000-8000-000000000001";
const waiting = new Map();
let hooks = {};
let asked = 0;
let prompts = 0;
let onPrompt = () => {};

const send = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

async function askHooks(event, input, toolUseId) {
  const answers = [];
  for (const { hookCallbackIds } of hooks[event] ?? []) {
    for (const callback_id of hookCallbackIds) {
      asked += 1;
      const request_id = `hook-${asked}`;
      const answer = new Promise((resolve) => waiting.set(request_id, resolve));
      const base = { session_id, transcript_path: "", cwd: process.cwd(), hook_event_name: event };
      const request = { subtype: "hook_callback", callback_id, input: { ...base, ...input }, tool_use_id: toolUseId };
      send({ type: "control_request", request_id, request });
      answers.push(await answer);
    }
  }
  return answers;
}

async function work() {
  const ran = [];
  const denied = [];
  let total = 0;
  let subtype = "success";
  let turns = 1;
  for (const [index, step] of steps.entries()) {
    if (step.fail) process.exit(3);
    if (step.turn) {
      report({ total, subtype, ran, denied });
      turns += 1;
      while (prompts < turns) await new Promise((resolve) => (onPrompt = resolve));
    }
    if (step.hang) await new Promise((resolve) => setTimeout(resolve, 600_000));
    if (step.cost !== undefined) total += step.cost;
    if (total > budget) {
      subtype = "error_max_budget_usd";
      break;
    }
    if (step.tool === undefined) continue;
    const tool = { tool_name: step.tool, tool_input: step.input, tool_use_id: `toolu_${index}` };
    const answers = await askHooks("PreToolUse", tool, tool.tool_use_id);
    const refusal = answers.find((answer) => answer.hookSpecificOutput?.permissionDecision === "deny");
    if (refusal === undefined) {
      ran.push(step.tool);
      await askHooks("PostToolUse", { ...tool, tool_response: {} }, tool.tool_use_id);
    } else denied.push(refusal.hookSpecificOutput.permissionDecisionReason);
    if (answers.some((answer) => answer.continue === false)) break;
  }
  report({ total, subtype, ran, denied });
}

/** A result tells the totals of all turns so far. */
function report({ total, subtype, ran, denied }) {
  const usage = { input_tokens: 10, output_tokens: 20 };
  const model = {
    inputTokens: 10,
    outputTokens: 20,
    cacheReadInputTokens: 5,
    cacheCreationInputTokens: 0,
    costUSD: total,
  };
  send({
    type: "result",
    subtype,
    is_error: subtype !== "success",
    num_turns: 1,
    result: JSON.stringify({ ran, denied, budget: given === undefined ? null : budget }),
    errors: [JSON.stringify({ ran, denied, budget: given === undefined ? null : budget })],
    total_cost_usd: total,
    usage,
    modelUsage: { "claude-haiku-4-5": model },
    permission_denials: [],
    session_id,
    uuid: session_id,
  });
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const message = JSON.parse(line);
    if (message.type === "user") {
      prompts += 1;
      onPrompt();
      if (prompts === 1) void work().then(() => process.stdin.destroy());
    }
    if (message.type === "control_response")
      waiting.get(message.response.request_id)?.(message.response.response ?? {});
    if (message.type !== "control_request") return;
    if (message.request.subtype === "initialize") hooks = message.request.hooks ?? {};
    const response = {
      commands: [],
      agents: [],
      models: [],
      account: {},
      output_style: "default",
      available_output_styles: [],
      hook_on_failure_supported: process.env.STAND_IN_OLD === undefined,
      hooks_applied: true,
    };
    send({ type: "control_response", response: { subtype: "success", request_id: message.request_id, response } });
  })
  .on("close", () => process.exit(0));
