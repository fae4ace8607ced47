/**
 * Prices as exact integers: nano-dollars, read from decimal text digit by digit.
 */
const DECIMAL = /^(\d{1,9})(?:\.(\d{1,30}))?$/;
const NANO_DIGITS = 9;

/**
 * Reads a non-negative decimal in USD as nano-dollars. More than 9 decimals are rounded half up (the price book carries
 * a few quotients like 0.08333333333333334: that is half a nano-dollar in a million tokens at most).
 * A number is read by its shortest decimal text. `undefined` for anything else.
 */
export function nanoFromDecimal(decimal: string | number): bigint | undefined {
  const match = DECIMAL.exec(typeof decimal === "number" ? plainText(decimal) : decimal);
  if (match === null) return undefined;
  const fraction = (match[2] ?? "").padEnd(NANO_DIGITS + 1, "0");
  const nano = BigInt((match[1] ?? "0") + fraction.slice(0, NANO_DIGITS));
  return Number(fraction.charAt(NANO_DIGITS)) >= 5 ? nano + 1n : nano;
}

/** `5e-8` as `0.00000005`: JavaScript writes small numbers with an exponent. */
function plainText(value: number): string {
  const text = String(value);
  const match = /^(\d)(?:\.(\d+))?e-(\d+)$/.exec(text);
  if (match === null) return text;
  return `0.${"0".repeat(Number(match[3]) - 1)}${match[1] ?? ""}${match[2] ?? ""}`;
}
