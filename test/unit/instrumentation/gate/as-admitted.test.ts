/** What leaves for a call, held against what was admitted, as the wire reads both. */
import { describe, expect, it } from "vitest";
import { anthropicAdapter } from "../../../../instrumentation/src/anthropic/adapter.ts";
import { CallBounds } from "../../../../instrumentation/src/gate/call-bound.ts";
import type { Admission } from "../../../../instrumentation/src/gate/admission.ts";
import type { Body, Endpoint } from "../../../../instrumentation/src/gate/endpoint.ts";
import { SentBody } from "../../../../instrumentation/src/gate/sent-body.ts";
import { openaiAdapter } from "../../../../instrumentation/src/openai/adapter.ts";
import { isAsAdmitted } from "../../../../instrumentation/src/wire/as-admitted.ts";

const MESSAGES = { model: "claude-haiku-4-5", max_tokens: 50, messages: [{ role: "user", content: "hi" }] };
const CHAT = { ...MESSAGES, model: "gpt-4o-mini" };

interface Case {
  readonly path: string;
  readonly body: Body;
  readonly isOtherForm?: boolean;
}

/** Of a call that was admitted for `body`, as its SDK has sent it to `path`. */
function admitted({ path, body, isOtherForm = false }: Case): SentBody {
  const endpoint = (anthropicAdapter.endpointOf(path) ?? openaiAdapter.endpointOf(path)) as Endpoint;
  const facts = endpoint.readRequest(body);
  const bounds = new CallBounds(facts, undefined);
  const admission = { facts, bounds, output: facts.outputBound } as Admission;
  const sender = { admission, options: { endpoint, facts, guard: undefined }, giveWay() {}, stop: () => true };
  const made = { url: `https://host.example${path}`, text: JSON.stringify(body) };
  return new SentBody(sender, isOtherForm ? undefined : made);
}

function covers(of: Case, sent: unknown, { path = of.path, provider = "" } = {}): boolean {
  const host = provider === "" ? undefined : { provider, hosts: [] };
  const url = new URL(path, "https://host.example");
  return isAsAdmitted(admitted(of), { url, host, body: JSON.stringify(sent), header: () => undefined });
}

const messages: Case = { path: "/v1/messages", body: MESSAGES };
const chat: Case = { path: "/v1/chat/completions", body: CHAT };
const saying = (content: unknown): object => ({ messages: [{ role: "user", content }] });
const CACHED = [{ type: "text", text: "hi", cache_control: { type: "ephemeral" } }];
const IMAGE = [{ type: "image_url", image_url: { url: "https://i" } }];
const FALLBACK = { max_tokens: 9, fallbacks: [{ model: "claude-opus-4-5" }] };

describe("what was admitted", () => {
  it.each([
    ["members of no weight", chat, { user: "ada", seed: 1 }, true],
    ["more answers of the same length", chat, { n: 2 }, false],
    ["more, shorter answers", chat, { n: 2, max_tokens: 25 }, true],
    ["a bound in another case", chat, { MAX_TOKENS: 5_000 }, false],
    ["a cache that it writes", messages, saying(CACHED), false],
    ["images", chat, saying(IMAGE), false],
    ["a dearer model that may stand in", messages, FALLBACK, false],
    ["a dearer tier", chat, { service_tier: "priority" }, false],
    ["an answer that may be spoken", chat, { modalities: ["text", "audio"] }, false],
    ["an answer in words, as ever", chat, { modalities: ["text"] }, true],
  ])("covers what leaves with %s only where that costs no more", (_what, of, more, isCovered) => {
    expect(covers(of, { ...of.body, ...more })).toBe(isCovered);
  });

  it("covers nothing that nobody can read, where the SDK's own endpoint reads that place", () => {
    expect(covers(chat, "sealed", { provider: "openai" })).toBe(false);
  });

  it("covers what nobody can read of a framework's own form, unless it names another model", () => {
    const of = { ...chat, isOtherForm: true };
    const place = { path: "/v1/rare", provider: "openai" };
    expect(covers(of, { contents: [] }, place)).toBe(true);
    expect(covers(of, { model: "gpt-4o-mini" }, place)).toBe(true);
    expect(covers(of, { model: "gpt-4o" }, place)).toBe(false);
    expect(covers(of, CHAT, { path: "/v1/batches", provider: "openai" })).toBe(false);
  });

  it("covers a framework's call whose form weighs a little less than its request", () => {
    const of = { ...chat, isOtherForm: true };
    expect(covers(of, { ...CHAT, ...saying("x".repeat(900)) })).toBe(true);
    expect(covers(of, { ...CHAT, ...saying("x".repeat(2_000)) })).toBe(false);
    expect(covers(of, { ...CHAT, model: "openai/gpt-4o-mini" })).toBe(true);
  });

  it("covers nothing more once it has given way", () => {
    const body = admitted(chat);
    const url = new URL("https://host.example/v1/chat/completions");
    const sent = { url, host: undefined, header: () => undefined, body: JSON.stringify(CHAT) };
    expect(isAsAdmitted(body, sent)).toBe(true);
    body.giveWay();
    expect(isAsAdmitted(body, sent)).toBe(false);
  });
});
