const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** ClickHouse's DateTime64(9) ends in 2262; nothing is asked beyond. */
export const TIME_MS_MAX = Date.UTC(2262, 0, 1);

/** What people write for a time, in Unix ms: ISO 8601, or how long ago (`15m`, `24h`, `7d`); `undefined` for a text that is neither. */
export function timeOfText(text: string, nowMs: number): number | undefined {
  const ago = /^(\d{1,6})([smhdw])$/.exec(text);
  if (ago !== null) return Math.max(0, nowMs - Number(ago[1]) * UNIT_MS[ago[2] as keyof typeof UNIT_MS]);
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(zoned(text)) : Number.NaN;
  return Number.isNaN(time) ? undefined : Math.min(Math.max(time, 0), TIME_MS_MAX);
}

/** A time without a zone is UTC, as in ClickHouse and on spans; `Date.parse` would take the machine's. */
function zoned(text: string): string {
  const iso = text.replace(" ", "T");
  return iso.includes("T") && !/(?:Z|[+-]\d{2}:?\d{2})$/i.test(iso) ? `${iso}Z` : iso;
}
