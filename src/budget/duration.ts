const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `10m`, `24h`, `7d` in milliseconds; NaN for what is no duration. */
export function durationMs(text: string): number {
  const match = /^(\d{1,6})(s|m|h|d)$/.exec(text);
  return Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ""] ?? Number.NaN);
}
