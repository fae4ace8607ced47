/**
 * Values of CEL and how they compare (https://github.com/google/cel-spec/blob/master/doc/langdef.md): texts, whole numbers
 * (bigint), doubles (number), bool, null, timestamps (Date), durations, lists and maps. Whatever is compared is charged first.
 */
import { isWide } from "../canonical-json.ts";
import { EvaluationError, WorkExceeded } from "./meter.ts";
import type { Meter } from "./meter.ts";
import { CelDuration } from "./time.ts";

type Kind = "string" | "int" | "double" | "bool" | "null" | "list" | "map" | "timestamp" | "duration";

/** The name of a value's type; throws for what is none of CEL's. */
export function kindOf(value: unknown): Kind {
  switch (typeof value) {
    case "string":
      return "string";
    case "bigint":
      return "int";
    case "number":
      return "double";
    case "boolean":
      return "bool";
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) return "list";
      if (value instanceof Date) return "timestamp";
      return value instanceof CelDuration ? "duration" : "map";
    default:
      throw new EvaluationError(`a ${typeof value} is no value`);
  }
}

/** Equality across types is `false`, but for the two kinds of numbers. */
export function areEqual(left: unknown, right: unknown, meter: Meter): boolean {
  if (typeof left === "string" && typeof right === "string") {
    if (left.length !== right.length) return false;
    meter.charge(left.length >> 6);
    return left === right;
  }
  if (left === right) return true;
  // oxlint-disable-next-line eqeqeq -- 5n == 5, which `===` denies
  if (isNumeric(left) && isNumeric(right)) return left == right;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  const kind = kindOf(left);
  if (kind !== kindOf(right)) return false;
  if (left instanceof Date && right instanceof Date) return left.getTime() === right.getTime();
  if (left instanceof CelDuration && right instanceof CelDuration) return left.nanoseconds === right.nanoseconds;
  if (Array.isArray(left) && Array.isArray(right)) {
    if (left.length !== right.length) return false;
    meter.charge(left.length * 2);
    return left.every((item, index) => areEqual(item, right[index], meter));
  }
  return areMapsEqual(left as Readonly<Record<string, unknown>>, right as Readonly<Record<string, unknown>>, meter);
}

function areMapsEqual(
  left: Readonly<Record<string, unknown>>,
  right: Readonly<Record<string, unknown>>,
  meter: Meter,
): boolean {
  const keys = keysOf(left, meter);
  if (keys.length !== keysOf(right, meter).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && areEqual(left[key], right[key], meter));
}

/** Of a map. Listing them is dear and cannot be stopped half-way, so that very many are not listed at all. */
export function keysOf(map: object, meter: Meter): readonly string[] {
  if (isWide(map)) throw new WorkExceeded("a map in the arguments has too many members for it");
  const keys = Object.keys(map);
  meter.charge(keys.length * 8);
  return keys;
}

/**
 * Below zero, zero, above; `NaN` where doubles are not ordered. Throws for what has no order. Without an object of options, as it runs
 * for nearly every condition.
 */
export function compare(left: unknown, right: unknown, operator: string, meter: Meter): number {
  if (typeof left === "string" && typeof right === "string") {
    meter.charge(Math.min(left.length, right.length) >> 3);
    return left < right ? -1 : left > right ? 1 : 0;
  }
  // Each kind at a place of its own: the engine is quick where it sees one kind only.
  if (typeof left === "number" && typeof right === "number")
    return left < right ? -1 : left > right ? 1 : left === right ? 0 : Number.NaN;
  if (typeof left === "bigint" && typeof right === "bigint") return left < right ? -1 : left > right ? 1 : 0;
  if (isNumeric(left) && isNumeric(right)) {
    if (left < right) return -1;
    // oxlint-disable-next-line eqeqeq -- 5n == 5, which `===` denies
    return left > right ? 1 : left == right ? 0 : Number.NaN;
  }
  if (typeof left === "boolean" && typeof right === "boolean") return Number(left) - Number(right);
  if (left instanceof Date && right instanceof Date) return left.getTime() - right.getTime();
  if (left instanceof CelDuration && right instanceof CelDuration)
    return left.nanoseconds < right.nanoseconds ? -1 : left.nanoseconds > right.nanoseconds ? 1 : 0;
  throw noOverload(left, operator, right);
}

/** Whether `value` is an item of a list or a key of a map. */
export function isIn(value: unknown, collection: unknown, meter: Meter): boolean {
  if (Array.isArray(collection)) {
    meter.charge(collection.length * 2);
    return collection.some((item: unknown) => areEqual(value, item, meter));
  }
  if (typeof collection === "object" && collection !== null && kindOf(collection) === "map")
    return typeof value === "string" && Object.hasOwn(collection, value);
  throw noOverload(value, "in", collection);
}

/** A member of a map or an item of a list; `undefined` when it is not there. */
export function memberOf(target: unknown, key: unknown): unknown {
  if (typeof target !== "object" || target === null) return undefined;
  if (Array.isArray(target)) {
    const index = typeof key === "bigint" || typeof key === "number" ? Number(key) : -1;
    const item: unknown = Number.isSafeInteger(index) && index >= 0 ? target[index] : undefined;
    return item;
  }
  // Timestamps and durations have no members of their own.
  return typeof key === "string" && Object.hasOwn(target, key)
    ? (target as Readonly<Record<string, unknown>>)[key]
    : undefined;
}

export function noOverload(left: unknown, operator: string, right: unknown): EvaluationError {
  return new EvaluationError(`no such overload: ${kindOf(left)} ${operator} ${kindOf(right)}`);
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}
