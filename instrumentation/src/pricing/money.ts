/**
 * Money is an integer: nano-dollars (1e-9 USD) in a `bigint` with a brand, so that neither a float nor a count of
 * tokens can be passed where money is meant. Text is read exactly, digit by digit; nothing here goes through a float
 * except the two functions whose names say so. Limit: Int64, because that is what ClickHouse stores.
 */

/** An amount in nano-dollars (1e-9 USD). */
export type NanoUsd = bigint & { readonly __unit: "nano-usd" };

/** The largest amount that the wire, the journal and ClickHouse's Int64 hold: about 9.2 billion dollars. */
export const NANO_USD_MAX = 9_223_372_036_854_775_807n as NanoUsd;

export const NANO_USD_ZERO = 0n as NanoUsd;

const NANO_DIGITS = 9;
const ONE_USD = 1_000_000_000n;
const AMOUNT = /^\s*\$?\s*(\d{1,12})(?:\.(\d{1,9}))?\s*$/;

/** Brands an integer as money. Throws `RangeError` outside Int64. */
export function nanoUsd(value: bigint): NanoUsd {
  if (value > NANO_USD_MAX || value < 0n - NANO_USD_MAX) {
    throw new RangeError(`amount out of range: ${value} nano-dollars`);
  }
  return value as NanoUsd;
}

/**
 * Reads an amount as people write it: `"$0.50"`, `"0.50"`, `" $ 5.00 "`. Up to 9 decimal places, read exactly.
 * Returns `undefined` for anything else (negative, `NaN`, `Infinity`, `"5abc"`, exponents, more than 9 places).
 */
export function parseUsd(text: string): NanoUsd | undefined {
  const match = AMOUNT.exec(text);
  if (match === null) return undefined;
  const value = BigInt((match[1] ?? "0") + (match[2] ?? "").padEnd(NANO_DIGITS, "0"));
  return value > NANO_USD_MAX ? undefined : (value as NanoUsd);
}

/** A decimal string in USD with exactly `places` (0 to 9, default 9) decimals, rounded half away from zero. */
export function formatUsd(amount: NanoUsd, places = NANO_DIGITS): string {
  if (places === NANO_DIGITS && amount >= 0n) return unroundedUsd(amount);
  const negative = amount < 0n;
  const unit = 10n ** BigInt(NANO_DIGITS - places);
  const rounded = ((negative ? 0n - amount : amount) + unit / 2n) / unit;
  const digits = rounded.toString().padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const fraction = places === 0 ? "" : `.${digits.slice(digits.length - places)}`;
  return `${negative ? "-" : ""}${whole}${fraction}`;
}

/** What is below a dollar, as nearly every call is, has no digits to be put before the point. */
function unroundedUsd(amount: NanoUsd): string {
  if (amount < ONE_USD) return `0.${String(amount).padStart(NANO_DIGITS, "0")}`;
  const digits = String(amount);
  const point = digits.length - NANO_DIGITS;
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** USD as a float, for display and ratios only: never add or compare what comes out of here. */
export function usdAsFloat(amount: NanoUsd): number {
  return Number(amount) / 1e9;
}

/** Reads nano-dollars from the wire: a string of digits within Int64. `undefined` for anything else. */
export function parseNanoUsd(text: string): NanoUsd | undefined {
  if (!/^\d{1,19}$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > NANO_USD_MAX ? undefined : (value as NanoUsd);
}
