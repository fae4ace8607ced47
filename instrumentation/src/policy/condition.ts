/**
 * Conditions of rules, in CEL (https://cel.dev): typed, without loops, bounded in time.
 *
 * cel-js parses and checks the types when a policy is read; cel/program.ts evaluates, on a meter that all conditions of one
 * decision share. What the meter does not allow fails, and a failed condition denies. What may be called is a list:
 * `matches` runs JavaScript regular expressions, which can take minutes. Numbers in `args` are doubles, as JSON has them:
 * `args.n > 3` works, arithmetic needs `1.0`.
 */
import type * as Cel from "@marcbachmann/cel-js";
import type { JsonValue } from "./canonical-json.ts";
import { CEL_LENGTH_MAX, childrenOf, createCelEnvironment, failure, failureOf } from "./cel/engine.ts";
import type { CelFailure } from "./cel/engine.ts";
import { UnsupportedNode } from "./cel/frame.ts";
import type { Evaluate, Frame } from "./cel/frame.ts";
import { CEL_FUNCTIONS } from "./cel/functions.ts";
import { isMacro } from "./cel/macros.ts";
import { EvaluationError, Meter } from "./cel/meter.ts";
import { compileProgram } from "./cel/program.ts";
import { compileGlob, GlobError } from "./glob.ts";
import { DEFAULT_LABEL_ORDER } from "./label.ts";
import type { LabelOrder } from "./label.ts";
import { DESTINATIONS_MAX } from "./request.ts";
import type { PolicyRequest } from "./request.ts";

export type ConditionOutcome =
  | { readonly ok: true; readonly met: boolean }
  /** It could not be evaluated. */
  | { readonly ok: false; readonly reason: string };

export interface Condition {
  readonly source: string;
  /** The tree, for those who judge a policy without a request. */
  readonly ast: Cel.ASTNode;
  /**
   * One that names `destination` is asked for each of the call's. `any`: it is met where it is for one of them, for rules that
   * take something away; `all`: where it is for all of them. What fails for one, and is not decided by another, fails. Never throws.
   */
  evaluate(scope: ConditionScope, holds?: "any" | "all"): ConditionOutcome;
}

export type ConditionCompilation = { readonly ok: true; readonly condition: Condition } | CelFailure;

/** The variables of one decision, made once for all its conditions, and what they may cost together. */
export type ConditionScope = Frame;

/** Builds the scope: every variable is there, so that a condition never fails for one that was left out. */
export function conditionScope(
  request: PolicyRequest,
  call: { readonly tool: string; readonly args: JsonValue | undefined; readonly labels: LabelOrder },
): ConditionScope {
  const { tool, agent } = request;
  const { labels } = call;
  const destinations = destinationsOf(request);
  return {
    meter: new Meter(),
    locals: [],
    variables: {
      tool: {
        name: call.tool,
        label: whole(highestRank(labels, tool.labels)),
        labels: tool.labels ?? NONE,
        systems: tool.systems ?? NONE,
        actions: tool.actions ?? NONE,
        reversibility: tool.reversibility ?? "",
        known: tool.isKnown ?? false,
        changed: tool.isChanged ?? false,
      },
      args: call.args ?? NO_ARGS,
      agent: {
        name: agent?.name ?? "",
        team: agent?.team ?? "",
        role: agent?.role ?? "",
        autonomy: agent?.autonomy ?? "",
        owner: agent?.owner ?? "",
      },
      session: sessionVariable(request, labels),
      expansion: request.expansion ?? NONE,
      model: request.model ?? "",
      destination: destinations[0] ?? "",
      destinations,
      environment: request.environment ?? "",
      now: request.now ?? EPOCH,
    },
  };
}

function destinationsOf({ destination, destinations = NONE }: PolicyRequest): readonly string[] {
  return destination === undefined ? destinations : [...new Set([destination, ...destinations])];
}

const NONE: readonly never[] = Object.freeze([]);
const NO_ARGS = Object.freeze({});
const EPOCH = new Date(0);
const SMALL: readonly bigint[] = Array.from({ length: 64 }, (_, value) => BigInt(value));

function whole(value: number): bigint {
  return SMALL[value] ?? BigInt(Math.trunc(value));
}

