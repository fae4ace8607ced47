/**
 * What can be said of a condition without a request: that it is never met, always, or can never be evaluated. It is sound, not complete:
 * it folds constants, knows the values that some variables may have, and sees when the parts of an `&&` exclude each other.
 * Three things may come of a condition (met, not met, failed), as arguments may be missing or of another type; what is judged is which
 * of them may, and more may than do.
 */
import type * as Cel from "@marcbachmann/cel-js";
import { childrenOf, isNode } from "./cel/engine.ts";
import { EvaluationError, Meter } from "./cel/meter.ts";
import { compileProgram } from "./cel/program.ts";
import { compileCondition } from "./condition.ts";
import type { LabelOrder } from "./label.ts";
import { EXPANSIONS, REVERSIBILITIES, TOOL_ACTIONS } from "./request.ts";

export type ConditionVerdict =
  | { readonly verdict: "open" }
  /** `mayFail`: it may be impossible to evaluate, which denies. `fails`: it is so for every call. */
  | { readonly verdict: "never" | "always" | "fails"; readonly reason: string; readonly mayFail: boolean };

/** Never throws. */
export function judgeCondition(source: string, labels: LabelOrder): ConditionVerdict {
  const compiled = compileCondition(source, labels);
  if (!compiled.ok) return { verdict: "open" };
  const judge = new Judge(labels);
  const may = judge.judge(compiled.condition.ast);
  const mayFail = (may & FAILED) !== 0;
  if (may === FAILED) return { verdict: "fails", reason: judge.failure, mayFail };
  if ((may & MET) === 0) return { verdict: "never", reason: judge.reason, mayFail };
  return may === MET ? { verdict: "always", reason: "it is met by every call", mayFail } : { verdict: "open" };
}

/** Arguments that a condition looks at and does not ask for first, as `args.amount`: where one is missing, it fails. */
export function unaskedArguments(source: string, labels: LabelOrder): readonly string[] {
  const compiled = compileCondition(source, labels);
  if (!compiled.ok) return [];
  const [used, asked] = [new Set<string>(), new Set<string>()];
  collectArguments(compiled.condition.ast, used, asked);
  return [...used].filter((path) => !asked.has(path));
}

/** Whether a condition looks at a destination by its place, as `destinations[0]`. */
export function picksDestination(source: string, labels: LabelOrder): boolean {
  const compiled = compileCondition(source, labels);
  return compiled.ok && picks(compiled.condition.ast);
}

function picks(node: Cel.ASTNode): boolean {
  const [list] = childrenOf(node.args);
  if (node.op === "[]" && list !== undefined && pathOf(list) === "destinations") return true;
  return childrenOf(node.args).some((child) => isNode(child) && picks(child));
}

/** Only members of `args` themselves: what is below one that is there may be missing too, but who asks for one thinks of that. */
function collectArguments(node: Cel.ASTNode, used: Set<string>, asked: Set<string>): void {
  if (node.op === "call" && node.args[0] === "has") {
    const path = pathOf(childrenOf(node.args)[0]);
    if (path?.startsWith("args.") === true) asked.add(path.split(".", 2).join("."));
    return;
  }
  const path = pathOf(node);
  if (path?.startsWith("args.") === true) {
    used.add(path.split(".", 2).join("."));
    return;
  }
  for (const child of childrenOf(node.args)) if (isNode(child)) collectArguments(child, used, asked);
}

/** What may come of a condition: bits, so that several may. */
const MET = 1;
const UNMET = 2;
const FAILED = 4;
const ALL = [MET, UNMET, FAILED] as const;

/** What an operator may give, by what each pair of what its sides may give gives. */
function combine(left: number, right: number, decisive: number): number {
  let may = 0;
  for (const one of ALL) {
    for (const other of ALL) {
      if ((left & one) === 0 || (right & other) === 0) continue;
      may |= one === decisive || other === decisive ? decisive : one === FAILED || other === FAILED ? FAILED : one;
    }
  }
  return may;
}

const AUTONOMY = ["observe", "suggest", "supervised", "autonomous", ""];
const VALUES: Readonly<Record<string, readonly string[]>> = {
  "agent.autonomy": AUTONOMY,
  "tool.reversibility": [...REVERSIBILITIES, ""],
  "tool.actions": TOOL_ACTIONS,
  "session.actions": TOOL_ACTIONS,
  expansion: EXPANSIONS,
};
const COUNTS: ReadonlySet<string> = new Set(["session.calls", "session.denied", "session.spent_usd"]);
const FLIPPED: Readonly<Record<string, string>> = {
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
  "==": "==",
  "!=": "!=",
};

