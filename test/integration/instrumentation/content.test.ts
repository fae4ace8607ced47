/**
 * What spans carry of prompts, answers, tool arguments and results under TOLLGATE_CONTENT, with the real SDKs and what they send and
 * get: nothing unless it is asked for, nothing that detectors know when it is redacted, all of it when it is full; never a log line.
 */
import { GoogleGenAI, Models } from "@google/genai";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { patchModels } from "../../../instrumentation/src/google/patch-models.ts";
import { ToolGate } from "../../../instrumentation/src/guard/tool-gate.ts";
import { anthropicClient, openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import {
  chatEvents,
  message,
  responsesAnswer,
  startScriptedProvider,
  type ScriptedProvider,
} from "../../support/scripted-provider.ts";

const SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz012345";
const MAIL = "ada@example.org";
const CARD = "4111 1111 1111 1111";
const BADGE = "EMP-4711";
const PLANTED = `key ${SECRET}, mail ${MAIL}, card ${CARD}, badge ${BADGE}`;
const TOOLS = [
  { type: "function" as const, function: { name: "look_up", parameters: { type: "object", properties: {} } } },
];

let provider: ScriptedProvider;
let gated: GatedProcess | undefined;

beforeAll(() => void patchModels(Models.prototype));

beforeEach(async () => {
  provider = await startScriptedProvider(({ path, body }) => {
    if (path.endsWith("/v1/messages"))
      return {
        json: { ...message({ input_tokens: 10, output_tokens: 6 }), content: [{ type: "text", text: `said ${MAIL}` }] },
      };
    if (path.endsWith("/responses")) return { json: responsesAnswer({ input: 10, output: 6 }) };
    if (path.includes(":generateContent")) return { json: gemini() };
    if (path.endsWith("/embeddings"))
      return {
        json: {
          object: "list",
          data: [],
          model: "text-embedding-3-small",
          usage: { prompt_tokens: 2, total_tokens: 2 },
        },
      };
    if (body["stream"] === true)
      return { events: chatEvents(["mail ada@exa", "mple.org now"], { input: 10, output: 6 }) };
    return { json: chat() };
  });
});

afterEach(async () => {
  await gated?.stop();
  await provider.close();
});

function chat(): object {
  const call = { id: "call_1", type: "function", function: { name: "look_up", arguments: `{"mail":"${MAIL}"}` } };
  const choice = {
    index: 0,
    message: { role: "assistant", content: `answer to ${MAIL}`, tool_calls: [call] },
    finish_reason: "tool_calls",
  };
  const usage = { prompt_tokens: 10, completion_tokens: 6, total_tokens: 16 };
  return { id: "c1", object: "chat.completion", created: 1, model: "gpt-4o-mini", choices: [choice], usage };
}

function gemini(): object {
  const candidate = { index: 0, content: { role: "model", parts: [{ text: `said ${MAIL}` }] }, finishReason: "STOP" };
  return {
    candidates: [candidate],
    usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 6, totalTokenCount: 16 },
  };
}

function start(env: Readonly<Record<string, string>>): GatedProcess {
  gated = startGatedProcess({ env });
  return gated;
}

/** Everything that the gate watches, with planted values everywhere. */
async function useAll(process: GatedProcess): Promise<void> {
  const openai = openaiClient(provider.url);
  const messages = [
    { role: "system" as const, content: `rules for ${MAIL}` },
    {
      role: "user" as const,
      content: [
        { type: "text" as const, text: PLANTED },
        { type: "image_url" as const, image_url: { url: "data:image/png;base64,AAAA" } },
      ],
    },
  ];
  const request = { model: "gpt-4o-mini", max_tokens: 50, messages, tools: TOOLS };
  await openai.chat.completions.create(request);
  for await (const chunk of await openai.chat.completions.create({ ...request, stream: true })) void chunk;
  await openai.responses.create({ model: "gpt-4o-mini", max_output_tokens: 50, instructions: PLANTED, input: PLANTED });
  await openai.embeddings.create({ model: "text-embedding-3-small", input: [PLANTED] });
  await anthropicClient(provider.url).messages.create({
    model: "claude-haiku-4-5",
    max_tokens: 50,
    system: PLANTED,
    messages: [{ role: "user", content: PLANTED }],
  });
  await new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: provider.url } }).models.generateContent({
    model: "gemini-2.5-flash",
    contents: PLANTED,
    config: { systemInstruction: PLANTED, maxOutputTokens: 50 },
  });
  const tools = new ToolGate(process.gate);
  await tools.call({
    name: "mail",
    options: {},
    parameters: [{ to: MAIL, note: BADGE }],
    run: () => Promise.resolve({ sent: [CARD] }),
  });
}

/** All attributes of all spans as one text. */
const told = (process: GatedProcess): string => JSON.stringify(process.spans().map(({ attributes }) => attributes));

function attribute(process: GatedProcess, at: number, name: string): unknown {
  const value = process.spans()[at]?.attributes[name];
  return typeof value === "string" ? JSON.parse(value) : value;
}

