/**
 * What can go wrong at a provider, asked for by a request header or by the simulator's options:
 *
 *     x-simulator-fault: rate_limit_once=1, cut=3, latency=200
 *
 * `rate_limit[=seconds]` 429 with Retry-After · `server_error` 500 · both with `_once`: only the first attempt of a
 * request fails · `cut=N` the connection breaks after N pieces of a stream (an unstreamed reply is generated, billed and
 * lost) · `latency=ms` the first byte takes this long · `pace=ms` between two pieces of a stream.
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
}

export const NO_FAULTS: Faults = {
  refusal: undefined,
  isOnce: false,
  cutAfterPieces: undefined,
  latencyMs: undefined,
  pieceIntervalMs: undefined,
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
      return { refusal: serverError(), isOnce: name.endsWith("_once") };
    case "cut":
      return { cutAfterPieces: number ?? 0 };
    case "latency":
      return { latencyMs: number ?? 0 };
    case "pace":
      return { pieceIntervalMs: number ?? 0 };
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

function serverError(): ProviderError {
  return {
    status: 500,
    type: "api_error",
    code: null,
    param: null,
    message: "The server had an error while processing your request.",
  };
}