/** `path operator literal`, whichever side the literal is on. */
interface Comparison {
  readonly path: string;
  readonly operator: string;
  readonly value: unknown;
}

class Judge {
  reason = "it is never met";
  failure = "it can't be evaluated";
  readonly #labels: LabelOrder;

  constructor(labels: LabelOrder) {
    this.#labels = labels;
  }

  /** What may come of it. */
  judge(node: Cel.ASTNode): number {
    if (!hasNames(node)) return this.#judgeConstant(node);
    switch (node.op) {
      case "&&":
        return this.#judgeAll(node);
      case "||":
        return combine(this.judge(node.args[0]), this.judge(node.args[1]), MET);
      case "!_": {
        const may = this.judge(node.args);
        return ((may & MET) === 0 ? 0 : UNMET) | ((may & UNMET) === 0 ? 0 : MET) | (may & FAILED);
      }
      case "in":
        return mayOf(this.#judgeMembership(node.args[0], node.args[1]), node);
      default:
        return mayOf(this.#judgeComparison(this.#comparisonOf(node)), node);
    }
  }

  #judgeConstant(node: Cel.ASTNode): number {
    const constant = this.#evaluate(node);
    if (constant === false) this.reason = "it is always false";
    if (constant instanceof EvaluationError) this.failure = constant.message;
    return constant === true ? MET : constant === false ? UNMET : FAILED;
  }

  #judgeAll(node: Cel.ASTNode): number {
    const parts = conjunctsOf(node);
    let may = MET;
    for (const part of parts) may = combine(may, this.judge(part), UNMET);
    const comparisons = parts.map((part) => this.#comparisonOf(part)).filter((part) => part !== undefined);
    const conflict = conflictOf(comparisons);
    if (conflict === undefined) return may;
    this.reason = `\`${conflict}\` can't be both`;
    return may & ~MET;
  }

  #judgeMembership(item: Cel.ASTNode, list: Cel.ASTNode): boolean | undefined {
    const known = VALUES[pathOf(list) ?? ""];
    const value = this.#constant(item);
    if (known !== undefined && typeof value === "string" && !known.includes(value)) {
      this.reason = `\`${value}\` is none of ${known.filter((name) => name !== "").join(", ")}`;
      return false;
    }
    if (list.op === "list" && list.args.length === 0) return false;
    return undefined;
  }

  #judgeComparison(comparison: Comparison | undefined): boolean | undefined {
    if (comparison === undefined) return undefined;
    const { path, operator, value } = comparison;
    const known = VALUES[path];
    if (known !== undefined && typeof value === "string" && !known.includes(value)) {
      this.reason = `\`${path}\` is never \`${value}\`: it is one of ${known.filter((name) => name !== "").join(", ")}`;
      return operator === "==" ? false : operator === "!=" ? true : undefined;
    }
    const [least, most] = this.#rangeOf(path);
    if (least === undefined || (typeof value !== "bigint" && typeof value !== "number")) return undefined;
    this.reason = `\`${path}\` is never ${operator} ${value}`;
    return judgeRange({ operator, value: Number(value) }, least, most);
  }

  #rangeOf(path: string): readonly [number | undefined, number] {
    if (path === "session.label" || path === "tool.label") return [0, this.#labels.levels.length - 1];
    return COUNTS.has(path) ? [0, Number.POSITIVE_INFINITY] : [undefined, 0];
  }

  #comparisonOf(node: Cel.ASTNode): Comparison | undefined {
    if (!Object.hasOwn(FLIPPED, node.op)) return undefined;
    const [left, right] = node.args as readonly [Cel.ASTNode, Cel.ASTNode];
    const [leftPath, rightPath] = [pathOf(left), pathOf(right)];
    const [leftValue, rightValue] = [this.#constant(left), this.#constant(right)];
    if (leftPath !== undefined && rightValue !== undefined)
      return { path: leftPath, operator: node.op, value: rightValue };
    if (rightPath === undefined || leftValue === undefined) return undefined;
    return { path: rightPath, operator: FLIPPED[node.op] ?? "", value: leftValue };
  }

  /** The value of a node that no request has a say in; `undefined` for any other, and for one that fails. */
  #constant(node: Cel.ASTNode): unknown {
    if (hasNames(node)) return undefined;
    const value = this.#evaluate(node);
    return value instanceof EvaluationError ? undefined : value;
  }

  #evaluate(node: Cel.ASTNode): unknown {
    try {
      const label = ([name]: readonly unknown[]): bigint => BigInt(this.#labels.rank(String(name)));
      const language = { functions: new Map([["label", label]]), paths: new Map<string, never>() };
      return compileProgram(node, language)({ variables: {}, meter: new Meter(), locals: [] });
    } catch (error) {
      if (error instanceof EvaluationError) return error;
      throw error;
    }
  }
}

