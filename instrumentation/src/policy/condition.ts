/**
 * Conditions of rules, in CEL (https://cel.dev): typed, without loops, bounded in time.
 *
 * The engine is loaded when the first condition is compiled. What it offers is held to a list of functions: `matches`
 * runs JavaScript regular expressions, which can take minutes, and `bind`, `split` and `join` can grow values. Macros
 * over lists are bounded before they run: nodes × (largest collection)^(nesting), weighted by the length of texts, must stay
 * under a limit that is worth a few milliseconds; above it the condition fails, and a failed condition never allows.
 * Numbers in `args` are doubles, as JSON has them: `args.n > 3` works, arithmetic needs `1.0`.
 */
import type * as Cel from "@marcbachmann/cel-js";
import type { JsonValue, ValueSize } from "./canonical-json.ts";
import { CEL_LENGTH_MAX, childrenOf, createCelEnvironment, failure, failureOf, firstLine } from "./cel.ts";
import type { CelFailure } from "./cel.ts";
import { DATA_LABELS, isDataLabel, labelRank } from "./label.ts";
import type { PolicyRequest } from "./request.ts";

const WORK_MAX = 50_000;

/** Everything that a condition may call. `string.f` is a method. */
const FUNCTIONS: ReadonlySet<string> = new Set(
  (
    "has all exists exists_one filter map size contains startsWith endsWith lowerAscii upperAscii trim indexOf " +
    "label glob int double string bool timestamp duration getFullYear getMonth getDate getDayOfMonth getDayOfWeek " +
    "getDayOfYear getHours getMinutes getSeconds"
  ).split(" "),
);
const MACROS: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "filter", "map"]);

export type ConditionOutcome =
  | { readonly ok: true; readonly met: boolean }
  /** It could not be evaluated. */
  | { readonly ok: false; readonly reason: string };

export interface Condition {
  readonly source: string;
  evaluate(scope: ConditionScope): ConditionOutcome;
}

export type ConditionCompilation = { readonly ok: true; readonly condition: Condition } | CelFailure;

/** The variables of one decision, made once for all its conditions. */
export interface ConditionScope {
  readonly variables: Readonly<Record<string, unknown>>;
  readonly size: ValueSize | undefined;
}

/** Builds the scope: every variable is there, so that a condition never fails for one that was left out. */
export function conditionScope(
  request: PolicyRequest,
  call: { readonly tool: string; readonly args: JsonValue | undefined; readonly size: ValueSize | undefined },
): ConditionScope {
  const { tool, agent, session } = request;
  return {
    size: call.size,
    variables: {
      tool: { name: call.tool, labels: tool.labels ?? [], systems: tool.systems ?? [], actions: tool.actions ?? [] },
      args: call.args ?? {},
      agent: {
        name: agent?.name ?? "",
        team: agent?.team ?? "",
        role: agent?.role ?? "",
        autonomy: agent?.autonomy ?? "",
      },
      session: {
        label: BigInt(session?.label === undefined ? 0 : labelRank(session.label)),
        spent_usd: session?.spentUsd ?? 0,
        calls: BigInt(Math.trunc(session?.calls ?? 0)),
        denied: BigInt(Math.trunc(session?.denied ?? 0)),
      },
      model: request.model ?? "",
      destination: request.destination ?? "",
      environment: request.environment ?? "",
      now: request.now ?? new Date(0),
    },
  };
}

/** Parses and type-checks a condition. Never throws. */
export function compileCondition(source: string): ConditionCompilation {
  if (source.length > CEL_LENGTH_MAX) return failure(source, `is longer than ${CEL_LENGTH_MAX} characters`, 0);
  try {
    const program = celEnvironment().parse(source);
    const shape: Shape = { nodes: 0, literals: 0, nesting: 0, additions: 0, comparesDeep: false, refusal: undefined };
    measure(program.ast, 0, shape);
    if (shape.refusal !== undefined) return failure(source, shape.refusal.message, shape.refusal.at);
    const checked = program.check();
    if (!checked.valid) return failureOf(source, checked.error);
    if (checked.type !== "bool" && checked.type !== "dyn")
      return failure(source, `gives ${checked.type}, and must give bool`, 0);
    return { ok: true, condition: { source, evaluate: (scope) => evaluate(program, shape, scope) } };
  } catch (error) {
    return failureOf(source, error);
  }
}

