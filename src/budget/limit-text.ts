/** Reads amounts as documents write them: `$25.00`, `2000000 input tokens`, `500 calls`. Digit by digit; nothing is guessed. */
import { parseUsd } from "@tollgate/instrumentation/pricing";
import { AMOUNT_MAX } from "./amounts.ts";
import type { Measure } from "./budget.ts";

export type LimitReading =
  | { readonly outcome: "success"; readonly measure: Measure; readonly limit: bigint }
  | { readonly outcome: "refused"; readonly message: string };

const UNITS: Readonly<Record<string, Measure>> = {
  token: "tokens",
  "input token": "input_tokens",
  "output token": "output_tokens",
  "cached token": "cached_tokens",
  "reasoning token": "reasoning_tokens",
  call: "calls",
  "tool call": "tool_calls",
  "unpriced call": "unpriced_calls",
  "unpriced token": "unpriced_tokens",
  "concurrent run": "concurrent_runs",
};
const COUNTED =
  /^\s*(\d{1,20})\s+((?:input |output |cached |reasoning |unpriced )?token|(?:tool |unpriced )?call|concurrent run)s?\s*$/;

export function parseLimit(given: string | number): LimitReading {
  const text = typeof given === "number" ? decimalText(given) : given;
  const counted = COUNTED.exec(text);
  const amount = counted === null ? parseUsd(text) : BigInt(counted[1] ?? "0");
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  if (amount === undefined) {
    const message = `expected an amount like \`$25.00\`, \`2000000 tokens\` or \`500 calls\`, not \`${shown}\``;
    return { outcome: "refused", message };
  }
  if (amount === 0n) return { outcome: "refused", message: "a limit is above 0" };
  if (amount > AMOUNT_MAX) return { outcome: "refused", message: `\`${shown}\` is more than fits (${AMOUNT_MAX})` };
  return { outcome: "success", measure: UNITS[counted?.[2] ?? ""] ?? "usd", limit: amount };
}

/** The decimal text of a number that YAML read: `0.0000001` must not come back as `1e-7`. */
function decimalText(value: number): string {
  const fixed = value.toFixed(9);
  return value < 1e-6 && Number(fixed) === value ? fixed : String(value);
}