/** `known`: what it gives where it can be evaluated. */
function mayOf(known: boolean | undefined, node: Cel.ASTNode): number {
  const may = known === undefined ? MET | UNMET : known ? MET : UNMET;
  return mayFail(node) ? may | FAILED : may;
}

/** What gives something for whatever it is called on, where types were checked. */
const SAFE_CALLS: ReadonlySet<string> = new Set([
  "has",
  "label",
  "size",
  "startsWith",
  "endsWith",
  "contains",
  "lowerAscii",
  "upperAscii",
  "trim",
]);
const SAFE_OPERATORS: ReadonlySet<string> = new Set([
  "value",
  "id",
  ".",
  "==",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "in",
  "!_",
  "&&",
  "||",
  "?:",
  "list",
]);

/** Arguments may be missing or of any type; arithmetic may leave the range of numbers, and so on. */
function mayFail(node: Cel.ASTNode): boolean {
  if (node.op === "id") return node.args === "args";
  if (node.op === "call" || node.op === "rcall") {
    if (!SAFE_CALLS.has(node.args[0])) return true;
    // `has(args.x)` fails for nothing; `has(args.x.y)` does where `x` is missing.
    if (node.args[0] === "has") return pathOf(childrenOf(node.args)[0])?.split(".").length !== 2;
  } else if (!SAFE_OPERATORS.has(node.op)) return true;
  return childrenOf(node.args).some((child) => isNode(child) && mayFail(child));
}

function judgeRange(
  { operator, value }: { readonly operator: string; readonly value: number },
  least: number,
  most: number,
): boolean | undefined {
  switch (operator) {
    case "<":
      return value <= least ? false : value > most ? true : undefined;
    case "<=":
      return value < least ? false : value >= most ? true : undefined;
    case ">":
      return value >= most ? false : value < least ? true : undefined;
    case ">=":
      return value > most ? false : value <= least ? true : undefined;
    case "==":
      return value < least || value > most ? false : undefined;
    default:
      return undefined;
  }
}

/** The first path of which no value meets all comparisons. */
function conflictOf(comparisons: readonly Comparison[]): string | undefined {
  const byPath = Map.groupBy(comparisons, ({ path }) => path);
  for (const [path, all] of byPath) {
    const fixed = all.find(({ operator }) => operator === "==");
    if (fixed !== undefined && all.some((other) => excludes(fixed.value, other))) return path;
    const numbers = all.filter(({ value }) => typeof value === "bigint" || typeof value === "number");
    const above = numbers.filter(({ operator }) => operator.startsWith(">"));
    const below = numbers.filter(({ operator }) => operator.startsWith("<"));
    if (above.some((low) => below.some((high) => isEmpty(low, high)))) return path;
  }
  return undefined;
}

function isEmpty(low: Comparison, high: Comparison): boolean {
  const [from, to] = [Number(low.value), Number(high.value)];
  return from > to || (from === to && (low.operator === ">" || high.operator === "<"));
}

function excludes(value: unknown, { operator, value: other }: Comparison): boolean {
  const areNumbers = [value, other].every((one) => typeof one === "bigint" || typeof one === "number");
  if (operator === "==") return areNumbers ? Number(value) !== Number(other) : value !== other;
  if (operator === "!=") return areNumbers ? Number(value) === Number(other) : value === other;
  const point = { operator, value: Number(other) };
  return areNumbers && judgeRange(point, Number(value), Number(value)) === false;
}

function conjunctsOf(node: Cel.ASTNode): readonly Cel.ASTNode[] {
  return node.op === "&&" ? [...conjunctsOf(node.args[0]), ...conjunctsOf(node.args[1])] : [node];
}

/** `session.label`, `args.to`, `environment`; `undefined` for what is no plain name. */
function pathOf(node: Cel.ASTNode | undefined): string | undefined {
  if (node === undefined) return undefined;
  if (node.op === "id") return node.args;
  if (node.op !== ".") return undefined;
  const of = pathOf(node.args[0]);
  return of === undefined ? undefined : `${of}.${node.args[1]}`;
}

function hasNames(node: Cel.ASTNode): boolean {
  return node.op === "id" || childrenOf(node.args).some((child) => isNode(child) && hasNames(child));
}
