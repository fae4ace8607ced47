/**
 * Goal: whoever keeps content finds it under one name. Method: the golden files of the real packages, where the question
 * asked and the simulator's answer are known.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { textAttribute } from "../../../../src/pdata/attribute-read.ts";
import { decodeJsonTraces } from "../../../../src/pdata/otlp/json-traces.ts";
import { normaliseMessages } from "../../../../src/processors/normalise/messages/messages.ts";
import { normalise } from "../../../../src/processors/normalise/normalise.ts";
import { makeSpan } from "../../../fixtures/otlp/make-span.ts";

interface Message {
  readonly role: string;
  readonly parts: readonly { readonly type: string; readonly content?: string; readonly name?: string }[];
}

function messagesOf(attributes: Parameters<typeof normaliseMessages>[0], key: string): readonly Message[] {
  const text = textAttribute(attributes, key);
  return text === "" ? [] : (JSON.parse(text) as Message[]);
}

function recorded(name: string) {
  const decoded = decodeJsonTraces(readFileSync(join(import.meta.dirname, `../../../fixtures/dialects/${name}.json`)));
  if (decoded.kind !== "decoded") throw new Error(decoded.reason);
  return decoded.spans.map((span) => {
    normalise(span);
    normaliseMessages(span.attributes);
    return {
      operation: span.facts.operation,
      input: messagesOf(span.attributes, "gen_ai.input.messages"),
      output: messagesOf(span.attributes, "gen_ai.output.messages"),
    };
  });
}

describe("messages of other dialects", () => {
  it.each(["openinference", "langchain-openinference", "langfuse", "vercel-6", "vercel-7-legacy"])(
    "come under their current names from the recorded spans of %s",
    (name) => {
      const calls = recorded(name).filter(({ operation }) => operation === "chat");
      const asked = calls.filter(({ input }) => input.length > 0);
      expect(asked.length).toBeGreaterThan(0);
      for (const { input } of asked) {
        expect(
          input.every(({ role, parts }) => role !== "" && parts.every(({ type }) => typeof type === "string")),
        ).toBe(true);
        expect(input.some(({ role }) => role === "user")).toBe(true);
      }
      const answered = calls.filter(({ output }) => output.length > 0);
      expect(answered.length).toBeGreaterThan(0);
      for (const { output } of answered) expect(output.map(({ role }) => role)).toEqual(output.map(() => "assistant"));
    },
  );

  it("keep the text, and calls of tools as calls", () => {
    const inputs = recorded("openinference").flatMap(({ input }) => input);
    expect(inputs).toContainEqual({ role: "user", parts: [{ type: "text", content: "How much is the toll?" }] });
    const outputs = recorded("vercel-6").flatMap(({ output }) => output.flatMap(({ parts }) => parts));
    expect(outputs).toContainEqual({
      type: "tool_call",
      id: "call_1",
      name: "order_lookup",
      arguments: { order: "A-17" },
    });
  });

  it("are read from the numbered keys of older OpenLLMetry", () => {
    const span = makeSpan(1, {
      attributes: {
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "be brief",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": "hi",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.tool_calls.0.id": "c1",
        "gen_ai.completion.0.tool_calls.0.name": "look",
        "gen_ai.completion.0.tool_calls.0.arguments": "{not json",
      },
    });
    normaliseMessages(span.attributes);
    expect(messagesOf(span.attributes, "gen_ai.input.messages").map(({ role }) => role)).toEqual(["system", "user"]);
    expect(messagesOf(span.attributes, "gen_ai.output.messages")).toEqual([
      { role: "assistant", parts: [{ type: "tool_call", id: "c1", name: "look", arguments: "{not json" }] },
    ]);
  });

  it("never replace what is there, and survive what is no message", () => {
    const own = [{ role: "user", parts: [] }];
    const span = makeSpan(1, {
      attributes: { "gen_ai.input.messages": JSON.stringify(own), "ai.prompt.messages": '[1, null, {"role": 5}]' },
    });
    normaliseMessages(span.attributes);
    expect(messagesOf(span.attributes, "gen_ai.input.messages")).toEqual(own);
    const odd = makeSpan(2, {
      attributes: { "ai.prompt.messages": '[1, null, {"role": 5}]', "mlflow.spanOutputs": "null" },
    });
    normaliseMessages(odd.attributes);
    expect(odd.attributes.has("gen_ai.input.messages")).toBe(false);
  });
});
