/**
 * The real `@langchain/core`, both twins, against the provider simulator: OpenAI's models go through the gated SDK and are
 * charged there once; a model of any other make is gated where LangChain calls it.
 */
import { createRequire } from "node:module";
import OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";
import { AgentKilled } from "../../../instrumentation/src/errors.ts";
import { charged, costOf, exactly, hookFrameworks, startFrameworkRig } from "../../support/framework-rig.ts";
import type { FrameworkRig } from "../../support/framework-rig.ts";
import { makeWireModel } from "../../support/langchain-wire-model.ts";

hookFrameworks();
const require = createRequire(import.meta.url);
const esm = {
  openai: await import("@langchain/openai"),
  models: await import("@langchain/core/language_models/chat_models"),
  messages: await import("@langchain/core/messages"),
  outputs: await import("@langchain/core/outputs"),
};
type Twin = typeof esm;
const cjs: Twin = {
  openai: require("@langchain/openai") as Twin["openai"],
  models: require("@langchain/core/language_models/chat_models") as Twin["models"],
  messages: require("@langchain/core/messages") as Twin["messages"],
  outputs: require("@langchain/core/outputs") as Twin["outputs"],
};
const LONG = { outputTokens: { min: 400, max: 500 }, pieceIntervalMs: 2 };

let rig: FrameworkRig;
const start = async (...options: Parameters<typeof startFrameworkRig>) =>
  void (rig = await startFrameworkRig(...options));

afterEach(() => rig.stop());

describe.each([
  ["esm", esm],
  ["cjs", cjs],
] as const)("%s", (_name, twin) => {
  const makes = {
    openai: () =>
      new twin.openai.ChatOpenAI({
        model: "gpt-4o",
        maxTokens: 200,
        maxRetries: 0,
        apiKey: "test",
        configuration: { baseURL: `${rig.url}/v1` },
      }),
    other: () => makeWireModel(twin, { url: rig.url, maxTokens: 200 }),
  } as const;

  describe.each(["openai", "other"] as const)("a model of %s", (make) => {
    it("is charged once, streamed and not", async () => {
      await start();
      await makes[make]().invoke("say hello");
      const pieces: unknown[] = [];
      for await (const piece of await makes[make]().stream("say it again")) pieces.push(piece.content);
      expect(pieces.length).toBeGreaterThan(1);
      expect(charged(rig)).toEqual(exactly(rig, 2));
      expect(rig.calls()[0]?.attributes).toMatchObject({
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.max_tokens": 200,
      });
    });
  });

  it("leaves the errors that LangChain itself takes for final as they are: one try", async () => {
    await start();
    const model = new twin.openai.ChatOpenAI({
      model: "gpt-4o",
      apiKey: "test",
      modelKwargs: { n: 0 },
      configuration: { baseURL: `${rig.url}/v1` },
    });
    await expect(model.invoke("say hello")).rejects.toMatchObject({ status: 400 });
    expect(rig.calls()).toHaveLength(1);
  });

  it("is settled where the stream below never says that it was left", async () => {
    await start();
    const model = makes.other();
    model._streamResponseChunks = async function* () {
      try {
        const message = new twin.messages.AIMessageChunk({ content: "a" });
        for (;;) yield new twin.outputs.ChatGenerationChunk({ text: "a", message });
      } finally {
        await new Promise(() => {});
      }
    };
    for await (const _piece of await model.stream("a story")) break;
    await expect.poll(() => rig.calls().length).toBe(1);
  });

  it("is settled where nobody reads a stream of the SDK on that a kill has stopped", async () => {
    await start({ simulator: LONG });
    const client = new OpenAI({ baseURL: `${rig.url}/v1`, apiKey: "test" });
    const messages = [{ role: "user" as const, content: "a story" }];
    const stream = await client.chat.completions.create({ model: "gpt-4o", max_tokens: 200, stream: true, messages });
    await stream[Symbol.asyncIterator]().next();
    for (const call of rig.gated.gate.open) call.stop(new AgentKilled({ agent: "a", reason: "enough" }));
    await expect.poll(() => rig.calls().length).toBe(1);
    expect(rig.gated.gate.open.size).toBe(0);
    await expect.poll(() => rig.simulator.count().in_flight).toBe(0);
    expect(costOf(rig.calls())).toBeGreaterThanOrEqual(rig.paid());
  });
});
