/** Macros over lists, and over the keys of maps. Each turn is charged for the nodes that it evaluates. */
import type * as Cel from "@marcbachmann/cel-js";
import { countNodes, ERROR_UNITS, UnsupportedNode } from "./frame.ts";
import type { CompileNode, Evaluate, Frame, Scope } from "./frame.ts";
import { EvaluationError, WorkExceeded } from "./meter.ts";
import { keysOf, kindOf } from "./values.ts";

type Turn = (frame: Frame, item: unknown) => unknown;
type Macro = (items: readonly unknown[], frame: Frame, turns: readonly Turn[]) => unknown;

const MACROS: ReadonlyMap<string, Macro> = new Map<string, Macro>([
  ["all", (items, frame, [turn]) => quantify(items, frame, { turn, decisive: false })],
  ["exists", (items, frame, [turn]) => quantify(items, frame, { turn, decisive: true })],
  ["exists_one", (items, frame, [turn]) => items.filter((item) => isMet(turn, frame, item)).length === 1],
  ["filter", (items, frame, [turn]) => items.filter((item) => isMet(turn, frame, item))],
  ["map", (items, frame, turns) => map(items, frame, turns)],
]);

export function isMacro(name: string): boolean {
  return MACROS.has(name);
}

export function compileMacro(
  node: Cel.ASTNode & { readonly op: "rcall" },
  scope: Scope,
  compile: CompileNode,
): Evaluate {
  const [name, receiver, [variable, ...bodies]] = node.args;
  const macro = MACROS.get(name);
  if (macro === undefined || variable?.op !== "id" || bodies.length === 0)
    throw new UnsupportedNode(`\`${name}\` wants a variable and a condition`, node.start);
  const list = compile(receiver, scope);
  const slot = scope.depth;
  // An inner variable of the same name hides the outer one.
  const inner: Scope = { ...scope, depths: new Map([...scope.depths, [variable.args, slot]]), depth: slot + 1 };
  const turns = bodies.map((body): Turn => {
    const evaluate = compile(body, inner);
    const nodes = countNodes(body) + 1;
    return (frame, item) => {
      frame.meter.charge(nodes);
      frame.locals[slot] = item;
      return evaluate(frame);
    };
  });
  return (frame) => macro(itemsOf(list(frame), frame), frame, turns);
}

function itemsOf(value: unknown, frame: Frame): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (kindOf(value) !== "map") throw new EvaluationError(`\`${kindOf(value)}\` is no list and no map`);
  return keysOf(value as object, frame.meter);
}

/** Errors of single items matter only when no item decides. */
function quantify(
  items: readonly unknown[],
  frame: Frame,
  { turn, decisive }: { readonly turn: Turn | undefined; readonly decisive: boolean },
): boolean {
  let problem: unknown;
  for (const item of items) {
    try {
      if (isMet(turn, frame, item) === decisive) return decisive;
    } catch (error) {
      if (error instanceof WorkExceeded) throw error;
      frame.meter.charge(ERROR_UNITS);
      problem ??= error;
    }
  }
  if (problem !== undefined) throw problem;
  return !decisive;
}

function map(items: readonly unknown[], frame: Frame, turns: readonly Turn[]): readonly unknown[] {
  const [first, second] = turns;
  if (second === undefined) return items.map((item) => first?.(frame, item));
  return items.filter((item) => isMet(first, frame, item)).map((item) => second(frame, item));
}

function isMet(turn: Turn | undefined, frame: Frame, item: unknown): boolean {
  const met = turn?.(frame, item);
  if (typeof met === "boolean") return met;
  throw new EvaluationError(`the condition of a macro must be bool, got ${kindOf(met)}`);
}
