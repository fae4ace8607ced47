/**
 * The model behind the simulator: counts tokens in its own way, and answers with a text whose length follows from the seed
 * and the request alone. The same seed and the same prompt give the same tokens, whatever bound the gate sets; a bound
 * only cuts them short.
 */
import { createHash } from "node:crypto";

import type { SimulatedCall, SimulatedReply } from "./dialect.ts";
import type { PromptCache } from "./prompt-cache.ts";
import { countMediaTokens, countPromptTokens } from "./tokens.ts";

export interface GenerateOptions {
  readonly seed: number;
  /** Shortest and longest natural answer. */
  readonly outputTokens: { readonly min: number; readonly max: number };
  readonly cache: PromptCache;
  readonly nowUnixMs: number;
}

const WORDS = ["toll ", "gate ", "span ", "lease ", "ledger ", "audit ", "fleet ", "meter ", "spool ", "budget "];

export function generate(call: SimulatedCall, options: GenerateOptions): SimulatedReply {
  const digest = createHash("sha256")
    .update(`${options.seed}\n${call.model.snapshot}\n`)
    .update(JSON.stringify(call.prompt))
    .digest();
  const bound = Math.min(call.outputBound ?? call.model.maxOutputTokens, call.model.maxOutputTokens);
  const span = options.outputTokens.max - options.outputTokens.min + 1;
  const choices = Array.from({ length: call.choices }, (_, index) => {
    const natural = options.outputTokens.min + (digest.readUInt32BE((index * 4) % 28) % span);
    const length = Math.min(natural, bound);
    const first = digest.readUInt8((index + 5) % digest.length);
    const tokens = Array.from({ length }, (_token, at) => WORDS[(first + at) % WORDS.length] ?? "");
    return { tokens, isCut: natural > bound };
  });
  const input = countPromptTokens(call.prompt, options.cache.countText);
  const media = countMediaTokens(call.prompt);
  const cached = options.cache.lookUp(call, input, options.nowUnixMs);
  return {
    id: digest.toString("hex").slice(0, 24),
    createdUnixS: Math.floor(options.nowUnixMs / 1000),
    choices,
    billed: {
      ...cached,
      media,
      input: input - media - cached.cacheRead - cached.cacheWrite5m - cached.cacheWrite1h,
      output: choices.reduce((sum, choice) => sum + choice.tokens.length, 0),
    },
  };
}
