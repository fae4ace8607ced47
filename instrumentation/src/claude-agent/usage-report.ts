/** What a result message of Claude Code says of its cost: totals of the whole query so far, by model, in estimated dollars. */
import { asBody, asCount } from "../gate/endpoint.ts";
import { NO_USAGE } from "../gate/call-bound.ts";
import type { TokenUsage } from "../pricing/price-book.ts";

export interface ModelReport {
  readonly model: string;
  readonly usage: TokenUsage;
  readonly nanoUsd: bigint;
}

/** `undefined` for any other message. What the total has beyond the models' own costs is on the dearest of them. */
export function readReport(message: unknown): readonly ModelReport[] | undefined {
  const result = asBody(message);
  if (result?.["type"] !== "result") return undefined;
  const models = Object.entries(asBody(result["modelUsage"]) ?? {}).map(([model, value]) => readModel(model, value));
  const total = nanoUsd(result["total_cost_usd"]);
  const beyond = total - models.reduce((sum, report) => sum + report.nanoUsd, 0n);
  if (beyond <= 0n) return models;
  const [first, ...rest] = models.toSorted((left, right) => (left.nanoUsd < right.nanoUsd ? 1 : -1));
  if (first === undefined) return [{ model: "", usage: NO_USAGE, nanoUsd: beyond }];
  return [{ ...first, nanoUsd: first.nanoUsd + beyond }, ...rest];
}

function readModel(model: string, value: unknown): ModelReport {
  const report = asBody(value) ?? {};
  const count = (name: string): number => asCount(report[name]) ?? 0;
  const [cacheRead, cacheWrite] = [count("cacheReadInputTokens"), count("cacheCreationInputTokens")];
  return {
    model,
    usage: {
      input: count("inputTokens") + cacheRead + cacheWrite,
      output: count("outputTokens"),
      cacheRead,
      cacheWrite,
      cacheWrite1h: count("cacheCreationEphemeral1hInputTokens"),
      reasoning: count("thinkingTokens"),
    },
    nanoUsd: nanoUsd(report["costUSD"]),
  };
}

/** Dollars as the report has them, a number, to the nearest nano-dollar. */
function nanoUsd(dollars: unknown): bigint {
  if (typeof dollars !== "number" || !Number.isFinite(dollars) || dollars < 0) return 0n;
  return BigInt(dollars.toFixed(9).replace(".", ""));
}
