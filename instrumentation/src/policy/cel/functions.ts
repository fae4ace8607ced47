/** What conditions may call. Each function charges for its work before it does it. */
import { compileGlob, GLOB_LENGTH_MAX, GlobError } from "../glob.ts";
import { EvaluationError } from "./meter.ts";
import type { Meter } from "./meter.ts";
import { findText } from "./find-text.ts";
import { CelDuration, inZone, parseCelDuration, parseTimestamp, timestampOf } from "./time.ts";
import { keysOf, kindOf } from "./values.ts";

export type CelFunction = (args: readonly unknown[], meter: Meter) => unknown;

const GLOB_TEXT_LENGTH_MAX = 16_384;
const INT_MAX = 9_223_372_036_854_775_807n;
const DAY_MS = 86_400_000;
const BEYOND_ASCII = /[^\0-\x7f]/;
/** Of a number that is written or read; of a digit of a double, of a character of a duration, and of a time that is read. */
const [NUMBER_UNITS, DIGIT_UNITS, DURATION_UNITS, TIMESTAMP_UNITS] = [40, 10, 40, 200] as const;
/** Of a clock in a zone; a zone that comes with the call may have to be made first, which takes up to a millisecond. */
const ZONE_UNITS = 2_000;
export const NEW_ZONE_UNITS = 40_000;

/** Name → what it does, for functions and for methods alike: the first argument of a method is what it is called on. */
export const CEL_FUNCTIONS: ReadonlyMap<string, CelFunction> = new Map<string, CelFunction>([
  ["size", ([value], meter) => sizeOf(value, meter)],
  ["contains", ([text, part], meter) => findText(textOf(text), textOf(part), meter) >= 0],
  ["indexOf", (args, meter) => indexOf(args, meter)],
  ["startsWith", ([text, part], meter) => textOf(text).startsWith(charged(part, meter))],
  ["endsWith", ([text, part], meter) => textOf(text).endsWith(charged(part, meter))],
  ["lowerAscii", ([text], meter) => cased(text, meter).toLowerCase()],
  ["upperAscii", ([text], meter) => cased(text, meter).toUpperCase()],
  ["trim", ([text], meter) => charged(text, meter).trim()],
  ["glob", ([text, pattern], meter) => matchesGlob(textOf(text), textOf(pattern), meter)],
  ["int", ([value], meter) => toInt(value, meter)],
  ["double", ([value], meter) => toDouble(value, meter)],
  ["string", ([value], meter) => toText(value, meter)],
  ["bool", ([value]) => toBool(value)],
  ["timestamp", ([value], meter) => toTimestamp(value, meter)],
  ["duration", ([value], meter) => toDuration(value, meter)],
  ["getFullYear", (args, meter) => BigInt(clockOf(args, meter).getUTCFullYear())],
  ["getMonth", (args, meter) => BigInt(clockOf(args, meter).getUTCMonth())],
  ["getDate", (args, meter) => BigInt(clockOf(args, meter).getUTCDate())],
  ["getDayOfMonth", (args, meter) => BigInt(clockOf(args, meter).getUTCDate() - 1)],
  ["getDayOfWeek", (args, meter) => BigInt(clockOf(args, meter).getUTCDay())],
  ["getDayOfYear", (args, meter) => dayOfYear(clockOf(args, meter))],
  ["getHours", (args, meter) => hoursOf(args, meter)],
  ["getMinutes", (args, meter) => minutesOf(args, meter)],
  ["getSeconds", (args, meter) => secondsOf(args, meter)],
]);

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  throw new EvaluationError(`no such overload: a text is wanted, and this is ${kindOf(value)}`);
}

function charged(value: unknown, meter: Meter): string {
  const text = textOf(value);
  meter.chargeText(text);
  return text;
}

/** Letters beyond ASCII are looked up one by one. */
function cased(value: unknown, meter: Meter): string {
  const text = charged(value, meter);
  if (BEYOND_ASCII.test(text)) meter.charge(text.length);
  return text;
}

/** Code points of a text, items of a list, members of a map. */
function sizeOf(value: unknown, meter: Meter): bigint {
  if (typeof value === "string") {
    meter.charge(value.length >> 2);
    let size = value.length;
    // Two units that are one code point; halves by themselves count.
    for (let at = 1; at < value.length; at += 1)
      if ((value.charCodeAt(at) & 0xfc00) === 0xdc00 && (value.charCodeAt(at - 1) & 0xfc00) === 0xd800) size -= 1;
    return BigInt(size);
  }
  if (Array.isArray(value)) return BigInt(value.length);
  if (kindOf(value) !== "map") throw new EvaluationError(`no such overload: size of ${kindOf(value)}`);
  return BigInt(keysOf(value as object, meter).length);
}

function indexOf([text, part, from]: readonly unknown[], meter: Meter): bigint {
  if (from === undefined) return BigInt(findText(textOf(text), textOf(part), meter));
  const start = Number(from);
  if (Number.isSafeInteger(start) && start >= 0 && start < textOf(text).length)
    return BigInt(findText(textOf(text), textOf(part), meter, start));
  throw new EvaluationError("indexOf: the start is out of range");
}

/** Characters that become many when they are normalised: `ﷺ` becomes eighteen. */
const SWELLING = /[\u2100-\u24ff\u3200-\u33ff\ufb00-\ufdff\ufe70-\ufeff]/;
/** Marks are sorted when a text is normalised, and that is quadratic. No language has so many on one letter (UAX #15, "Stream-Safe Text Format"). */
const MANY_MARKS = /\p{M}{31}/u;
const GLOBS_MAX = 256;
const globs = new Map<string, (text: string) => boolean>();

