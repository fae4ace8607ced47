import { LEGACY_PROVIDERS } from "../semconv-legacy.ts";

/**
 * Names of one provider: the conventions' `gen_ai.provider.name` (and older spellings) to the id that the price book uses.
 * A name that is not listed is looked up as it is, and must be an id of the book: guessing a provider guesses a price.
 */
const BOOK_IDS: Readonly<Record<string, string>> = {
  "aws.bedrock": "aws",
  "azure.ai.inference": "azure",
  "azure.ai.openai": "azure",
  "gcp.gemini": "google",
  "gcp.gen_ai": "google",
  "gcp.vertex_ai": "google",
  mistral_ai: "mistral",
  moonshot_ai: "moonshotai",
  x_ai: "x-ai",
};

/** Names that are remembered: every call of a model asks, and there are a few. */
const REMEMBERED_MAX = 256;
const REMEMBERED_LENGTH_MAX = 64;
const remembered = new Map<string, string>();

/** The price book's id of a provider, lower case. */
export function bookProviderId(provider: string): string {
  const known = remembered.get(provider);
  if (known !== undefined) return known;
  const id = idOf(provider);
  if (provider.length > REMEMBERED_LENGTH_MAX) return id;
  // Whoever asks for so many names makes them up.
  if (remembered.size >= REMEMBERED_MAX) remembered.clear();
  remembered.set(provider, id);
  return id;
}

function idOf(provider: string): string {
  const written = provider.trim().toLowerCase();
  const name = Object.hasOwn(LEGACY_PROVIDERS, written) ? (LEGACY_PROVIDERS[written] ?? written) : written;
  return Object.hasOwn(BOOK_IDS, name) ? (BOOK_IDS[name] ?? name) : name;
}
