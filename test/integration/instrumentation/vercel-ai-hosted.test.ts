/** Tools that a provider runs itself, as the real `ai` hands on what they did: their fees are in no count of tokens. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { hookFrameworks } from "../../support/framework-rig.ts";
import { startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { message, responsesAnswer, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";

hookFrameworks();
const ai = await import("ai");
const { createOpenAI } = await import("@ai-sdk/openai");
const { createAnthropic } = await import("@ai-sdk/anthropic");

/** gpt-4o: $2.50 and $10 a million tokens. */
const TEXT_COST = 100 * 2_500 + 10 * 10_000;
/** A thousand searches with a model of text: $10. */
const SEARCH_COST = 10_000_000;

let provider: ScriptedProvider;
let gated: GatedProcess;

beforeEach(async () => {
  provider = await startScriptedProvider();
  gated = startGatedProcess({ env: {} });
});

afterEach(async () => {
  await gated.stop();
  await provider.close();
});

const openai = () => createOpenAI({ apiKey: "test", baseURL: `${provider.url}/v1` });

function answer(items: readonly object[], streamed: boolean): object {
  const whole = responsesAnswer({ input: 100, output: 10 }) as { readonly output: readonly object[] };
  const full = { ...whole, output: [...items, ...whole.output] };
  if (!streamed) return { json: full };
  const added = items.flatMap((item, output_index) => [
    { type: "response.output_item.added", output_index, item: { ...item, status: "in_progress" } },
    { type: "response.output_item.done", output_index, item },
  ]);
  return {
    events: [{ type: "response.created", response: full }, ...added, { type: "response.completed", response: full }],
  };
}

const search = { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "x" } };
const open = {
  type: "web_search_call",
  id: "ws_2",
  status: "completed",
  action: { type: "open_page", url: "https://a.b" },
};
const code = {
  type: "code_interpreter_call",
  id: "ci_1",
  container_id: "c",
  code: "1",
  outputs: [],
  status: "completed",
};

async function chargedFor(items: readonly object[], streamed: boolean): Promise<readonly unknown[]> {
  provider.script = () => answer(items, streamed);
  const request = { model: openai().responses("gpt-4o"), prompt: "look it up", maxOutputTokens: 50 };
  const { webSearch, codeInterpreter } = openai().tools;
  const tools = { look: webSearch({}), run: codeInterpreter({}) };
  if (streamed) await ai.streamText({ ...request, tools }).text;
  else await ai.generateText({ ...request, tools });
  const attributes = gated.spans()[0]?.attributes ?? {};
  return [attributes["tollgate.cost.nano_usd"], attributes["tollgate.cost.status"]];
}

it.each([false, true])(
  "charges searches of the web, and not each page that was opened; streamed: %s",
  async (streamed) => {
    expect(await chargedFor([search, open], streamed)).toEqual([TEXT_COST + SEARCH_COST, "exact"]);
  },
);

it.each([false, true])("says no exact cost where code ran in a container; streamed: %s", async (streamed) => {
  expect(await chargedFor([code], streamed)).toEqual([TEXT_COST, "estimated"]);
});

it("charges the summary that Anthropic made on the way", async () => {
  const turn = (type: string, input_tokens: number, output_tokens: number): object => ({
    type,
    input_tokens,
    output_tokens,
  });
  const iterations = [turn("compaction", 180_000, 3_500), turn("message", 23_000, 1_000)];
  provider.script = () => ({ json: message({ input_tokens: 23_000, output_tokens: 1_000, iterations }) });
  const model = createAnthropic({ apiKey: "test", baseURL: `${provider.url}/v1` })("claude-haiku-4-5");
  await ai.generateText({ model, prompt: "go on", maxOutputTokens: 5_000 });
  expect(gated.spans()[0]?.attributes["tollgate.cost.nano_usd"]).toBe(203_000 * 1_000 + 4_500 * 5_000);
});
