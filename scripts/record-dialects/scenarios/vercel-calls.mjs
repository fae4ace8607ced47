/** The calls of the AI SDK, of version 4 to 7: two steps with a tool, cached, streamed, an object, and one that fails. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import * as ai from "ai";
import { z } from "zod";
import { LONG_SYSTEM } from "./calls.mjs";

const cached = { anthropic: { cacheControl: { type: "ephemeral" } } };

const isFour = ai.stepCountIs === undefined && ai.isStepCount === undefined;

/** `settings` carries the telemetry settings under the name that the version knows. */
export async function callVercel(settings) {
  const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL });
  const anthropic = createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1` });
  const input = z.object({ order: z.string() });
  const order = ai.tool({
    description: "Where an order is",
    ...(isFour ? { parameters: input } : { inputSchema: input }),
    execute: async () => "shipped",
  });
  await ai.generateText({
    ...settings,
    model: openai.chat("gpt-4o-mini"),
    prompt: "[tool] Where is my order?",
    tools: { order_lookup: order },
    ...(isFour ? { maxSteps: 3 } : { stopWhen: (ai.isStepCount ?? ai.stepCountIs)(3) }),
  });
  for (const prompt of ["First question.", "Second question."]) {
    await ai.generateText({ ...settings, model: openai.chat("gpt-4o"), system: LONG_SYSTEM, prompt });
  }
  await ai.generateText({ ...settings, model: openai("gpt-4o-mini"), prompt: "[think] How long is the queue?" });
  await ai
    .streamText({ ...settings, model: openai.chat("gpt-4o-mini"), prompt: "Tell me of the gate." })
    .consumeStream();
  for (const prompt of ["First question.", "Second question."]) {
    const part = { type: "text", text: LONG_SYSTEM, providerOptions: cached };
    await ai.generateText({
      ...settings,
      model: anthropic("claude-haiku-4-5"),
      ...(isFour ? { maxTokens: 200 } : { maxOutputTokens: 200 }),
      messages: [{ role: "user", content: [part, { type: "text", text: prompt }] }],
    });
  }
  await ai
    .generateObject({ ...settings, model: openai.chat("gpt-4o-mini"), output: "no-schema", prompt: "JSON." })
    .catch(() => undefined);
  await ai
    .generateText({ ...settings, model: openai.chat("gpt-unknown"), prompt: "Not there.", maxRetries: 0 })
    .catch(() => undefined);
}
