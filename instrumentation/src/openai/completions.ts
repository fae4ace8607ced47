/** POST /completions (https://platform.openai.com/docs/api-reference/completions/create): prompts in place of messages. */
import { asArray, asChoices, asCount } from "../gate/endpoint.ts";
import type { Body, Endpoint, RequestFacts } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import * as semconv from "../semconv.ts";
import { chatCompletionsOf } from "./chat-completions.ts";
import { dearerTier } from "./tier.ts";

/** What the API takes for a bound when the request has none. */
const OUTPUT_TOKENS_DEFAULT = 16;

export function completionsOf(provider: string): Endpoint {
  const chat = chatCompletionsOf({
    provider,
    asksForUsage: true,
    boundName: "max_tokens",
    cacheWrites: false,
    tierOf: dearerTier,
    hidesOutput: () => false,
  });
  return {
    ...chat,
    operation: semconv.Operation.textCompletion,
    readRequest(body: Body): RequestFacts {
      const answers = Math.max(asChoices(body["n"]), asChoices(body["best_of"]));
      return {
        ...chat.readRequest(body),
        outputBound: asCount(body["max_tokens"]) ?? OUTPUT_TOKENS_DEFAULT,
        // All that `best_of` generates is billed, shown or not.
        choices: answers * promptsOf(body["prompt"]),
        inputBound: inputTokensMax({ prompt: body["prompt"], suffix: body["suffix"] }, { hasTools: false }),
        hidesOutput: answers > asChoices(body["n"]),
      };
    },
    blockedAnswer(body: Body, text: string): string {
      const base = { id: "cmpl-tollgate", object: "text_completion", created: Math.floor(Date.now() / 1_000) };
      const choices = [{ index: 0, text, logprobs: null, finish_reason: "stop" }];
      const usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
      const answer = JSON.stringify({ ...base, model: String(body["model"]), choices, usage });
      return body["stream"] === true ? `data: ${answer}\n\ndata: [DONE]\n\n` : answer;
    },
  };
}

/** A text, a list of texts, the tokens of one, or a list of those. */
function promptsOf(prompt: unknown): number {
  const list = asArray(prompt);
  return typeof list[0] === "number" ? 1 : Math.max(1, list.length);
}