/** A pattern that comes with the call. It costs the same whether it is known or not: a decision does not depend on those before it. */
function matchesGlob(text: string, pattern: string, meter: Meter): boolean {
  if (pattern.length > GLOB_LENGTH_MAX) throw new EvaluationError("the pattern is too large for glob()");
  // Alternatives in braces multiply: the dearest pattern takes some milliseconds to compile.
  meter.charge(1_000 * 4 ** (pattern.split("{").length - 1));
  let matches = globs.get(pattern);
  if (matches === undefined) {
    matches = compiledGlob(pattern);
    if (globs.size >= GLOBS_MAX) globs.clear();
    globs.set(pattern, matches);
  }
  return isMatch(text, { matches, length: pattern.length }, meter);
}

interface Pattern {
  readonly matches: (text: string) => boolean;
  readonly length: number;
}

function isMatch(text: string, { matches, length }: Pattern, meter: Meter): boolean {
  if (text.length > GLOB_TEXT_LENGTH_MAX) throw new EvaluationError("the text is too large for glob()");
  meter.charge(text.length * ((SWELLING.test(text) ? 40 : 4) + (length >> 2)));
  if (MANY_MARKS.test(text)) throw new EvaluationError("the text has too many marks on one letter for glob()");
  return matches(text);
}

/** `glob` with a pattern that stands in the condition: compiled with it. `undefined` for one that is none, which fails when it is met. */
export function globOf(pattern: string): CelFunction | undefined {
  try {
    const compiled = { matches: compileGlob(pattern), length: pattern.length };
    return ([text], meter) => isMatch(textOf(text), compiled, meter);
  } catch (error) {
    if (error instanceof GlobError) return undefined;
    throw error;
  }
}

function compiledGlob(pattern: string): (text: string) => boolean {
  try {
    return compileGlob(pattern);
  } catch (error) {
    throw error instanceof GlobError ? new EvaluationError(error.message) : error;
  }
}

function toInt(value: unknown, meter: Meter): bigint {
  if (typeof value === "bigint") return value;
  meter.charge(NUMBER_UNITS);
  if (typeof value === "number" && Number.isFinite(value)) return inRange(BigInt(Math.trunc(value)));
  if (value instanceof Date) return BigInt(Math.floor(value.getTime() / 1_000));
  if (typeof value === "string" && /^[+-]?\d{1,19}$/.test(value)) return inRange(BigInt(value.replace(/^\+/, "")));
  throw new EvaluationError("int() type error: cannot convert to int");
}

/** Throws when whole numbers of CEL end before this one. */
export function inRange(value: bigint): bigint {
  if (value <= INT_MAX && value >= -INT_MAX - 1n) return value;
  throw new EvaluationError("integer overflow");
}

function toDouble(value: unknown, meter: Meter): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string") meter.charge(Math.min(value.length, 64) * DIGIT_UNITS);
  const text = typeof value === "string" && value.length <= 64 && /^[+-]?[\d.]+(?:[eE][+-]?\d+)?$/.test(value);
  const number = text ? Number(value) : Number.NaN;
  if (!Number.isNaN(number)) return number;
  throw new EvaluationError("double() type error: cannot convert to double");
}

function toText(value: unknown, meter: Meter): string {
  if (typeof value !== "string") meter.charge(NUMBER_UNITS);
  switch (kindOf(value)) {
    case "string":
      return value as string;
    case "int":
    case "double":
    case "bool":
      return String(value);
    case "timestamp":
      return (value as Date).toISOString();
    default:
      throw new EvaluationError(`string() type error: cannot convert ${kindOf(value)}`);
  }
}

function toBool(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  if (value === "true" || value === "True" || value === "TRUE" || value === "t" || value === "1") return true;
  if (value === "false" || value === "False" || value === "FALSE" || value === "f" || value === "0") return false;
  throw new EvaluationError("bool() type error: cannot convert to bool");
}

function toDuration(value: unknown, meter: Meter): CelDuration {
  if (value instanceof CelDuration) return value;
  const text = textOf(value);
  meter.charge(Math.min(text.length, 64) * DURATION_UNITS);
  return parseCelDuration(text);
}

function toTimestamp(value: unknown, meter: Meter): Date {
  if (value instanceof Date) return value;
  meter.charge(TIMESTAMP_UNITS);
  return typeof value === "bigint" ? timestampOf(Number(value) * 1_000) : parseTimestamp(textOf(value));
}

/** A time, in the zone that is the second argument; UTC without one. */
function clockOf([value, zone]: readonly unknown[], meter: Meter): Date {
  if (!(value instanceof Date)) throw new EvaluationError(`no such overload: a time is wanted, not ${kindOf(value)}`);
  if (zone === undefined) return value;
  meter.charge(ZONE_UNITS);
  return inZone(value, textOf(zone));
}

function hoursOf(args: readonly unknown[], meter: Meter): bigint {
  const [value] = args;
  return value instanceof CelDuration
    ? value.nanoseconds / 3_600_000_000_000n
    : BigInt(clockOf(args, meter).getUTCHours());
}

function minutesOf(args: readonly unknown[], meter: Meter): bigint {
  const [value] = args;
  return value instanceof CelDuration
    ? value.nanoseconds / 60_000_000_000n
    : BigInt(clockOf(args, meter).getUTCMinutes());
}

function secondsOf(args: readonly unknown[], meter: Meter): bigint {
  const [value] = args;
  return value instanceof CelDuration
    ? value.nanoseconds / 1_000_000_000n
    : BigInt(clockOf(args, meter).getUTCSeconds());
}

function dayOfYear(date: Date): bigint {
  return BigInt(Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS));
}
