/** The provider's own way of counting what a model reads: deterministic, and never more than the bytes of the request's JSON. */
import type { PromptPart } from "./dialect.ts";

const BYTES_PER_TOKEN = 4;
/** Role and separators of a message, as chat formats have them. */
const TOKENS_PER_MESSAGE = 3;
/** The head of the answer is primed. */
const TOKENS_PER_CALL = 3;

/** Tokens of one part of a prompt. */
export function countTokens(part: PromptPart): number {
  return TOKENS_PER_MESSAGE + Math.ceil(Buffer.byteLength(part.text) / BYTES_PER_TOKEN);
}

/** Tokens of a whole prompt. */
export function countPromptTokens(prompt: readonly PromptPart[]): number {
  return prompt.reduce((sum, part) => sum + countTokens(part), TOKENS_PER_CALL);
}
