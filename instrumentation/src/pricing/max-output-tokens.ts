/**
 * The longest output that a model can give, as its maker documents it: the price book has no such number, and a call
 * that sets no bound of its own is reserved at this one. Read on 2026-11-21 from
 * https://platform.claude.com/docs/en/models (overview page of each model), https://developers.openai.com/api/docs/models
 * and the deprecations pages of both, and https://ai.google.dev/gemini-api/docs/models. Families by prefix, longest prefix first; a house price document
 * (`max_output_tokens`) wins. A model that is not here is bounded by its context window.
 */
const FAMILIES: readonly (readonly [prefix: string, tokens: number])[] = [
  ["claude-fable-5", 128_000],
  ["claude-opus-5", 128_000],
  ["claude-opus-4-8", 128_000],
  ["claude-opus-4-7", 128_000],
  ["claude-opus-4-6", 128_000],
  ["claude-opus-4-5", 64_000],
  ["claude-opus-4", 32_000],
  ["claude-sonnet-5", 128_000],
  ["claude-sonnet-4-6", 128_000],
  ["claude-sonnet-4", 64_000],
  ["claude-haiku-4-5", 64_000],
  // 64 000, and 128 000 with the beta header output-128k-2025-02-19: what can't be seen from here is reserved in full.
  ["claude-3-7-sonnet", 128_000],
  ["claude-3-5", 8192],
  ["claude-3", 4096],
  ["gemini-3", 65_536],
  ["gemini-2.5", 65_536],
  ["gemini-2.0-flash-thinking", 65_536],
  ["gemini-2.0", 8192],
  ["gemini-1.5", 8192],
  ["gpt-6", 128_000],
  ["gpt-5-pro", 272_000],
  ["gpt-5-chat", 16_384],
  ["gpt-5.1-chat", 16_384],
  ["gpt-5.2-chat", 16_384],
  ["gpt-5.3-chat", 16_384],
  ["gpt-5", 128_000],
  ["gpt-4.1", 32_768],
  ["gpt-4o-2024-05-13", 4096],
  ["gpt-4o", 16_384],
  ["gpt-4-turbo", 4096],
  ["gpt-4-1106", 4096],
  ["gpt-4-0125", 4096],
  ["gpt-4-vision", 4096],
  ["gpt-4-32k", 32_768],
  ["gpt-4", 8192],
  ["gpt-3.5-turbo", 4096],
  ["o1-preview", 32_768],
  ["o1-mini", 65_536],
  ["o1", 100_000],
  ["o3", 100_000],
  ["o4-mini", 100_000],
];

const LONGEST_FIRST = FAMILIES.toSorted((left, right) => right[0].length - left[0].length);

/** The documented maximum of a model's output in tokens; `undefined` when it is not in the table. */
export function documentedMaxOutputTokens(model: string): number | undefined {
  // Fine-tuned (`ft:gpt-4o…`), resold (`us.anthropic.claude…`, `openai/gpt-5`) and dotted (`claude-opus-4.6`) spellings.
  const bare = model.toLowerCase().replace(/^(?:ft:|.{0,64}(?:anthropic|openai)[./])/, "");
  const name = bare.startsWith("claude-") ? bare.replaceAll(".", "-") : bare;
  return LONGEST_FIRST.find(([prefix]) => name.startsWith(prefix) && !/[a-z\d]/.test(name.charAt(prefix.length)))?.[1];
}