function evaluate(
  program: (variables: Record<string, unknown>) => unknown,
  shape: Shape,
  scope: ConditionScope,
): ConditionOutcome {
  try {
    if (workOf(shape, scope.size) > WORK_MAX) return { ok: false, reason: "the arguments are too large for it" };
    const result = program(scope.variables);
    if (typeof result === "boolean") return { ok: true, met: result };
    return { ok: false, reason: "its result is no bool" };
  } catch (error) {
    return { ok: false, reason: firstLine(error) };
  }
}

/** Counted once at compile time: what bounds the running time. */
interface Shape {
  nodes: number;
  literals: number;
  /** Macros within macros. */
  nesting: number;
  /** Concatenations, each of which may join two collections. */
  additions: number;
  /** Compares two computed values within a macro: each time as long as the arguments are large. */
  comparesDeep: boolean;
  refusal: { readonly message: string; readonly at: number } | undefined;
}

function workOf(shape: Shape, size: ValueSize | undefined): number {
  const width = Math.max(size?.widestCollection ?? 0, shape.literals, 1) * (shape.additions + 1);
  const text = (shape.comparesDeep ? size?.length : size?.longestText) ?? 0;
  const weight = Math.max(1, (text * (shape.additions + 1)) / 1024);
  return shape.nodes * width ** shape.nesting * weight;
}

function measure(node: Cel.ASTNode, nesting: number, shape: Shape): void {
  shape.nodes += 1;
  shape.nesting = Math.max(shape.nesting, nesting);
  if (node.op === "+") shape.additions += 1;
  if (nesting > 0 && (node.op === "==" || node.op === "!=" || node.op === "in")) {
    shape.comparesDeep ||= node.args.every((side) => side.op !== "value");
  }
  if (node.op === "list" || node.op === "map") shape.literals = Math.max(shape.literals, node.args.length);
  if (node.op !== "call" && node.op !== "rcall") {
    for (const child of childrenOf(node.args)) measure(child, nesting, shape);
    return;
  }
  const name = node.args[0];
  // A method stands after its receiver and a dot.
  const at = node.op === "rcall" ? node.args[1].end + 1 : node.start;
  if (!FUNCTIONS.has(name)) shape.refusal ??= { message: `calls \`${name}\`, which conditions do not have`, at };
  if (name === "label") shape.refusal ??= labelRefusal(node.args.at(-1), at);
  const inner = node.op === "rcall" && MACROS.has(name) ? nesting + 1 : nesting;
  if (node.op === "rcall") measure(node.args[1], nesting, shape);
  for (const child of childrenOf(node.args.slice(node.op === "rcall" ? 2 : 1))) measure(child, inner, shape);
}

function labelRefusal(args: unknown, at: number): Shape["refusal"] {
  const [literal] = childrenOf(args);
  if (literal?.op === "value" && typeof literal.args === "string" && isDataLabel(literal.args)) return undefined;
  return { message: `wants one of ${DATA_LABELS.map((label) => `"${label}"`).join(", ")} in \`label\``, at };
}

let environment: Cel.Environment | undefined;

/** Made on first use: most processes have no conditions, and registration has to be quick. */
function celEnvironment(): Cel.Environment {
  environment ??= createCelEnvironment()
    .registerVariable("tool", {
      schema: { name: "string", labels: "list<string>", systems: "list<string>", actions: "list<string>" },
    })
    .registerVariable("args", "dyn")
    .registerVariable("agent", { schema: { name: "string", team: "string", role: "string", autonomy: "string" } })
    .registerVariable("session", { schema: { label: "int", spent_usd: "double", calls: "int", denied: "int" } })
    .registerVariable("model", "string")
    .registerVariable("destination", "string")
    .registerVariable("environment", "string")
    .registerVariable("now", "google.protobuf.Timestamp")
    .registerFunction("label(string): int", (label: string) => BigInt(labelRank(label)));
  return environment;
}
