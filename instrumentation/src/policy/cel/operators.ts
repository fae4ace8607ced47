import { inRange } from "./functions.ts";
import { EvaluationError } from "./meter.ts";
import type { Meter } from "./meter.ts";
import { CelDuration, timestampOf } from "./time.ts";
import { areEqual, compare, isIn, kindOf, noOverload } from "./values.ts";

type Operator = (left: unknown, right: unknown, meter: Meter) => unknown;

/** The operators between two values. */
export const BINARY_OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["==", areEqual],
  ["!=", (left, right, meter) => !areEqual(left, right, meter)],
  ["<", (left, right, meter) => compare(left, right, "<", meter) < 0],
  ["<=", (left, right, meter) => compare(left, right, "<=", meter) <= 0],
  [">", (left, right, meter) => compare(left, right, ">", meter) > 0],
  [">=", (left, right, meter) => compare(left, right, ">=", meter) >= 0],
  ["in", isIn],
  ["+", add],
  ["-", subtract],
  ["*", (left, right) => arithmetic("*", left, right)],
  ["/", (left, right) => arithmetic("/", left, right)],
  ["%", (left, right) => arithmetic("%", left, right)],
]);

export function not(value: unknown): boolean {
  if (typeof value === "boolean") return !value;
  throw new EvaluationError(`no such overload: !${kindOf(value)}`);
}

export function negate(value: unknown): unknown {
  if (typeof value === "number") return -value;
  if (typeof value === "bigint") return inRange(-value);
  throw new EvaluationError(`no such overload: -${kindOf(value)}`);
}

function add(left: unknown, right: unknown, meter: Meter): unknown {
  if (typeof left === "string" && typeof right === "string") {
    meter.charge((left.length + right.length) >> 3);
    return left + right;
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    meter.charge(left.length + right.length);
    return [...(left as readonly unknown[]), ...(right as readonly unknown[])];
  }
  if (left instanceof CelDuration) {
    if (right instanceof CelDuration) return new CelDuration(left.nanoseconds + right.nanoseconds);
    if (right instanceof Date) return timestampOf(right.getTime() + left.milliseconds);
  }
  if (left instanceof Date && right instanceof CelDuration) return timestampOf(left.getTime() + right.milliseconds);
  return arithmetic("+", left, right);
}

function subtract(left: unknown, right: unknown): unknown {
  if (left instanceof CelDuration && right instanceof CelDuration)
    return new CelDuration(left.nanoseconds - right.nanoseconds);
  if (left instanceof Date && right instanceof Date)
    return new CelDuration(BigInt(left.getTime() - right.getTime()) * 1_000_000n);
  if (left instanceof Date && right instanceof CelDuration) return timestampOf(left.getTime() - right.milliseconds);
  return arithmetic("-", left, right);
}

type Arithmetic = "+" | "-" | "*" | "/" | "%";

/** Whole numbers with whole numbers, doubles with doubles: the language does not mix them. */
function arithmetic(operator: Arithmetic, left: unknown, right: unknown): unknown {
  if (typeof left === "bigint" && typeof right === "bigint") return inRange(wholeNumber(operator, left, right));
  if (typeof left !== "number" || typeof right !== "number" || operator === "%")
    throw noOverload(left, operator, right);
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
  }
}

function wholeNumber(operator: Arithmetic, left: bigint, right: bigint): bigint {
  if (right === 0n && (operator === "/" || operator === "%")) throw new EvaluationError("division by zero");
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "%":
      return left % right;
  }
}
