/**
 * Names of models as senders write them: with the provider's resource path, a router's prefix, or in another provider's
 * spelling. Each is read into the names under which a price book may know the same model. What is only written so at one
 * provider decides the provider; what two mean by the same words is both, and the dearer price holds.
 * LiteLLM's prefixes: https://docs.litellm.ai/docs/providers (read 2026-11). OpenRouter's names: https://openrouter.ai/models.
 */
import { bookProviderId } from "./provider-id.ts";

export interface NamedModel {
  /** The price book's id. */
  readonly provider: string;
  readonly model: string;
}

/** What a name may mean. */
export interface NameReading {
  /** At least one. Of several the dearest holds, because nobody can tell which of them was called. */
  readonly meanings: readonly NamedModel[];
  /** Nothing but the name says who served the call, or what was said contradicts it. */
  readonly isGuess: boolean;
}

/** They say which API was spoken: a router, a proxy or somebody's own server may have answered in it. */
const SPOKEN: ReadonlySet<string> = new Set([
  "",
  "openai",
  "anthropic",
  "litellm",
  "litellm_proxy",
  "gateway",
  "vercel",
]);
/** Of these the name alone says who served, and they write it so that it does. */
const ROUTERS: ReadonlySet<string> = new Set(["litellm", "litellm_proxy"]);

/** What LiteLLM puts before a model's name, by the price book's id. */
const PREFIXES: Readonly<Record<string, string>> = {
  anthropic: "anthropic",
  azure: "azure",
  azure_ai: "azure",
  baseten: "baseten",
  bedrock: "aws",
  bedrock_converse: "aws",
  cerebras: "cerebras",
  cloudflare: "cloudflare",
  cohere: "cohere",
  cohere_chat: "cohere",
  deepseek: "deepseek",
  fireworks_ai: "fireworks",
  gemini: "google",
  google: "google",
  groq: "groq",
  minimax: "minimax",
  mistral: "mistral",
  mistralai: "mistral",
  moonshot: "moonshotai",
  moonshotai: "moonshotai",
  novita: "novita",
  openai: "openai",
  openrouter: "openrouter",
  ovhcloud: "ovhcloud",
  perplexity: "perplexity",
  together_ai: "together",
  vertex_ai: "google",
  voyage: "voyageai",
  "x-ai": "x-ai",
  xai: "x-ai",
  zai: "zai",
};
/** The makers' names that OpenRouter puts before its models, too. */
const AT_OPENROUTER: ReadonlySet<string> = new Set([
  "anthropic",
  "cohere",
  "deepseek",
  "google",
  "minimax",
  "mistralai",
  "moonshotai",
  "openai",
  "perplexity",
  "x-ai",
]);

/** `models/…`, `publishers/google/models/…`, `projects/…/locations/…/publishers/…/models/…`: Gemini's API and Vertex AI. */
const GOOGLE_PATH = /^(?:projects\/[^/]+\/locations\/[^/]+\/)?(?:publishers\/[^/]+\/)?models\/([^/]+)$/i;
/** A version of a Gemini model as Vertex AI writes it; all versions of one name have one price. */
const GEMINI_VERSION = /^(gemini-[^@/]+)@(?:default|latest|\d{3})$/i;
/** Bedrock's own spelling: an ARN, or `anthropic.claude-…` with or without the region group of an inference profile. */
const BEDROCK =
  /^(?:arn:aws[a-z-]*:bedrock:|(?:[a-z]{2,6}(?:-gov)?\.)?(?:ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen|writer)\.)/i;
/** Cloudflare's spelling of all that it serves. */
const CLOUDFLARE = /^@(?:cf|hf)\//i;
/** Makers of models whose names nobody else uses, as the conventions name their services. */
const MAKERS: readonly (readonly [RegExp, string])[] = [
  [/^(?:gpt-|chatgpt-|o[1-9](?:-|$)|text-embedding-)/i, "openai"],
  [/^claude-/i, "anthropic"],
  [/^gemini-/i, "gcp.gemini"],
  [BEDROCK, "aws.bedrock"],
];
/** A router's prefix before a router's prefix before a name, and no more. */
const DEPTH_MAX = 3;

