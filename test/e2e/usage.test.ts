/**
 * Goal: whatever kinds of tokens a call uses, and however its answer arrives, ledger and ClickHouse have exactly the
 * provider's bill. Method: one agent for each case, whose own account at the provider is compared.
 */
import { expect, test } from "vitest";
import { ledgerCount } from "../../src/demo/counts.ts";
import { sqlRows, useRig } from "../support/rig.ts";
import { runSteps, type Step } from "../support/step-agent.ts";

const rig = useRig({
  governance: `
kind: budget
name: usage
each: agent
limit: $1.00
window: lifetime
mode: hard
`,
});

const MESSAGES = [{ role: "user", content: "What does a toll gate do?" }];
/** Long enough for the providers' prompt caches, which start at 1,024 tokens. */
const LONG = "the law of the toll ".repeat(400);

const chat = (request: Readonly<Record<string, unknown>>, kind = "chat"): Step => ({
  kind,
  request: { model: "gpt-4o", messages: MESSAGES, ...request },
});
const messages = (request: Readonly<Record<string, unknown>>): Step => ({
  kind: "messages",
  request: { model: "claude-haiku-4-5", messages: MESSAGES, max_tokens: 60, ...request },
});
const cached = (text: string, ttl: "5m" | "1h"): unknown => [
  { type: "text", text, cache_control: { type: "ephemeral", ttl } },
];

const CASES: Readonly<Record<string, readonly Step[]>> = {
  "several-choices": [chat({ n: 3, max_completion_tokens: 40 }), chat({ n: 2, max_tokens: 500 }, "streamedChat")],
  "no-usage-asked-for": [chat({}, "streamedChat")],
  "usage-asked-for": [chat({ stream_options: { include_usage: true } }, "streamedChat")],
  "cached-by-openai": Array.from({ length: 3 }, () =>
    chat({ messages: [{ role: "system", content: LONG }, ...MESSAGES], max_completion_tokens: 30 }),
  ),
  "cached-by-anthropic": [
    messages({ system: cached(LONG, "5m") }),
    messages({ system: cached(LONG, "5m") }),
    messages({ system: cached(`${LONG}!`, "1h") }),
    messages({ system: cached(`${LONG}!`, "1h") }),
  ],
  "responses-cut-short": [
    { kind: "responses", request: { model: "gpt-4o", input: "hello", max_output_tokens: 16 } },
    {
      kind: "responses",
      request: { model: "gpt-4o", input: [{ role: "user", content: "hello" }], instructions: LONG },
    },
  ],
};

test.each(Object.entries(CASES))("%s: ledger and ClickHouse have the provider's bill", async (name, steps) => {
  const { processor, providerUrl, simulator } = rig();
  const { results } = await runSteps({ name, providerUrl, endpoints: processor.endpoints, steps });
  expect(results.filter((result) => !result.ok)).toEqual([]);
  const account = simulator.count().by_key[name];
  expect(account?.calls).toBe(steps.length);
  const { settledNanoUsd, reservedNanoUsd } = await ledgerCount(processor, "usage", { agent: name });
  expect(settledNanoUsd.toString()).toBe(account?.nano_usd);
  expect(reservedNanoUsd).toBe(0n);
  const spans = await sqlRows(
    rig(),
    `SELECT cost_status, toString(cost_nano_usd) AS cost, toUInt32(input_tokens) AS input, toUInt32(output_tokens) AS output
       FROM llm_calls WHERE agent = '${name}'`,
    steps.length,
  );
  expect(spans).toHaveLength(steps.length);
  for (const span of spans) expect(span["cost_status"]).toBe("exact");
  const sum = (column: string): bigint => spans.reduce((total, span) => total + BigInt(String(span[column])), 0n);
  expect(sum("cost").toString()).toBe(account?.nano_usd);
  expect(Number(sum("input"))).toBe(account?.input_tokens);
  expect(Number(sum("output"))).toBe(account?.output_tokens);
});

test("an app that did not ask for usage in a stream does not see the chunk that the gate asked for", async () => {
  const { processor, providerUrl } = rig();
  const { results } = await runSteps({
    name: "hidden-chunk",
    providerUrl,
    endpoints: processor.endpoints,
    steps: [chat({}, "streamedChat"), chat({ stream_options: { include_usage: true } }, "streamedChat")],
  });
  const [hidden, shown] = results.map((result) => result.reply as unknown as readonly Record<string, unknown>[]);
  expect(hidden?.every((chunk) => (chunk["choices"] as unknown[]).length > 0 && !("usage" in chunk))).toBe(true);
  expect(shown?.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
});
