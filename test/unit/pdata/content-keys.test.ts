import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  contentKeysOfScope,
  isContentEvent,
  isContentKey,
  isEventContentKey,
} from "../../../src/pdata/content-keys.ts";

const FIXTURES = new URL("../../fixtures/dialects/", import.meta.url);

/** Keys of the recorded spans whose values come from what was asked and answered in the recording's calls. */
function recordedKeys(): { readonly said: readonly string[]; readonly all: ReadonlySet<string> } {
  const said = new Set<string>();
  const all = new Set<string>();
  for (const file of readdirSync(FIXTURES)) {
    const text = readFileSync(new URL(file, FIXTURES), "utf8");
    for (const [, key = "", value = ""] of text.matchAll(/"key": ?"([^"]+)",\s*"value": ?(\{[^}]*\})/g)) {
      all.add(key);
      if (/Rule: tolls|Second question|span lease ledger|shipped/.test(value)) said.add(key);
    }
  }
  return { said: [...said], all };
}

describe("content keys", () => {
  it("cover every recorded attribute that repeats what was asked or answered", () => {
    const { said } = recordedKeys();
    expect(said.length).toBeGreaterThan(15);
    // The spans of this runtime's scope have it, and only they.
    const autogen = contentKeysOfScope("autogen SingleThreadedAgentRuntime");
    expect(autogen.filter((key) => said.includes(key))).toEqual(["message"]);
    // Of events that carry messages.
    expect(isEventContentKey("gen_ai.user.message", "content")).toBe(true);
    const missed = said.filter((key) => !isContentKey(key) && ![...autogen, "content"].includes(key));
    expect(missed.filter((key) => !key.startsWith("exception."))).toEqual([]);
    expect(contentKeysOfScope("my-app")).toEqual([]);
  });

  it("leave what is needed to price, name and find a call", () => {
    const { all } = recordedKeys();
    const plain =
      /usage|token|\.model|model\.|finish|\.id$|\.role$|system$|provider\.|operation|session|user|name$|cost/;
    const hit = [...all].filter((key) => plain.test(key) && isContentKey(key));
    // Anthropic calls its instructions so.
    const instructions = "llm.anthropic.system";
    expect(
      hit.filter(
        (key) =>
          key !== instructions &&
          !/^(?:(?:llm\.(?:input|output)_messages|gen_ai\.(?:prompt|completion)\.\d)\.|mastra\.model_\w+\.(?:in|out)put$)/.test(
            key,
          ),
      ),
    ).toEqual([]);
  });

  it.each([
    "gen_ai.prompt.0.content",
    "gen_ai.completion.0.content",
    "gen_ai.content.prompt",
    "llm.tools.0.tool.json_schema",
    "llm.vertex_ai.contents",
    "gen_ai.task.output",
    "gen_ai.agent.finish.output",
    "gen_ai.agent.tool_results",
    "gen_ai.browser.task.description",
    "gen_ai.response.speech.diarized_transcript",
    "crewai.agent.goal",
    "crewai.crew.result",
    "mcp.tool.arguments",
    "mcp.request.payload",
    "agent.backstory",
    "tool.input_kwargs",
    "db.query.result.document",
    "llm.of-tomorrow.words.of.its.own",
  ])("know the flattened %s", (key) => {
    expect(isContentKey(key)).toBe(true);
  });

  it.each([
    "gen_ai.prompt.name",
    "gen_ai.usage.prompt_tokens",
    "gen_ai.usage.input_tokens",
    "llm.usage.prompt_tokens",
    "input.mime_type",
    "llm.anthropic.usage",
    "llm.request.model",
    "gen_ai.output.type",
    "gen_ai.token.usage.input",
    "gen_ai.usage.output",
    "gen_ai.evaluation.score.value",
    "gen_ai.guardrail.error.message",
    "gen_ai.agent.description",
    "mcp.error.message",
    "mcp.resource.uri",
    "db.query.text",
    "http.request.body",
    "llm.token_count.prompt_details.cache_read",
  ])("do not know %s", (key) => {
    expect(isContentKey(key)).toBe(false);
  });

  it("see the messages in events of older drafts, under everyday names", () => {
    expect(isContentEvent("gen_ai.user.message")).toBe(true);
    expect(isEventContentKey("gen_ai.user.message", "content")).toBe(true);
    expect(isEventContentKey("gen_ai.choice", "finish_reason")).toBe(false);
    expect(isEventContentKey("gen_ai.user.message", "gen_ai.system")).toBe(false);
    expect(isEventContentKey("exception", "content")).toBe(false);
  });
});
