/**
 * CEL over records: conditions and values that people write in configuration, run over what strangers send. Macros over lists
 * are left out, so that the time of one evaluation is linear in the text it touches, and members of a map are named in
 * quotes, so that only those are ever read. A member that is not there is `null`; where `in` or `has` asks for it, it is not
 * there. What cannot be evaluated because a member is missing is not met and has no value; anything else is an error.
 */
import type * as Cel from "@marcbachmann/cel-js";
import { CEL_LENGTH_MAX, childrenOf, createCelEnvironment, failure, failureOf, isNode } from "./cel/engine.ts";
import type { CelFailure } from "./cel/engine.ts";

const FUNCTIONS: ReadonlySet<string> = new Set(
  (
    "has size contains startsWith endsWith lowerAscii upperAscii trim indexOf substring " +
    "glob int double string bool type"
  ).split(" "),
);

/** Where an expression's variables come from, for one record. */
export interface ExpressionScope {
  /** The value of a variable; texts as string, whole numbers as bigint or number (a double). */
  variable(name: string): unknown;
  /** A member of a map; `undefined` when it is not there. */
  member(map: string, key: string): unknown;
}

export type ExpressionOutcome =
  | { readonly kind: "value"; readonly value: unknown }
  /** It needs a member that is not there. */
  | { readonly kind: "absent" }
  | { readonly kind: "error"; readonly reason: string };

export interface Expression {
  readonly source: string;
  /** Never throws. */
  evaluate(scope: ExpressionScope): ExpressionOutcome;
}

export type ExpressionCompilation = { readonly ok: true; readonly expression: Expression } | CelFailure;

export interface ExpressionLanguageOptions {
  /** Name → CEL type: `string`, `int`, `double`, `bool`. */
  readonly variables: Readonly<Record<string, string>>;
  /** Names of maps whose members may be of any type. */
  readonly maps: readonly string[];
}

/** What `compile` accepts: an expression that gives a bool, or one that gives anything. */
export type ExpressionResult = "bool" | "any";

export interface ExpressionLanguage {
  /** Parses and type-checks. Never throws. */
  compile(source: string, result: ExpressionResult): ExpressionCompilation;
}

/** A language of expressions over one kind of record. The engine is loaded with the first expression. */
export function createExpressionLanguage(options: ExpressionLanguageOptions): ExpressionLanguage {
  let environment: Cel.Environment | undefined;

  function environmentOnce(): Cel.Environment {
    if (environment !== undefined) return environment;
    const made = createCelEnvironment();
    for (const [name, type] of Object.entries(options.variables)) made.registerVariable(name, type);
    for (const name of options.maps) made.registerVariable(name, "map<string, dyn>");
    environment = made;
    return made;
  }

  function compile(source: string, result: ExpressionResult): ExpressionCompilation {
    if (source.length > CEL_LENGTH_MAX) return failure(source, `is longer than ${CEL_LENGTH_MAX} characters`, 0);
    try {
      const program = environmentOnce().parse(source);
      const uses = new Uses(options);
      uses.visit(program.ast);
      if (uses.refusal !== undefined) return failure(source, uses.refusal.message, uses.refusal.at);
      const checked = program.check();
      if (!checked.valid) return failureOf(source, checked.error);
      if (result === "bool" && checked.type !== "bool" && checked.type !== "dyn")
        return failure(source, `gives ${checked.type}, and must give bool`, 0);
      return { ok: true, expression: { source, evaluate: (scope) => evaluate(program, uses, scope) } };
    } catch (error) {
      return failureOf(source, error);
    }
  }

  return { compile };
}

function evaluate(
  program: (variables: Record<string, unknown>) => unknown,
  uses: Uses,
  scope: ExpressionScope,
): ExpressionOutcome {
  const variables: Record<string, unknown> = {};
  for (const name of uses.variables) variables[name] = scope.variable(name);
  let isAnyAbsent = false;
  for (const [name, members] of uses.members) {
    const map = new Map<string, unknown>();
    for (const [key, isAskedFor] of members) {
      const value = scope.member(name, key);
      isAnyAbsent ||= value === undefined;
      if (value !== undefined || !isAskedFor) map.set(key, value ?? null);
    }
    variables[name] = map;
  }
  try {
    const value = program(variables);
    return value === null && isAnyAbsent ? { kind: "absent" } : { kind: "value", value };
  } catch (error) {
    return isAnyAbsent ? { kind: "absent" } : { kind: "error", reason: reasonOf(error) };
  }
}

interface Access {
  readonly map: string;
  readonly key: string;
  /** Whether it asks if the member is there. */
  readonly isAsked: boolean;
}

/** The kind of failure, not its message: a message may repeat a value of the record, and reasons end in logs. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code.replaceAll("_", " ") : "it could not be evaluated";
}

/** What an expression reads, found once when it is compiled. */
class Uses {
  readonly variables = new Set<string>();
  /** Map → key → whether the expression asks if it is there. */
  readonly members = new Map<string, Map<string, boolean>>();
  refusal: { readonly message: string; readonly at: number } | undefined;
  readonly #options: ExpressionLanguageOptions;

  constructor(options: ExpressionLanguageOptions) {
    this.#options = options;
  }

  visit(node: Cel.ASTNode, isAskedFor = false): void {
    const access = this.#accessOf(node);
    if (access !== undefined) {
      const members = this.members.get(access.map) ?? new Map<string, boolean>();
      members.set(access.key, (members.get(access.key) ?? false) || access.isAsked || isAskedFor);
      this.members.set(access.map, members);
      return;
    }
    if (node.op === "id") this.#visitName(node.args, node.start);
    if (node.op === "call" || node.op === "rcall") {
      const name = node.args[0];
      const at = node.op === "rcall" ? node.args[1].end + 1 : node.start;
      if (!FUNCTIONS.has(name)) this.refusal ??= { message: `calls \`${name}\`, which is not to be had here`, at };
      for (const child of childrenOf(node.args.slice(1))) this.visit(child, name === "has");
      return;
    }
    for (const child of childrenOf(node.args)) this.visit(child, false);
  }

  #visitName(name: string, at: number): void {
    if (this.#options.maps.includes(name)) {
      this.refusal ??= { message: `\`${name}\` needs a key in quotes: \`${name}["key"]\``, at };
    } else if (Object.hasOwn(this.#options.variables, name)) {
      this.variables.add(name);
    }
  }

  /** `map["key"]`, `map.key` and `"key" in map`; `undefined` for everything else. */
  #accessOf(node: Cel.ASTNode): Access | undefined {
    if (node.op === "in") return this.#named(node.args[1], literalOf(node.args[0]), true);
    if (node.op === "[]") return this.#named(node.args[0], literalOf(node.args[1]), false);
    if (node.op === ".") return this.#named(node.args[0], node.args[1], false);
    return undefined;
  }

  #named(map: unknown, key: unknown, isAsked: boolean): Access | undefined {
    if (!isNode(map) || map.op !== "id" || typeof key !== "string") return undefined;
    return this.#options.maps.includes(map.args) ? { map: map.args, key, isAsked } : undefined;
  }
}

function literalOf(node: unknown): unknown {
  return isNode(node) && node.op === "value" ? node.args : undefined;
}
