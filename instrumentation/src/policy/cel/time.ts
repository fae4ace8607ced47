/** Timestamps and durations of CEL. Texts that are longer than any date are refused before they are read. */
import { EvaluationError } from "./meter.ts";

export class CelDuration {
  readonly #nanoseconds: bigint;

  constructor(nanoseconds: bigint) {
    this.#nanoseconds = nanoseconds;
  }

  get nanoseconds(): bigint {
    return this.#nanoseconds;
  }

  /** Whole milliseconds, towards zero. */
  get milliseconds(): number {
    return Number(this.nanoseconds / 1_000_000n);
  }
}

const DURATION_LENGTH_MAX = 64;
const DURATION = /^(?<sign>[+-]?)(?<parts>(?:\d{1,12}(?:\.\d{1,12})?(?:ns|us|µs|ms|s|m|h))+)$/;
const PART = /(?<whole>\d+)(?:\.(?<fraction>\d+))?(?<unit>ns|us|µs|ms|s|m|h)/g;
const FRACTION_DIGITS = 12;
const NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** `1h30m`, `-1.5s` (https://pkg.go.dev/time#ParseDuration). */
export function parseCelDuration(text: string): CelDuration {
  const { sign, parts } = (text.length > DURATION_LENGTH_MAX ? undefined : DURATION.exec(text)?.groups) ?? {};
  if (parts === undefined) throw new EvaluationError(`\`${text.slice(0, 40)}\` is no duration`);
  let nanoseconds = 0n;
  for (const { groups } of parts.matchAll(PART)) {
    const unit = NANOSECONDS[groups?.["unit"] ?? ""] ?? 0n;
    const fraction = BigInt((groups?.["fraction"] ?? "").padEnd(FRACTION_DIGITS, "0"));
    nanoseconds += BigInt(groups?.["whole"] ?? "0") * unit + (fraction * unit) / 10n ** BigInt(FRACTION_DIGITS);
  }
  return new CelDuration(sign === "-" ? -nanoseconds : nanoseconds);
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** RFC 3339. */
export function parseTimestamp(text: string): Date {
  const date = text.length <= 40 && TIMESTAMP.test(text) ? new Date(text) : undefined;
  if (date === undefined || Number.isNaN(date.getTime()))
    throw new EvaluationError("timestamp() wants a date and time of RFC 3339");
  return date;
}

export function timestampOf(milliseconds: number): Date {
  // Years 1 to 9999, as CEL has them.
  if (milliseconds >= -62_135_596_800_000 && milliseconds <= 253_402_300_799_999) return new Date(milliseconds);
  throw new EvaluationError("the timestamp is out of range");
}

const ZONES_MAX = 32;
const zones = new Map<string, Intl.DateTimeFormat>();

/** A time as a clock in the zone shows it, as if that were UTC. */
export function inZone(date: Date, zone: string): Date {
  let format = zones.get(zone);
  if (format === undefined) {
    format = formatOf(zone);
    if (zones.size >= ZONES_MAX) zones.clear();
    zones.set(zone, format);
  }
  const parts = new Map(format.formatToParts(date).map(({ type, value }) => [type, Number(value)]));
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
  return new Date(Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second")));
}

function formatOf(zone: string): Intl.DateTimeFormat {
  try {
    if (zone.length > 64) throw new RangeError("too long");
    return new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    throw new EvaluationError(`\`${zone.slice(0, 64)}\` is no time zone`);
  }
}
