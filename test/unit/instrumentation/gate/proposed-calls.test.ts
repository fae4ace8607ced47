/** Tool calls in answers, in the shapes of the providers' own documentation, whole and in pieces. */
import { expect, it } from "vitest";
import { ProposedCalls } from "../../../../instrumentation/src/gate/proposed-calls.ts";

const WANTED = [{ id: "c1", name: "look", input: '{"q":1}' }];
const FOUND = [{ id: "c1", name: "look", input: { q: 1 } }];
const UNNAMED = { id: "", name: "look", input: { q: 1 } };

function read(...events: readonly unknown[]): unknown {
  const calls = new ProposedCalls();
  for (const event of events) calls.read(event);
  return calls.all();
}

const openaiCall = { id: "c1", type: "function", function: { name: "look", arguments: '{"q":1}' } };

it.each([
  ["OpenAI's chat", { choices: [{ index: 0, message: { content: null, tool_calls: [openaiCall] } }] }, WANTED],
  ["Mistral's SDK", { choices: [{ index: 0, message: { toolCalls: [openaiCall] } }] }, WANTED],
  [
    "a server that sends an empty list of pieces",
    { choices: [{ index: 0, delta: { tool_call_chunks: [], tool_calls: [openaiCall] } }] },
    WANTED,
  ],
  [
    "a choice that follows one without calls",
    { choices: [{ message: {} }, { message: { tool_calls: [openaiCall] } }] },
    WANTED,
  ],
  ["Cohere", { message: { tool_calls: [openaiCall] } }, WANTED],
  ["Cohere's first version", { text: "", tool_calls: [{ name: "look", parameters: { q: 1 } }] }, [UNNAMED]],
  [
    "OpenAI's responses",
    { output: [{ type: "function_call", id: "fc_1", call_id: "c1", name: "look", arguments: '{"q":1}' }] },
    WANTED,
  ],
  ["Anthropic", { content: [{ type: "tool_use", id: "c1", name: "look", input: { q: 1 } }] }, FOUND],
  [
    "Bedrock",
    { output: { message: { content: [{ toolUse: { toolUseId: "c1", name: "look", input: { q: 1 } } }] } } },
    FOUND,
  ],
  [
    "Google",
    { candidates: [{ content: { parts: [{ functionCall: { id: "c1", name: "look", args: { q: 1 } } }] } }] },
    FOUND,
  ],
  ["the AI SDK", { content: [{ type: "tool-call", toolCallId: "c1", toolName: "look", input: '{"q":1}' }] }, WANTED],
  ["LangChain", { generations: [{ message: { tool_calls: [{ id: "c1", name: "look", args: { q: 1 } }] } }] }, FOUND],
])("reads an answer of %s", (_name, answer, calls) => {
  expect(read(answer)).toEqual(calls);
});

it("puts the pieces of OpenAI's chat together, several calls beside each other", () => {
  const delta = (...calls: readonly object[]) => ({ choices: [{ index: 0, delta: { tool_calls: calls } }] });
  const calls = read(
    delta({ index: 0, id: "c1", function: { name: "look", arguments: "" } }),
    delta({ index: 1, id: "c2", function: { name: "send", arguments: "{" } }),
    delta({ index: 0, function: { arguments: '{"q":' } }, { index: 1, function: { arguments: "}" } }),
    delta({ index: 0, function: { arguments: "1}" } }),
    { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
  );
  expect(calls).toEqual([...WANTED, { id: "c2", name: "send", input: "{}" }]);
});

it("puts the pieces of Anthropic's and Bedrock's blocks together", () => {
  const anthropic = read(
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_start", index: 1, content_block: { type: "tool_use", id: "c1", name: "look", input: {} } },
    { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: '{"q"' } },
    { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: ":1}" } },
  );
  const bedrock = read(
    { contentBlockStart: { contentBlockIndex: 0, start: { toolUse: { toolUseId: "c1", name: "look" } } } },
    { contentBlockDelta: { contentBlockIndex: 0, delta: { toolUse: { input: '{"q"' } } } },
    { contentBlockDelta: { contentBlockIndex: 0, delta: { toolUse: { input: ":1}" } } } },
  );
  expect([anthropic, bedrock]).toEqual([WANTED, WANTED]);
});

it("puts the pieces of Cohere's calls together, one an event, and of its first version reads what is whole", () => {
  const event = (type: string, index: number, call: object) => ({
    type,
    index,
    delta: { message: { tool_calls: call } },
  });
  const second = read(
    event("tool-call-start", 0, { id: "c1", type: "function", function: { name: "look", arguments: "" } }),
    event("tool-call-delta", 0, { function: { arguments: '{"q":' } }),
    event("tool-call-delta", 0, { function: { arguments: "1}" } }),
    event("tool-call-start", 1, { id: "c2", type: "function", function: { name: "send", arguments: "{}" } }),
  );
  expect(second).toEqual([...WANTED, { id: "c2", name: "send", input: "{}" }]);
  const calls = [
    { name: "look", parameters: { q: 1 } },
    { name: "look", parameters: { q: 2 } },
  ];
  const last = { event_type: "stream-end", response: { text: "", tool_calls: calls } };
  const both = [UNNAMED, { ...UNNAMED, input: { q: 2 } }];
  const whole = { event_type: "tool-calls-generation", tool_calls: calls };
  expect([read(whole), read(last), read(whole, last)]).toEqual([both, both, both]);
});

it("tells Ollama's calls apart that come in events of their own", () => {
  const event = (index: number, args: object) => ({
    message: { content: "", tool_calls: [{ function: { index, name: "look", arguments: args } }] },
    done: false,
  });
  expect(read(event(0, { q: 1 }), event(1, { q: 2 }))).toEqual([UNNAMED, { ...UNNAMED, input: { q: 2 } }]);
});

it("reads the events of OpenAI's responses, of Google and of the AI SDK, each call once", () => {
  const item = { type: "function_call", call_id: "c1", name: "look", arguments: '{"q":1}' };
  expect(
    read(
      { type: "response.output_item.done", output_index: 0, item },
      { type: "response.completed", response: { output: [item] } },
    ),
  ).toEqual(WANTED);
  const part = (name: string) => ({ candidates: [{ content: { parts: [{ functionCall: { name, args: {} } }] } }] });
  expect(read(part("a"), part("b"))).toEqual([
    { id: "", name: "a", input: "" },
    { id: "", name: "b", input: "" },
  ]);
  expect(read({ type: "tool-call", toolCallId: "c1", toolName: "look", input: '{"q":1}' })).toEqual(WANTED);
  const chunk = (args: string) => ({
    message: { tool_calls: [], tool_call_chunks: [{ index: 0, id: "c1", name: "look", args }] },
  });
  expect(read(chunk('{"q":'), chunk("1}"))).toEqual(WANTED);
});

it("leaves out what the provider runs itself, and what is no answer", () => {
  expect(read({ content: [{ type: "server_tool_use", id: "s1", name: "web_search", input: {} }] })).toEqual([]);
  expect(read({ content: [{ type: "tool-call", toolCallId: "x", toolName: "s", providerExecuted: true }] })).toEqual(
    [],
  );
  expect(read(undefined, "text", 7, [], { choices: "none" }, { content: "text" }, { output: null })).toEqual([]);
});
