/**
 * What can go wrong at a provider, asked for by a request header or by the simulator's options:
 *
 *     x-simulator-fault: rate_limit_once=1, cut=3, latency=200
 *
 * `rate_limit[=seconds]` 429 with Retry-After · `server_error[=seconds]` 500, with it where it is given · both with `_once`: only the first attempt of a
 * request fails · `cut=N` the connection breaks after N pieces of a stream (an unstreamed reply is generated, billed and
 * lost) · `latency=ms` the first byte takes this long · `pace=ms` between two pieces of a stream · `malformed` JSON that
 * ends in its middle, in every piece of a stream · `wrong_type` a page's content type · `huge` a megabyte of white
 * space before the answer · `no_usage` the answer does not say what it used · `usage_beside` a stream of chat completions tells
 * its usage beside the last choice and not in a chunk of its own · `usage_each` in each chunk, as much as there was so far.
 */
import type { ProviderError } from "./dialect.ts";

export const FAULT_HEADER = "x-simulator-fault";

export interface Faults {
  readonly refusal: (ProviderError & { readonly retryAfterS?: number }) | undefined;
  /** The refusal is for the first attempt only. */
  readonly isOnce: boolean;
  readonly cutAfterPieces: number | undefined;
  readonly latencyMs: number | undefined;
  readonly pieceIntervalMs: number | undefined;
  readonly contentType: string | undefined;
  readonly isMalformed: boolean;
  readonly isHuge: boolean;
  readonly hidesUsage: boolean;
  /** In which chunks with choices a stream tells its usage. @default as the provider does */
  readonly usageIn: "last" | "each" | undefined;
}

export const NO_FAULTS: Faults = {
  refusal: undefined,
  isOnce: false,
  cutAfterPieces: undefined,
  latencyMs: undefined,
  pieceIntervalMs: undefined,
  contentType: undefined,
  isMalformed: false,
  isHuge: false,
  hidesUsage: false,
  usageIn: undefined,
};

const RETRY_AFTER_S = 1;

/** Throws `RangeError` for a fault that does not exist: a test that misspells one must not pass. */
export function parseFaults(text: string): Faults {
  let faults = NO_FAULTS;
  for (const item of text.split(",")) {
    const [name = "", value] = item.trim().split("=");
    faults = { ...faults, ...parseFault(name, value) };
  }
  return faults;
}

function parseFault(name: string, value: string | undefined): Partial<Faults> {
  const number = value === undefined ? undefined : Number(value);
  if (number !== undefined && !(Number.isInteger(number) && number >= 0)) {
    throw new RangeError(`fault \`${name}\` wants a whole number, not \`${value}\``);
  }
  switch (name) {
    case "rate_limit":
    case "rate_limit_once":
      return { refusal: rateLimit(number ?? RETRY_AFTER_S), isOnce: name.endsWith("_once") };
    case "server_error":
    case "server_error_once":
      return { refusal: serverError(number), isOnce: name.endsWith("_once") };
    case "cut":
      return { cutAfterPieces: number ?? 0 };
    case "latency":
      return { latencyMs: number ?? 0 };
    case "pace":
      return { pieceIntervalMs: number ?? 0 };
    case "malformed":
      return { isMalformed: true };
    case "wrong_type":
      return { contentType: "text/html" };
    case "huge":
      return { isHuge: true };
    case "no_usage":
      return { hidesUsage: true };
    case "usage_beside":
      return { usageIn: "last" };
    case "usage_each":
      return { usageIn: "each" };
    default:
      throw new RangeError(`unknown fault \`${name}\``);
  }
}

function rateLimit(retryAfterS: number): ProviderError & { readonly retryAfterS: number } {
  return {
    status: 429,
    type: "rate_limit_error",
    code: "rate_limit_exceeded",
    param: null,
    message: "Rate limit reached. Please try again later.",
    retryAfterS,
  };
}

function serverError(retryAfterS: number | undefined): Faults["refusal"] {
  return {
    status: 500,
    type: "api_error",
    code: null,
    param: null,
    message: "The server had an error while processing your request.",
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
  };
}

const HUGE = " ".repeat(1024 * 1024);
const USAGE_KEYS: ReadonlySet<string> = new Set([
  "usage",
  "usageMetadata",
  "x_groq",
  "meta",
  "metadata",
  "prompt_eval_count",
  "eval_count",
]);

/** A piece of a stream of chat completions; `usage` is what was used so far. */
export function withUsageBeside(
  text: string | Uint8Array,
  { faults, usage }: { readonly faults: Faults; readonly usage: unknown },
): string | Uint8Array {
  if (faults.usageIn === undefined || typeof text !== "string") return text;
  if (text.includes('"choices":[]')) return faults.usageIn === "last" ? "" : text;
  if (!text.includes('"choices":[')) return text;
  if (faults.usageIn === "last" && text.includes('"finish_reason":null')) return text;
  return text.replaceAll(/\{.*\}/g, (json) => JSON.stringify({ ...JSON.parse(json), usage }));
}

/** An answer, or a piece of a stream, as the faults leave it. */
export function spoiled(
  text: string | Uint8Array,
  { faults, isFirst }: { readonly faults: Faults; readonly isFirst: boolean },
): string | Uint8Array {
  // Binary frames have checksums: one that is cut short is no frame.
  if (typeof text !== "string") return faults.isMalformed ? text.subarray(0, text.length / 2) : text;
  // The chunk that is there for the usage alone.
  if (faults.hidesUsage && text.includes('"choices":[]')) return "";
  let result = text;
  if (faults.hidesUsage) result = result.replaceAll(/\{.*\}/g, withoutUsage);
  if (faults.isMalformed) result = result.replaceAll(/\{.*\}/g, (json) => json.slice(0, json.length / 2));
  // White space is no part of JSON; where events have lines, a comment.
  if (faults.isHuge && isFirst) result = text.startsWith("{") ? HUGE + result : `:${HUGE}\n\n${result}`;
  return result;
}

function withoutUsage(json: string): string {
  return JSON.stringify(JSON.parse(json), (key, value: unknown) => (USAGE_KEYS.has(key) ? undefined : value));
}