function sessionVariable({ session }: PolicyRequest, labels: LabelOrder): Readonly<Record<string, unknown>> {
  return {
    label: whole(session?.label === undefined ? highestRank(labels, session?.labels) : labels.rank(session.label)),
    labels: session?.labels ?? NONE,
    spent_usd: session?.spentUsd ?? 0,
    calls: whole(session?.calls ?? 0),
    denied: whole(session?.denied ?? 0),
    tools: session?.tools ?? NONE,
    actions: session?.actions ?? NONE,
    systems: session?.systems ?? NONE,
    destinations: session?.destinations ?? NONE,
    dry_runs: session?.dryRuns ?? NONE,
    rehearsed: session?.isRehearsed ?? false,
  };
}

function highestRank(labels: LabelOrder, names: readonly string[] | undefined): number {
  return names === undefined || names.length === 0 ? 0 : labels.rank(labels.highest(names));
}

/** Parses and type-checks a condition. Never throws. */
export function compileCondition(source: string, labels: LabelOrder = DEFAULT_LABEL_ORDER): ConditionCompilation {
  if (source.length > CEL_LENGTH_MAX) return failure(source, `is longer than ${CEL_LENGTH_MAX} characters`, 0);
  try {
    const program = celEnvironment().parse(source);
    const refusal = refusalOf(program.ast, labels);
    if (refusal !== undefined) return failure(source, refusal.message, refusal.at);
    const checked = program.check();
    if (!checked.valid) return failureOf(source, checked.error);
    if (checked.type !== "bool" && checked.type !== "dyn")
      return failure(source, `gives ${checked.type}, and must give bool`, 0);
    const label = ([name]: readonly unknown[]): bigint => BigInt(labels.rank(String(name)));
    const run = compileProgram(program.ast, { functions: new Map([["label", label]]), paths: PATHS });
    const { ast } = program;
    const each = (scope: ConditionScope, holds?: "any" | "all"): ConditionOutcome => evaluateEach(run, scope, holds);
    const one = (scope: ConditionScope): ConditionOutcome => evaluate(run, scope);
    return { ok: true, condition: { source, ast, evaluate: namesDestination(ast) ? each : one } };
  } catch (error) {
    return error instanceof UnsupportedNode ? failure(source, error.message, error.at) : failureOf(source, error);
  }
}

const MET: ConditionOutcome = { ok: true, met: true };
const NOT_MET: ConditionOutcome = { ok: true, met: false };

function evaluate(run: Evaluate, scope: ConditionScope): ConditionOutcome {
  try {
    const result = run(scope);
    if (typeof result === "boolean") return result ? MET : NOT_MET;
    return { ok: false, reason: "its result is no bool" };
  } catch (error) {
    // Anything but an error of ours has a message that nobody promised: it may repeat an argument.
    return { ok: false, reason: error instanceof EvaluationError ? error.message : "it could not be evaluated" };
  }
}

const TOO_MANY: ConditionOutcome = {
  ok: false,
  reason: `the call names more than ${DESTINATIONS_MAX} destinations`,
};

/** Whoever puts a bad destination beside a good one is to gain nothing by it. */
function evaluateEach(run: Evaluate, scope: ConditionScope, holds: "any" | "all" = "any"): ConditionOutcome {
  const destinations = scope.variables["destinations"] as readonly string[];
  if (destinations.length > DESTINATIONS_MAX) return TOO_MANY;
  if (destinations.length <= 1) return evaluate(run, scope);
  const decisive = holds === "any" ? MET : NOT_MET;
  let failed: ConditionOutcome | undefined;
  for (const destination of destinations) {
    const outcome = evaluate(run, { ...scope, variables: { ...scope.variables, destination } });
    if (outcome === decisive) return decisive;
    if (!outcome.ok) failed ??= outcome;
  }
  return failed ?? (decisive === MET ? NOT_MET : MET);
}

function namesDestination(node: Cel.ASTNode): boolean {
  if (node.op === "id") return node.args === "destination" || node.args === "destinations";
  return childrenOf(node.args).some(namesDestination);
}