describe("TOLLGATE_CONTENT", () => {
  it("is none unless it is set: no span has any content", async () => {
    const process = start({});
    await useAll(process);
    expect(process.spans()).toHaveLength(7);
    for (const value of [SECRET, MAIL, CARD, BADGE, "messages", "instructions", 'arguments"', "result"]) {
      expect(told(process)).not.toContain(value);
    }
  });

  it("full records what was said, by the conventions, and media by its kind only", async () => {
    const process = start({ TOLLGATE_CONTENT: "full" });
    await useAll(process);
    expect(attribute(process, 0, "gen_ai.input.messages")).toEqual([
      { role: "system", parts: [{ type: "text", content: `rules for ${MAIL}` }] },
      { role: "user", parts: [{ type: "text", content: PLANTED }, { type: "image_url" }] },
    ]);
    expect(attribute(process, 0, "gen_ai.output.messages")).toEqual([
      {
        role: "assistant",
        parts: [
          { type: "text", content: `answer to ${MAIL}` },
          { type: "tool_call", id: "call_1", name: "look_up", arguments: `{"mail":"${MAIL}"}` },
        ],
        finish_reason: "tool_calls",
      },
    ]);
    expect(attribute(process, 1, "gen_ai.output.messages")).toEqual([
      { role: "assistant", parts: [{ type: "text", content: "mail ada@example.org now" }], finish_reason: "stop" },
    ]);
    for (const at of [2, 4, 5]) {
      expect(attribute(process, at, "gen_ai.system_instructions")).toEqual([{ type: "text", content: PLANTED }]);
      expect(attribute(process, at, "gen_ai.input.messages")).toEqual([
        { role: "user", parts: [{ type: "text", content: PLANTED }] },
      ]);
      expect(attribute(process, at, "gen_ai.output.messages")).toMatchObject([{ parts: [{ type: "text" }] }]);
    }
    expect(attribute(process, 3, "gen_ai.input.messages")).toEqual([
      { role: "user", parts: [{ type: "text", content: PLANTED }] },
    ]);
    expect(attribute(process, 6, "gen_ai.tool.call.arguments")).toEqual({ to: MAIL, note: BADGE });
    expect(attribute(process, 6, "gen_ai.tool.call.result")).toEqual({ sent: [CARD] });
  });

  it("redacted leaves nothing that detectors and own patterns find, though it came in pieces", async () => {
    const process = start({ TOLLGATE_CONTENT: "redacted", TOLLGATE_CONTENT_PATTERNS: '{"badge":"EMP-[0-9]+"}' });
    await useAll(process);
    for (const value of [SECRET, MAIL, CARD, BADGE]) expect(told(process)).not.toContain(value);
    const masked = "key [secret], mail [email], card [credit_card], badge [badge]";
    expect(attribute(process, 2, "gen_ai.input.messages")).toEqual([
      { role: "user", parts: [{ type: "text", content: masked }] },
    ]);
    expect(attribute(process, 1, "gen_ai.output.messages")).toMatchObject([
      { parts: [{ content: "mail [email] now" }] },
    ]);
    expect(attribute(process, 6, "gen_ai.tool.call.arguments")).toEqual({ to: "[email]", note: "[badge]" });
  });

  it("redacted under a key has equal hashes for equal values, and others under another key", async () => {
    const find = async (key: string): Promise<readonly string[]> => {
      const process = start({ TOLLGATE_CONTENT: "redacted", TOLLGATE_CONTENT_KEY: key });
      await useAll(process);
      expect(told(process)).not.toContain(MAIL);
      const { to } = attribute(process, 6, "gen_ai.tool.call.arguments") as { to: string };
      expect(told(process).split(to).length).toBeGreaterThan(5);
      await process.stop();
      return [to];
    };
    const [one, same, other] = [
      await find("0123456789abcdef"),
      await find("0123456789abcdef"),
      await find("fedcba9876543210"),
    ];
    expect(one[0]).toMatch(/^hmac:[0-9a-f]{32}$/);
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it("cuts what is too long, marks it, and leaves no half of a secret at the cut", async () => {
    const process = start({ TOLLGATE_CONTENT: "redacted", TOLLGATE_CONTENT_BYTES_MAX: "1000" });
    const content = `${"a ".repeat(490)}${SECRET} ${"b".repeat(500_000)}`;
    await openaiClient(provider.url).chat.completions.create({
      model: "gpt-4o-mini",
      max_tokens: 50,
      messages: [{ role: "user", content }],
    });
    const text = String(process.spans()[0]?.attributes["gen_ai.input.messages"]);
    expect(text.length).toBeLessThan(2_000);
    expect(text).not.toContain("sk-proj");
    expect(process.spans()[0]?.attributes["tollgate.content.cut"]).toBe(true);
    expect(JSON.parse(text)).toHaveLength(1);
  });

  it("never reaches a log, and records nothing under patterns that do not compile", async () => {
    const process = start({
      TOLLGATE_CONTENT: "redacted",
      TOLLGATE_CONTENT_PATTERNS: '{"bad":"(?<=x)y"}',
      TOLLGATE_LOG: "debug",
    });
    await useAll(process);
    expect(told(process)).not.toContain("gen_ai.input.messages");
    expect(process.log.join("")).toContain("TOLLGATE_CONTENT_PATTERNS");
    for (const value of [SECRET, MAIL, CARD, BADGE]) expect(process.log.join("")).not.toContain(value);
  });

  it("does without what cannot be read: a cycle, a getter that throws, a million members", async () => {
    const process = start({ TOLLGATE_CONTENT: "full" });
    const cycle: Record<string, unknown> = { note: "x" };
    cycle["self"] = cycle;
    const angry = {
      get boom(): never {
        throw new Error(MAIL);
      },
    };
    const many = Array.from({ length: 1_000_000 }, (_, at) => at);
    const tools = new ToolGate(process.gate);
    for (const value of [cycle, angry, many])
      tools.call({ name: "odd", options: {}, parameters: [], run: () => value });
    expect(process.spans()).toHaveLength(3);
    expect(process.spans()[2]?.attributes["tollgate.content.cut"]).toBe(true);
    expect(process.log.join("")).not.toContain(MAIL);
  });
});