/** Whether a provider's name says only whose API was spoken, so that the host that was called knows better. */
export function isSpoken(provider: string): boolean {
  return SPOKEN.has(provider);
}

/** What `model` may mean besides itself at `provider`; `undefined`: nothing else. */
export function readModelName(provider: string, model: string): NameReading | undefined {
  return read(bookProviderId(provider), model.trim(), DEPTH_MAX);
}

function read(provider: string, name: string, depth: number): NameReading | undefined {
  if (depth === 0) return undefined;
  const path = GOOGLE_PATH.exec(name)?.[1];
  const isGoogle = provider === "google" || (path !== undefined && SPOKEN.has(provider));
  const versioned = GEMINI_VERSION.exec(path ?? name)?.[1];
  if (isGoogle && (versioned ?? path) !== undefined) return at("google", versioned ?? path ?? name, provider);
  if (BEDROCK.test(name)) return SPOKEN.has(provider) ? at("aws", name, provider) : undefined;
  if (CLOUDFLARE.test(name)) return SPOKEN.has(provider) ? at("cloudflare", name, provider) : undefined;
  const slash = name.indexOf("/");
  if (slash > 0) return prefixed(provider, name, depth);
  const maker = ROUTERS.has(provider) || provider === "gateway" ? inferProvider(name) : "";
  return maker === "" ? undefined : { meanings: [{ provider: bookProviderId(maker), model: name }], isGuess: true };
}

function prefixed(provider: string, name: string, depth: number): NameReading | undefined {
  const prefix = name.slice(0, name.indexOf("/")).toLowerCase();
  const rest = name.slice(prefix.length + 1);
  if (prefix === "litellm_proxy") return read("litellm", rest, depth - 1);
  const named = Object.hasOwn(PREFIXES, prefix) ? PREFIXES[prefix] : undefined;
  if (named === undefined) return undefined;
  if (!SPOKEN.has(provider)) return named === provider ? deeper(provider, rest, depth) : undefined;
  const inner = deeper(named, rest, depth);
  if (!AT_OPENROUTER.has(prefix)) return { ...inner, isGuess: inner.isGuess || !ROUTERS.has(provider) };
  // A router wrote it, and each has prices of its own.
  return { meanings: [...inner.meanings, { provider: "openrouter", model: name }], isGuess: true };
}

function deeper(provider: string, name: string, depth: number): NameReading {
  const inner = read(provider, name, depth - 1);
  const itself = { provider, model: name };
  // A provider's own name needs no second reading: what it calls a model is looked up as it is.
  return inner === undefined || SPOKEN.has(provider) ? { meanings: [itself], isGuess: false } : inner;
}

function at(served: string, model: string, provider: string): NameReading {
  return { meanings: [{ provider: served, model }], isGuess: provider !== served && !ROUTERS.has(provider) };
}

/** https://platform.openai.com/docs/guides/tools-web-search, …/docs/guides/deep-research */
const SEARCHES_ALWAYS = /-search-(?:preview|api)/i;
const RESEARCHES = /-deep-research/i;

/** Whether each answer of a model costs a search, whoever tells of it; `some`: nobody knows how many. */
export function searchesOf(model: string): "one" | "some" | undefined {
  if (SEARCHES_ALWAYS.test(model)) return "one";
  return RESEARCHES.test(model) ? "some" : undefined;
}

/** What follows a model's name in the name of one of its versions: a date or a number (`-2024-08-06`, `@20250929`, `-2411`, `-001`). */
const VERSION = /^[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{3,4})(?:-v\d+(?::\d+)?)?$/;
const LATEST = /[-@]latest$/;

/** Whether the name that an answer has is that of a version of the model that was asked for. */
export function isVersionOf(answered: string, asked: string): boolean {
  const base = asked.trim().toLowerCase().replace(LATEST, "");
  const name = answered.trim().toLowerCase();
  return base !== "" && name.startsWith(base) && VERSION.test(name.slice(base.length));
}

/**
 * The provider that a model's name speaks for; "" when it speaks for none. It is the maker's own service: the same model
 * may have been called at Azure or Bedrock, so a price found this way is an estimate.
 */
export function inferProvider(model: string): string {
  return MAKERS.find(([pattern]) => pattern.test(model))?.[1] ?? "";
}
