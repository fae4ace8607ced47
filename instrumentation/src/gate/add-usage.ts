import { NO_USAGE } from "./call-bound.ts";
import type { HostedCalls, MediaTokens, TokenUsage } from "../pricing/price-book.ts";

/** What two attempts of one call used together. */
export function addUsage(left: TokenUsage, right: TokenUsage): TokenUsage {
  // Nearly all calls have one attempt.
  if (left === NO_USAGE) return right;
  return {
    input: left.input + right.input,
    output: left.output + right.output,
    cacheRead: left.cacheRead + right.cacheRead,
    cacheWrite: left.cacheWrite + right.cacheWrite,
    cacheWrite1h: left.cacheWrite1h + right.cacheWrite1h,
    reasoning: left.reasoning + right.reasoning,
    ...addMedia("audio", left, right),
    ...addMedia("image", left, right),
    ...addMedia("video", left, right),
    ...addHostedCalls(left, right),
    ...addPieces(left, right),
  };
}

function addMedia(medium: "audio" | "image" | "video", left: TokenUsage, right: TokenUsage): Partial<TokenUsage> {
  const both = [left[medium], right[medium]].filter((tokens) => tokens !== undefined);
  if (both.length === 0) return {};
  const sum = (key: keyof MediaTokens): number => both.reduce((total, tokens) => total + tokens[key], 0);
  return { [medium]: { input: sum("input"), cacheRead: sum("cacheRead"), output: sum("output") } };
}

function addPieces(left: TokenUsage, right: TokenUsage): Pick<TokenUsage, "pieces"> {
  if (left.pieces === undefined && right.pieces === undefined) return {};
  return { pieces: (left.pieces ?? 1) + (right.pieces ?? 1) };
}

function addHostedCalls(
  { hostedCalls: left }: TokenUsage,
  { hostedCalls: right }: TokenUsage,
): Pick<TokenUsage, "hostedCalls"> {
  const both = [left, right].filter((calls) => calls !== undefined);
  if (both.length === 0) return {};
  const sum = (key: keyof HostedCalls): number => both.reduce((total, calls) => total + (calls[key] ?? 0), 0);
  const others = sum("others");
  return {
    hostedCalls: {
      webSearches: sum("webSearches"),
      fileSearches: sum("fileSearches"),
      ...(others > 0 && { others }),
    },
  };
}
