/** Makers of models whose names nobody else uses, for senders that name no provider (Langfuse). */
const MAKERS: readonly (readonly [RegExp, string])[] = [
  [/^(?:gpt-|chatgpt-|o[1-9](?:-|$)|text-embedding-)/, "openai"],
  [/^claude-/, "anthropic"],
  [/^gemini-/, "gcp.gemini"],
];

/**
 * The provider that a model's name speaks for; "" when it speaks for none. It is the maker's own service: the same model
 * may have been called at Azure or Bedrock, so a price found this way is an estimate.
 */
export function inferProvider(model: string): string {
  return MAKERS.find(([pattern]) => pattern.test(model))?.[1] ?? "";
}
