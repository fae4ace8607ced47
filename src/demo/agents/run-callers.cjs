/**
 * What every agent of the demo's fleet does, whatever its module system: `callers` loops that call a model one after the
 * other until the gate refuses them. The SDKs are passed in, because the point is which twin of them an agent loads.
 *
 * Ends with one line of JSON on stdout: {calls, refused, unavailable, failed, tool, elapsedMs}.
 */
"use strict";

const { setTimeout: delay } = require("node:timers/promises");

const UNAVAILABLE_PAUSE_MS = 100;

/**
 * @typedef {object} CallPlan
 * @property {"openai.chat" | "openai.responses" | "anthropic.messages"} api
 * @property {string} model
 * @property {boolean} stream
 * @property {number} [bound] most output tokens; the gate sets one where there is none
 *
 * @typedef {object} AgentPlan
 * @property {string} providerUrl
 * @property {string} apiKey names the agent's account in the provider's books
 * @property {number} seed
 * @property {number} callers loops side by side
 * @property {number} [callsMax] of each caller; until refused when absent
 * @property {readonly CallPlan[]} calls each caller walks through them, starting at its own index
 * @property {string} [deniedTool] a tool to try that the policy does not let run
 * @property {string} [approvedTool] a tool to run twice that needs an approval each time
 * @property {number} [unavailableMs] how long to try again while the gate can't decide; not at all when absent
 */

/**
 * @param {{OpenAI: any, Anthropic: any, guardTool: any}} libraries
 * @param {AgentPlan} plan
 */
async function runCallers(libraries, plan) {
  const clients = {
    openai: new libraries.OpenAI({ apiKey: plan.apiKey, baseURL: `${plan.providerUrl}/v1` }),
    anthropic: new libraries.Anthropic({ apiKey: plan.apiKey, baseURL: plan.providerUrl }),
  };
  const report = { calls: 0, refused: 0, unavailable: 0, failed: [], tool: "", elapsedMs: 0 };
  if (plan.deniedTool !== undefined) report.tool = await tryTool(libraries, plan.deniedTool);
  if (plan.approvedTool !== undefined) report.tool = await runTwice(libraries, plan.approvedTool);
  const start = performance.now();
  const loops = Array.from({ length: plan.callers }, (_, caller) =>
    callUntilRefused({ clients, plan, caller, report }),
  );
  await Promise.all(loops);
  report.elapsedMs = performance.now() - start;
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

/** Calls until a budget refuses, an unexpected error comes, or `callsMax` calls are done. */
async function callUntilRefused({ clients, plan, caller, report }) {
  const unavailableUntil = Date.now() + (plan.unavailableMs ?? 0);
  for (let index = 0; index < (plan.callsMax ?? Infinity); index += 1) {
    try {
      await call(clients, plan.calls[(caller + index) % plan.calls.length], prompt(plan.seed, caller, index));
      report.calls += 1;
    } catch (error) {
      const code = error?.code;
      if (code === "gate_unavailable" && Date.now() < unavailableUntil) {
        report.unavailable += 1;
        await delay(UNAVAILABLE_PAUSE_MS);
        continue;
      }
      if (code === "budget_exceeded") report.refused += 1;
      else report.failed.push(code ?? String(error));
      return;
    }
  }
}

/** One call, read to its end. */
async function call(clients, plan, text) {
  const { model, stream, bound } = plan;
  if (plan.api === "openai.chat") {
    const request = { model, messages: [{ role: "user", content: text }], max_completion_tokens: bound, stream };
    await drain(await clients.openai.chat.completions.create(request), stream);
  } else if (plan.api === "openai.responses") {
    await drain(
      await clients.openai.responses.create({ model, input: text, max_output_tokens: bound, stream }),
      stream,
    );
  } else {
    const request = { model, messages: [{ role: "user", content: text }], max_tokens: bound ?? 1024, stream };
    await drain(await clients.anthropic.messages.create(request), stream);
  }
}

async function drain(reply, stream) {
  if (!stream) return;
  for await (const event of reply) void event;
}

/** "denied" when the gate stopped the tool, "ran" when it did not. */
async function tryTool({ guardTool }, name) {
  const tool = guardTool(name, async ({ table }) => `dropped ${table}`);
  try {
    await tool({ table: "orders" });
    return "ran";
  } catch (error) {
    return error?.code === "tool_denied" ? "denied" : String(error);
  }
}

/** What came of each of two runs: "ran", or the code of the refusal. */
async function runTwice({ guardTool }, name) {
  const tool = guardTool(name, async ({ order }) => `wrote ${order}`);
  const outcomes = [];
  for (let run = 0; run < 2; run += 1) {
    outcomes.push(
      await tool({ order: 7 }).then(
        () => "ran",
        (error) => error?.code ?? String(error),
      ),
    );
  }
  return outcomes.join(" ");
}

/** Prompts of different lengths, the same for the same seed. */
function prompt(seed, caller, index) {
  const words = 2 + ((seed * 31 + caller * 17 + index * 7) % 20);
  return `Run ${seed}, caller ${caller}, call ${index}: ${"explain the toll gate ".repeat(words)}`;
}

module.exports = { runCallers };
