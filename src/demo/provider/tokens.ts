/** The provider's own way of counting what a model reads: deterministic, by bytes unless it is given a tokenizer. */
import type { PromptPart } from "./dialect.ts";

const BYTES_PER_TOKEN = 4;
/** Role and separators of a message, as chat formats have them. */
const TOKENS_PER_MESSAGE = 3;
/** The head of the answer is primed. */
const TOKENS_PER_CALL = 3;

/** Tokens of a text. */
export type CountText = (text: string) => number;

export const countByBytes: CountText = (text) => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);

/** Tokens of one part of a prompt. */
export function countTokens(part: PromptPart, countText: CountText = countByBytes): number {
  return TOKENS_PER_MESSAGE + countText(part.text) + (part.mediaTokens ?? 0);
}

/** Those of its pictures and its sound. */
export function countMediaTokens(prompt: readonly PromptPart[]): number {
  return prompt.reduce((sum, { mediaTokens = 0 }) => sum + mediaTokens, 0);
}

/** Tokens of a whole prompt. */
export function countPromptTokens(prompt: readonly PromptPart[], countText: CountText = countByBytes): number {
  return prompt.reduce((sum, part) => sum + countTokens(part, countText), TOKENS_PER_CALL);
}
