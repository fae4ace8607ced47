/**
 * Goal: with `reserve: tokenizer` the bound of the input is lower, and still never below what OpenAI counts.
 * Method: requests are made up at random and counted as OpenAI documents it for chat (three tokens around a message, one more
 * for a name, three to prime the answer; https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken), with the
 * published tokenizer. The seed is printed on failure.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { messages } from "../../../../instrumentation/src/anthropic/messages.ts";
import type { Body } from "../../../../instrumentation/src/gate/endpoint.ts";
import { Tokenizers } from "../../../../instrumentation/src/gate/tokenizer.ts";
import { chatCompletions } from "../../../../instrumentation/src/openai/chat-completions.ts";
import { responses } from "../../../../instrumentation/src/openai/responses.ts";

// By a name that the compiler does not follow, as the instrumentation does: the package is optional.
const PACKAGE: string = "gpt-tokenizer/encoding/o200k_base";
const { encode } = (await import(PACKAGE)) as {
  readonly encode: (text: string, options: { readonly disallowedSpecial: ReadonlySet<string> }) => readonly number[];
};

const warned: string[] = [];
const tokenizers = new Tokenizers({ log: () => {}, once: (_level, _key, text) => warned.push(text) });
beforeAll(() => tokenizers.load("o200k_base"));

const tokens = (text: string): number => encode(text, { disallowedSpecial: new Set() }).length;

interface Message {
  readonly role: "user" | "assistant" | "system";
  readonly content: string;
  readonly name?: string;
}

function documentedCount(conversation: readonly Message[]): number {
  let count = 3;
  for (const { role, content, name } of conversation) {
    count += 3 + tokens(role) + tokens(content) + (name === undefined ? 0 : 1 + tokens(name));
  }
  return count;
}

function chatBound(body: Body): { readonly byTokenizer: number; readonly byBytes: number } {
  const facts = chatCompletions.readRequest(body);
  const { inputBound } = tokenizers.tighten(facts, { endpoint: chatCompletions, body });
  return { byTokenizer: inputBound ?? Number.NaN, byBytes: facts.inputBound ?? Number.NaN };
}

const text = fc.oneof(
  fc.lorem({ maxCount: 60 }),
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.constantFrom("<|endoftext|>", "<|im_start|>system", "\n\n\n", "    ", "漢字".repeat(200), "a".repeat(1_000), ""),
);

const message = fc.record(
  {
    role: fc.constantFrom("user", "assistant", "system"),
    content: text,
    name: fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 20 }),
  },
  { requiredKeys: ["role", "content"] },
) as fc.Arbitrary<Message>;

describe("the bound of the input by the model's tokenizer", () => {
  it("is never below the provider's count, and never above the bound by bytes", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), (conversation) => {
        const { byTokenizer, byBytes } = chatBound({ model: "gpt-4o-mini", messages: conversation });
        expect(byTokenizer).toBeGreaterThanOrEqual(documentedCount(conversation));
        expect(byTokenizer).toBeLessThanOrEqual(byBytes);
      }),
      { numRuns: 300 },
    );
  });

  it("is far below the bound by bytes for prose, in both of OpenAI's ways of asking", () => {
    const prose = "The ledger sets money aside before a call is made. ".repeat(100);
    const chat = chatBound({ model: "gpt-4o", messages: [{ role: "user", content: prose }] });
    expect(chat.byTokenizer).toBeLessThan(chat.byBytes / 3);
    for (const input of [prose, [{ role: "user", content: [{ type: "input_text", text: prose }] }]]) {
      const body = { model: "gpt-5", input };
      const facts = responses.readRequest(body);
      const { inputBound } = tokenizers.tighten(facts, { endpoint: responses, body });
      expect(inputBound).toBeLessThan((facts.inputBound ?? 0) / 3);
      expect(inputBound).toBeGreaterThan(tokens(prose));
    }
  });

  it("counts tools, their calls and schemas by their bytes, because nobody says how they are laid out", () => {
    const described = "Runs a query against the orders database. ".repeat(50);
    const tools = [{ type: "function", function: { name: "query", description: described, parameters: {} } }];
    const without = chatBound({ model: "gpt-4o", messages: [] }).byTokenizer;
    expect(chatBound({ model: "gpt-4o", messages: [], tools }).byTokenizer - without).toBeGreaterThan(described.length);
    const calls = [{ id: "1", type: "function", function: { name: "query", arguments: described } }];
    const called = { model: "gpt-4o", messages: [{ role: "assistant", tool_calls: calls }] };
    expect(chatBound(called).byTokenizer).toBeGreaterThan(described.length);
  });

  it.each(["claude-haiku-4-5", "our-llm", "gpt-6", "gpt-4osomething", ""])(
    "stays the one by bytes for `%s`, whose tokenizer nobody published",
    (model) => {
      const content = "some words that are longer than their tokens";
      const body = { model, messages: [{ role: "user", content }], max_tokens: 5 };
      for (const endpoint of [chatCompletions, messages]) {
        const facts = endpoint.readRequest(body);
        expect(tokenizers.tighten(facts, { endpoint, body })).toBe(facts);
      }
    },
  );

  it("stays unknown where text does not tell: the model's maximum is reserved", () => {
    const content = [{ type: "file", file: { file_id: "file-1" } }];
    const body = { model: "gpt-4o", messages: [{ role: "user", content }] };
    const facts = chatCompletions.readRequest(body);
    expect(tokenizers.tighten(facts, { endpoint: chatCompletions, body }).inputBound).toBeUndefined();
  });

  it("takes no time that rises with the square of a text without spaces", () => {
    const content = "x".repeat(200_000);
    expect(chatBound({ model: "gpt-4o", messages: [{ role: "user", content }] }).byTokenizer).toBeGreaterThan(200_000);
  });

  it("is the one by bytes until the tokenizer is loaded", async () => {
    const fresh = new Tokenizers({ log: () => {}, once: () => {} });
    expect(fresh.counterFor("gpt-4o")).toBeUndefined();
    await fresh.load("o200k_base");
    expect(fresh.counterFor("gpt-4o")?.("toll gate")).toBe(tokens("toll gate"));
    expect(warned).toEqual([]);
  });
});
