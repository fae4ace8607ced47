/**
 * What bounds the output of a request of the AI SDK. `maxOutputTokens` alone does not: providers add thinking to it, or let an
 * option of their own win. Read in @ai-sdk/openai 4.0.118, @ai-sdk/anthropic 4.0.105.
 */
import { asBody, asCount, asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import type { Api } from "./model-provider.ts";

export interface OutputBound {
  /** `undefined`: the model's own maximum. */
  readonly tokens: number | undefined;
  readonly least: number;
}

/** The API's smallest thinking budget; also what the provider asks for when no budget is given. */
const THINKING_TOKENS_LEAST = 1_024;
/** Options that add to the bound or replace it in ways that are not known here: such a request can't be lowered. */
const BOUND_OPTION = /budget|max_?\w*tokens/i;
const NOT_LOWERED: OutputBound = { tokens: undefined, least: Number.MAX_SAFE_INTEGER };

export function readOutputBound(api: Api, options: Body): OutputBound {
  const asked = asCount(options["maxOutputTokens"]);
  switch (api) {
    case "openai.chat":
      return { tokens: asCount(openaiOptions(options)?.["maxCompletionTokens"]) ?? asked, least: 1 };
    case "openai.responses":
      return { tokens: asked, least: 1 };
    case "anthropic": {
      const thinking = asBody(anthropicOptions(options)?.["thinking"]);
      if (thinking?.["type"] === "enabled") {
        const tokens = asked === undefined ? undefined : asked + budgetOf(thinking);
        return { tokens, least: THINKING_TOKENS_LEAST + 1 };
      }
      // The provider adds a part of the model's maximum to the bound, or nothing where the model adapts.
      return { tokens: thinking === undefined && isReasoning(options) ? undefined : asked, least: 1 };
    }
    case "google":
      return { tokens: asked, least: 1 };
    case "other":
      return isReasoning(options) || mentions(options["providerOptions"], BOUND_OPTION)
        ? NOT_LOWERED
        : { tokens: asked, least: 1 };
  }
}

/** The request with its output bounded to `tokens`, thinking included. */
export function withOutputBound(api: Api, options: Body, tokens: number): Body {
  const sent = { ...options, maxOutputTokens: tokens };
  if (api === "openai.chat") {
    const own = openaiOptions(options);
    return own?.["maxCompletionTokens"] === undefined
      ? sent
      : withOptions(sent, "openai", { maxCompletionTokens: tokens });
  }
  if (api !== "anthropic") return sent;
  const thinking = asBody(anthropicOptions(options)?.["thinking"]);
  if (thinking?.["type"] === "enabled") {
    const budgetTokens = Math.min(budgetOf(thinking), tokens - 1);
    return withOptions({ ...sent, maxOutputTokens: tokens - budgetTokens }, "anthropic", {
      thinking: { ...thinking, budgetTokens },
    });
  }
  if (thinking !== undefined || !isReasoning(options)) return sent;
  // How much it would add is not known: where money is short, thinking goes first.
  return { ...sent, reasoning: undefined };
}

/** Whether any key in `value` matches. */
export function mentions(value: unknown, key: RegExp): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([name, member]) => key.test(name) || mentions(member, key));
}

/** Whether the request asks the model to think, by the SDK's common option. */
export function isReasoning(options: Body): boolean {
  const reasoning = asText(options["reasoning"]);
  return reasoning !== undefined && reasoning !== "none" && reasoning !== "provider-default";
}

export function openaiOptions(options: Body): Body | undefined {
  return asBody(asBody(options["providerOptions"])?.["openai"]);
}

export function anthropicOptions(options: Body): Body | undefined {
  return asBody(asBody(options["providerOptions"])?.["anthropic"]);
}

function budgetOf(thinking: Body): number {
  return asCount(thinking["budgetTokens"]) ?? THINKING_TOKENS_LEAST;
}

function withOptions(options: Body, name: string, changed: Body): Body {
  const all = asBody(options["providerOptions"]);
  return { ...options, providerOptions: { ...all, [name]: { ...asBody(all?.[name]), ...changed } } };
}
