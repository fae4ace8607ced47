/**
 * Evaluates what cel-js parsed and type-checked: the syntax tree becomes closures once, which run in tens of nanoseconds and
 * charge a meter, so that no condition and no arguments keep the process busy. cel-js's own evaluator is not used: it is
 * some ten times slower, and `duration()` and `contains()` of it run for minutes on texts that are made for it.
 * Equality across types is false, as the language has it; everything else without an overload is an error.
 */
import type * as Cel from "@marcbachmann/cel-js";
import { isNode } from "./engine.ts";
import { countNodes, ERROR_UNITS, UnsupportedNode } from "./frame.ts";
import type { Evaluate, Scope } from "./frame.ts";
import { CEL_FUNCTIONS, globOf, NEW_ZONE_UNITS } from "./functions.ts";
import type { CelFunction } from "./functions.ts";
import { compileMacro, isMacro } from "./macros.ts";
import { EvaluationError, WorkExceeded } from "./meter.ts";
import { BINARY_OPERATORS, negate, not } from "./operators.ts";
import { kindOf, memberOf } from "./values.ts";

/** What a language has beside CEL's own functions and operators. */
export interface Language {
  readonly functions: ReadonlyMap<string, CelFunction>;
  readonly paths: ReadonlyMap<string, Evaluate>;
}

/** Throws `UnsupportedNode`. What it returns throws `EvaluationError` and nothing else; one frame serves many programs. */
export function compileProgram(ast: Cel.ASTNode, language: Language): Evaluate {
  const evaluate = compileNode(ast, { ...language, depths: new Map(), depth: 0 });
  const nodes = countNodes(ast);
  return (frame) => {
    frame.meter.charge(nodes);
    return evaluate(frame);
  };
}

function compileNode(node: Cel.ASTNode, scope: Scope): Evaluate {
  switch (node.op) {
    case "value":
      return compileValue(node);
    case "id":
      return compileName(node.args, scope);
    case ".":
      return knownPath(node, scope) ?? compileAccess(compileNode(node.args[0], scope), node.args[1]);
    case "[]": {
      const [of, key] = node.args;
      if (key.op === "value" && typeof key.args === "string") return compileAccess(compileNode(of, scope), key.args);
      const [target, index] = [compileNode(of, scope), compileNode(key, scope)];
      return (frame) => present(target(frame), index(frame));
    }
    case "&&":
    case "||":
      return compileLogical(node.op === "||", compileNode(node.args[0], scope), compileNode(node.args[1], scope));
    case "?:":
      return compileTernary(node.args.map((part) => compileNode(part, scope)));
    case "!_": {
      const operand = compileNode(node.args, scope);
      return (frame) => not(operand(frame));
    }
    case "-_": {
      const operand = compileNode(node.args, scope);
      return (frame) => negate(operand(frame));
    }
    case "list": {
      const items = node.args.map((item) => compileNode(item, scope));
      return (frame) => items.map((item) => item(frame));
    }
    case "map":
      return compileMap(node.args, scope);
    case "call":
      return compileCall(node, { name: node.args[0], args: node.args[1] }, scope);
    case "rcall":
      if (isMacro(node.args[0])) return compileMacro(node, scope, compileNode);
      return compileCall(node, { name: node.args[0], args: [node.args[1], ...node.args[2]] }, scope);
    default:
      return compileBinary(node, scope);
  }
}

function compileValue(node: Cel.ASTNode): Evaluate {
  const value: unknown = node.args;
  const isKnown = value === null || ["string", "bigint", "number", "boolean"].includes(typeof value);
  if (!isKnown) throw new UnsupportedNode("bytes and unsigned numbers are not to be had here", node.start);
  return () => value;
}

function compileName(name: string, scope: Scope): Evaluate {
  const slot = scope.depths.get(name);
  if (slot !== undefined) return (frame) => frame.locals[slot];
  const known = scope.paths.get(name);
  if (known !== undefined) return known;
  return (frame) => frame.variables[name];
}

function knownPath(node: Cel.ASTNode & { readonly op: "." }, scope: Scope): Evaluate | undefined {
  const [of, key] = node.args;
  return of.op === "id" && !scope.depths.has(of.args) ? scope.paths.get(`${of.args}.${key}`) : undefined;
}

function compileAccess(target: Evaluate, key: string): Evaluate {
  return (frame) => present(target(frame), key);
}

