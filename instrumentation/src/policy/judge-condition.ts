/**
 * What can be said of a condition without a request: that it is never met, or always. It is sound, not complete: it folds
 * constants, knows the values that some variables may have, and sees when the parts of an `&&` exclude each other.
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
  | { readonly verdict: "never" | "always"; readonly reason: string };

/** Never throws. */
export function judgeCondition(source: string, labels: LabelOrder): ConditionVerdict {
  const compiled = compileCondition(source, labels);
  if (!compiled.ok) return { verdict: "open" };
  const judge = new Judge(labels);
  const met = judge.judge(compiled.condition.ast);
  if (met === undefined) return { verdict: "open" };
  const always = "it is met by every call";
  return met ? { verdict: "always", reason: always } : { verdict: "never", reason: judge.reason };
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
  readonly #labels: LabelOrder;

  constructor(labels: LabelOrder) {
    this.#labels = labels;
  }

  judge(node: Cel.ASTNode): boolean | undefined {
    const constant = this.#constant(node);
    if (typeof constant === "boolean") {
      if (!constant) this.reason = "it is always false";
      return constant;
    }
    switch (node.op) {
      case "&&":
        return this.#judgeAll(conjunctsOf(node));
      case "||": {
        const [left, right] = [this.judge(node.args[0]), this.judge(node.args[1])];
        return left === true || right === true ? true : left === false && right === false ? false : undefined;
      }
      case "!_": {
        const inner = this.judge(node.args);
        return inner === undefined ? undefined : !inner;
      }
      case "in":
        return this.#judgeMembership(node.args[0], node.args[1]);
      default:
        return this.#judgeComparison(this.#comparisonOf(node));
    }
  }

  #judgeAll(parts: readonly Cel.ASTNode[]): boolean | undefined {
    const verdicts = parts.map((part) => this.judge(part));
    if (verdicts.includes(false)) return false;
    const comparisons = parts.map((part) => this.#comparisonOf(part)).filter((part) => part !== undefined);
    const conflict = conflictOf(comparisons);
    if (conflict !== undefined) {
      this.reason = `\`${conflict}\` can't be both`;
      return false;
    }
    return verdicts.every((verdict) => verdict === true) ? true : undefined;
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

  /** The value of a node that no request has a say in; `undefined` for any other. */
  #constant(node: Cel.ASTNode): unknown {
    if (hasNames(node)) return undefined;
    try {
      const label = ([name]: readonly unknown[]): bigint => BigInt(this.#labels.rank(String(name)));
      const language = { functions: new Map([["label", label]]), paths: new Map<string, never>() };
      return compileProgram(node, language)({ variables: {}, meter: new Meter(), locals: [] });
    } catch (error) {
      if (error instanceof EvaluationError) return undefined;
      throw error;
    }
  }
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
function pathOf(node: Cel.ASTNode): string | undefined {
  if (node.op === "id") return node.args;
  if (node.op !== ".") return undefined;
  const of = pathOf(node.args[0]);
  return of === undefined ? undefined : `${of}.${node.args[1]}`;
}

function hasNames(node: Cel.ASTNode): boolean {
  return node.op === "id" || childrenOf(node.args).some((child) => isNode(child) && hasNames(child));
}