/** A function of its own for each: the engine then finds each member at once. Every request has them all. */
const PATHS: ReadonlyMap<string, Evaluate> = new Map<string, Evaluate>([
  ["args", ({ variables }) => variables["args"]],
  ["model", ({ variables }) => variables["model"]],
  ["destination", ({ variables }) => variables["destination"]],
  ["destinations", ({ variables }) => variables["destinations"]],
  ["environment", ({ variables }) => variables["environment"]],
  ["expansion", ({ variables }) => variables["expansion"]],
  ["now", ({ variables }) => variables["now"]],
  ["tool.name", ({ variables }) => (variables["tool"] as Members)["name"]],
  ["tool.label", ({ variables }) => (variables["tool"] as Members)["label"]],
  ["tool.labels", ({ variables }) => (variables["tool"] as Members)["labels"]],
  ["tool.systems", ({ variables }) => (variables["tool"] as Members)["systems"]],
  ["tool.actions", ({ variables }) => (variables["tool"] as Members)["actions"]],
  ["agent.name", ({ variables }) => (variables["agent"] as Members)["name"]],
  ["agent.team", ({ variables }) => (variables["agent"] as Members)["team"]],
  ["agent.role", ({ variables }) => (variables["agent"] as Members)["role"]],
  ["agent.autonomy", ({ variables }) => (variables["agent"] as Members)["autonomy"]],
  ["session.label", ({ variables }) => (variables["session"] as Members)["label"]],
  ["session.spent_usd", ({ variables }) => (variables["session"] as Members)["spent_usd"]],
  ["session.calls", ({ variables }) => (variables["session"] as Members)["calls"]],
  ["session.denied", ({ variables }) => (variables["session"] as Members)["denied"]],
]);

type Members = Readonly<Record<string, unknown>>;

interface Refusal {
  readonly message: string;
  readonly at: number;
}

/** The first call of something that conditions do not have. */
function refusalOf(node: Cel.ASTNode, labels: LabelOrder): Refusal | undefined {
  if (node.op === "call" || node.op === "rcall") {
    const name = node.args[0];
    // A method stands after its receiver and a dot.
    const at = node.op === "rcall" ? node.args[1].end + 1 : node.start;
    const isKnown = CEL_FUNCTIONS.has(name) || isMacro(name) || name === "has" || name === "label";
    if (!isKnown) return { message: `calls \`${name}\`, which conditions do not have`, at };
    const refusal =
      name === "label"
        ? labelRefusal(node.args.at(-1), { at, labels })
        : name === "glob"
          ? globRefusal(node.args)
          : undefined;
    if (refusal !== undefined) return refusal;
  }
  for (const child of childrenOf(node.args)) {
    const refusal = refusalOf(child, labels);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** A pattern that is written out is judged when the policy is read. */
function globRefusal(args: unknown): Refusal | undefined {
  const literal = childrenOf(args).at(-1);
  if (literal?.op !== "value" || typeof literal.args !== "string") return undefined;
  try {
    compileGlob(literal.args);
    return undefined;
  } catch (error) {
    if (!(error instanceof GlobError)) throw error;
    return { message: error.message, at: literal.start };
  }
}

function labelRefusal(
  args: unknown,
  { at, labels }: { readonly at: number; readonly labels: LabelOrder },
): Refusal | undefined {
  const [literal] = childrenOf(args);
  if (literal?.op === "value" && typeof literal.args === "string" && labels.has(literal.args)) return undefined;
  const known = labels.names.flat().map((label) => `"${label}"`);
  return { message: `wants one of ${known.join(", ")} in \`label\``, at };
}

let environment: Cel.Environment | undefined;

/** Made on first use: most processes have no conditions, and registration has to be quick. */
function celEnvironment(): Cel.Environment {
  environment ??= createCelEnvironment()
    .registerVariable("tool", {
      schema: {
        name: "string",
        label: "int",
        labels: "list<string>",
        systems: "list<string>",
        actions: "list<string>",
        reversibility: "string",
        known: "bool",
        changed: "bool",
      },
    })
    .registerVariable("args", "dyn")
    .registerVariable("agent", {
      schema: { name: "string", team: "string", role: "string", autonomy: "string", owner: "string" },
    })
    .registerVariable("session", {
      schema: {
        label: "int",
        labels: "list<string>",
        spent_usd: "double",
        calls: "int",
        denied: "int",
        tools: "list<string>",
        actions: "list<string>",
        systems: "list<string>",
        destinations: "list<string>",
        dry_runs: "list<string>",
        rehearsed: "bool",
      },
    })
    .registerVariable("expansion", "list<string>")
    .registerVariable("model", "string")
    .registerVariable("destination", "string")
    .registerVariable("destinations", "list<string>")
    .registerVariable("environment", "string")
    .registerVariable("now", "google.protobuf.Timestamp")
    .registerFunction("label(string): int", () => 0n);
  return environment;
}