function present(target: unknown, key: unknown): unknown {
  const member = memberOf(target, key);
  if (member !== undefined) return member;
  throw new EvaluationError(`No such key: ${typeof key === "string" ? key : String(key)}`);
}

/** An error on one side does not matter where the other side decides alone (the language's `&&` and `||` are commutative). */
function compileLogical(decisive: boolean, left: Evaluate, right: Evaluate): Evaluate {
  return (frame) => {
    let problem: unknown;
    let first: unknown;
    try {
      first = left(frame);
      if (first === decisive) return decisive;
    } catch (error) {
      if (error instanceof WorkExceeded) throw error;
      frame.meter.charge(ERROR_UNITS);
      problem = error;
    }
    const second = right(frame);
    if (second === decisive) return decisive;
    if (problem !== undefined) throw problem;
    if (typeof first === "boolean" && typeof second === "boolean") return second;
    throw new EvaluationError(
      `&& and || want bool operands, got ${kindOf(typeof first === "boolean" ? second : first)}`,
    );
  };
}

function compileTernary([condition, yes, no]: readonly Evaluate[]): Evaluate {
  return (frame) => {
    const met = condition?.(frame);
    if (typeof met === "boolean") return met ? yes?.(frame) : no?.(frame);
    throw new EvaluationError(`the condition of ? : must be bool, got ${kindOf(met)}`);
  };
}

function compileMap(entries: readonly (readonly [Cel.ASTNode, Cel.ASTNode])[], scope: Scope): Evaluate {
  const compiled = entries.map(([key, value]) => [compileNode(key, scope), compileNode(value, scope)] as const);
  return (frame) => {
    const map: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const [key, value] of compiled) {
      const name = key(frame);
      if (typeof name !== "string") throw new EvaluationError("keys of a map are texts here");
      map[name] = value(frame);
    }
    return map;
  };
}

function compileCall(
  node: Cel.ASTNode,
  call: { readonly name: string; readonly args: readonly Cel.ASTNode[] },
  scope: Scope,
): Evaluate {
  if (call.name === "has") return compileHas(call.args[0], scope, node.start);
  const run: CelFunction | undefined = scope.functions.get(call.name) ?? CEL_FUNCTIONS.get(call.name);
  if (run === undefined) throw new UnsupportedNode(`calls \`${call.name}\`, which is not to be had here`, node.start);
  const [, option] = call.args;
  const literal = option?.op === "value" && typeof option.args === "string" ? option.args : undefined;
  if (call.name === "glob" && literal !== undefined) {
    const [text] = call.args.map((arg) => compileNode(arg, scope));
    const matches = globOf(literal);
    if (matches !== undefined && text !== undefined) return (frame) => matches([text(frame)], frame.meter);
  }
  // Of functions by this beginning, only those of clocks have a second argument: a zone.
  const unitsBefore = call.name.startsWith("get") && option !== undefined && literal === undefined ? NEW_ZONE_UNITS : 0;
  const args = call.args.map((arg) => compileNode(arg, scope));
  const [first, second] = args;
  if (first !== undefined && second === undefined) return (frame) => run([first(frame)], frame.meter);
  return (frame) => {
    frame.meter.charge(unitsBefore);
    return run(
      args.map((arg) => arg(frame)),
      frame.meter,
    );
  };
}

/** `has(a.b.c)`: whether `c` is there. `a.b` has to be. */
function compileHas(access: Cel.ASTNode | undefined, scope: Scope, at: number): Evaluate {
  if (access?.op !== "." || !isNode(access.args[0])) throw new UnsupportedNode("has() wants a member: `has(a.b)`", at);
  const [of, key] = access.args;
  const target = compileNode(of, scope);
  return (frame) => memberOf(target(frame), key) !== undefined;
}

function compileBinary(node: Cel.ASTNode, scope: Scope): Evaluate {
  const operate = BINARY_OPERATORS.get(node.op);
  if (operate === undefined) throw new UnsupportedNode(`\`${node.op}\` is not to be had here`, node.start);
  const [left, right] = (node.args as readonly [Cel.ASTNode, Cel.ASTNode]).map((side) => compileNode(side, scope));
  if (left === undefined || right === undefined) throw new UnsupportedNode("an operand is missing", node.start);
  return (frame) => operate(left(frame), right(frame), frame.meter);
}
