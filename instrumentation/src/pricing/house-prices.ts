/**
 * House price documents (`kind: prices`): checked by hand, because this package carries no schema library, and read
 * exactly. The processor checks the same documents with the same function when it loads them.
 */
import { nanoFromDecimal } from "./decimal.ts";

/** A price document as it comes out of YAML or JSON, after `validatePrices` found nothing. */
export interface PricesDocument {
  readonly kind: "prices";
  readonly name: string;
  readonly models: Readonly<Record<string, HouseModel>>;
}

/** USD per million tokens, as decimals in text (a number is read by its shortest decimal text). */
export interface HouseModel {
  readonly provider: string;
  readonly input: string | number;
  /** Default: `input`. */
  readonly cached_input?: string | number;
  /** Default: `input`. */
  readonly cache_write?: string | number;
  /** Default: `cache_write`. */
  readonly cache_write_1h?: string | number;
  readonly output: string | number;
  /** Default: `output`. */
  readonly reasoning?: string | number;
  /** Sound in the input. Default: `input`. */
  readonly audio_input?: string | number;
  /** Sound read from the cache. Default: `audio_input`. */
  readonly audio_cached_input?: string | number;
  /** Sound in the output. Default: `output`. */
  readonly audio_output?: string | number;
  /** USD for each call; for each picture of one that makes several. Default: 0. */
  readonly per_call?: string | number;
  /** USD for each search of the web that the provider makes. Default: unknown. */
  readonly per_web_search?: string | number;
  /** USD for each search of the provider's file store. Default: unknown. */
  readonly per_file_search?: string | number;
  /** From this moment on (`2026-01-31`, midnight UTC, or a full ISO 8601 time). Default: always. */
  readonly valid_from?: string;
  readonly max_output_tokens?: number;
  readonly context_tokens?: number;
}

export interface PriceProblem {
  /** Where: `models.our-llm.input`; "" for the document. */
  readonly path: string;
  readonly message: string;
}

const MODELS_MAX = 10_000;
const DOCUMENT_KEYS = new Set(["kind", "name", "models"]);
const REQUIRED_DECIMALS = ["input", "output"] as const;
const OPTIONAL_DECIMALS = [
  "cached_input",
  "cache_write",
  "cache_write_1h",
  "reasoning",
  "audio_input",
  "audio_cached_input",
  "audio_output",
  "per_call",
  "per_web_search",
  "per_file_search",
] as const;
const COUNTS = ["max_output_tokens", "context_tokens"] as const;
const MODEL_KEYS: ReadonlySet<string> = new Set([
  "provider",
  "valid_from",
  ...REQUIRED_DECIMALS,
  ...OPTIONAL_DECIMALS,
  ...COUNTS,
]);

/** Every problem of a price document with its path; empty when it is a `PricesDocument`. Never throws. */
export function validatePrices(document: unknown): readonly PriceProblem[] {
  if (!isRecord(document)) return [{ path: "", message: "must be a mapping" }];
  const problems = unknownKeys(document, DOCUMENT_KEYS, "");
  if (document["kind"] !== "prices") problems.push({ path: "kind", message: "must be `prices`" });
  if (!isText(document["name"])) problems.push({ path: "name", message: "must be a text that is not empty" });
  const models = document["models"];
  if (!isRecord(models)) {
    problems.push({ path: "models", message: "must be a mapping of model to prices" });
  } else if (Object.keys(models).length > MODELS_MAX) {
    problems.push({ path: "models", message: `at most ${MODELS_MAX} models` });
  } else {
    for (const [name, model] of Object.entries(models)) problems.push(...modelProblems(`models.${name}`, model));
  }
  return problems;
}

/** Narrowing form of `validatePrices`. */
export function isPricesDocument(document: unknown): document is PricesDocument {
  return validatePrices(document).length === 0;
}

/** Milliseconds since 1970 of a `valid_from`; `undefined` when it is no date. */
export function parseValidFrom(text: string): number | undefined {
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/.test(date)) return undefined;
  const milliseconds = Date.parse(date);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

function modelProblems(path: string, model: unknown): PriceProblem[] {
  if (!isRecord(model)) return [{ path, message: "must be a mapping" }];
  const problems = unknownKeys(model, MODEL_KEYS, `${path}.`);
  if (!isText(model["provider"]))
    problems.push({ path: `${path}.provider`, message: "must be a text that is not empty" });
  for (const key of REQUIRED_DECIMALS) {
    if (model[key] === undefined)
      problems.push({ path: `${path}.${key}`, message: "is missing (a price is never zero by omission)" });
  }
  for (const key of [...REQUIRED_DECIMALS, ...OPTIONAL_DECIMALS]) {
    const value = model[key];
    if (value !== undefined && !isDecimal(value)) {
      problems.push({ path: `${path}.${key}`, message: 'must be a decimal in USD with at most 9 places, like "3.00"' });
    }
  }
  for (const key of COUNTS) {
    const value = model[key];
    if (value !== undefined && !(Number.isSafeInteger(value) && Number(value) > 0)) {
      problems.push({ path: `${path}.${key}`, message: "must be a whole number above 0" });
    }
  }
  const validFrom = model["valid_from"];
  if (validFrom !== undefined && (typeof validFrom !== "string" || parseValidFrom(validFrom) === undefined)) {
    problems.push({ path: `${path}.valid_from`, message: "must be a date (`2026-01-31`) or a time with its zone" });
  }
  return problems;
}

function unknownKeys(
  record: Readonly<Record<string, unknown>>,
  known: ReadonlySet<string>,
  prefix: string,
): PriceProblem[] {
  return Object.keys(record)
    .filter((key) => !known.has(key))
    .map((key) => ({ path: `${prefix}${key}`, message: "is not a known key" }));
}

/** At most 9 places, so that nothing is rounded. */
function isDecimal(value: unknown): boolean {
  if (typeof value !== "string" && typeof value !== "number") return false;
  return nanoFromDecimal(value) !== undefined && !/\.\d{10,}$/.test(String(value));
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
